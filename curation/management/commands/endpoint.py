from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from curation.endpoints import try_out
from curation.engine.llm import KEYS, EndpointConfig, EndpointFault, EndpointKind
from curation.management.base import ProjectCommand
from curation.models import Endpoint

FACTS = ("name", "kind", "model", "base_url", "key_variable", "has_key", "may_see_benchmark_text")


class Command(ProjectCommand):
    help = "List the endpoints of models, add one (with --url and --model), try or remove one."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="")
        parser.add_argument("--url", default="", help="base URL, such as http://localhost:8000/v1")
        parser.add_argument("--model", default="", help="the model as the server calls it")
        parser.add_argument("--kind", choices=list(EndpointKind), default=EndpointKind.CHAT.value)
        parser.add_argument("--key-variable", default="", help=f"environment variable of the key, {KEYS}…")
        parser.add_argument(
            "--may-see-benchmark-text", action="store_true", help="benchmark items may go there"
        )
        parser.add_argument("--try", action="store_true", dest="trying", help="ask it for one word")
        parser.add_argument("--remove", action="store_true")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["url"]:
            self._add(options)
        elif options["remove"]:
            Endpoint.objects.remove(Endpoint.objects.named(self.project, options["name"]), by=self.user)
        elif options["trying"]:
            tried = try_out(Endpoint.objects.named(self.project, options["name"]))
            if not tried.good:
                raise EndpointFault(tried.sentence)
            return {"name": options["name"], "seconds": round(tried.seconds, 3)}
        return {"endpoints": [_facts(one) for one in self.project.endpoints.order_by("name")]}

    def _add(self, options: dict[str, Any]) -> None:
        config = EndpointConfig(
            options["name"],
            options["url"],
            options["model"],
            options["key_variable"],
            options["kind"],
            options["may_see_benchmark_text"],
        )
        Endpoint.objects.add(self.project, config, by=self.user)

    def told(self, answer: dict[str, Any]) -> Iterator[str]:
        if "seconds" in answer:
            yield f"{answer['name']} answered in {answer['seconds']} seconds"
        for one in answer.get("endpoints", ()):
            sees = "may see benchmark text" if one["may_see_benchmark_text"] else "no benchmark text"
            yield f"{one['name']:<20} {one['kind']:<10} {one['model']:<30} {one['base_url']}  {sees}"


def _facts(endpoint: Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in FACTS}
