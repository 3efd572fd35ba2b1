from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from sesame.utils import get_query_string

from curation.links import password_path


class Command(BaseCommand):
    help = "Print a link that signs a user in once, within a day; or one that sets a password, within three."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?")
        parser.add_argument("--user", default="admin", help="name of the user (default: %(default)s)")
        parser.add_argument("--url", default="http://127.0.0.1:8000")
        parser.add_argument(
            "--reset", action="store_true", help="a link that sets a password, for who lost theirs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"] or options["user"]
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {name}.")
        path = password_path(user) if options["reset"] else f"/login/link/{get_query_string(user)}"
        self.stdout.write(f"{options['url'].rstrip('/')}{path}")
