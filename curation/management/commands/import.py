from django.core.management.base import CommandParser

from curation.management.importing import ImportingCommand
from curation.models import Source


class Command(ImportingCommand):
    help = (
        "Import a prompt source: a file, folder, glob or Hub id, in any format that is recognised or mapped."
    )
    split_role = Source.SplitRole.TRAIN

    def add_own_arguments(self, parser: CommandParser) -> None:
        super().add_own_arguments(parser)
        parser.add_argument(
            "--confirm-eval-split",
            action="store_true",
            help="import it although its name says evaluation split",
        )
