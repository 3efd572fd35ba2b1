"""Ask an endpoint: its key out of the environment, connections to checked addresses, replies kept in the database."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpcore2

from curation.engine.configs import load
from curation.engine.errors import DataError
from curation.engine.llm import CHAT, EMBEDDINGS, Answer, Direct, EndpointKind, LLMClient
from curation.engine.readers.addresses import system_resolver
from curation.engine.readers.fetching import Network
from curation.models import Endpoint, Part, Project, Reply

NETWORK = Network(system_resolver, httpcore2.SyncBackend(), time.monotonic)
PATIENCE = 60.0
PATIENCE_OF_A_READER = 20.0


def client_of(
    endpoint: Endpoint, *, benchmark_text: bool, timeout: float = PATIENCE, tries: int = 3
) -> LLMClient:
    """
    A client of an endpoint. Say whether it will be shown benchmark text: Refused where that is not allowed. A worker
    that is told to stop does not wait until a busy endpoint has time.
    """
    if benchmark_text:
        endpoint.require_benchmark_text_allowed()
    return LLMClient(
        endpoint.base_url,
        endpoint.model,
        endpoint.key(),
        transport=Direct(NETWORK),
        pause=Part.leaving.wait,
        timeout=timeout,
        tries=tries,
    )


@dataclass(frozen=True, slots=True)
class Tried:
    """How an endpoint answered something harmless: in how many seconds, or the sentence of what went wrong."""

    good: bool
    seconds: float
    sentence: str = ""


def try_out(endpoint: Endpoint) -> Tried:
    """Ask it for one word, once, while somebody waits."""
    begin = time.monotonic()
    try:
        client = client_of(endpoint, benchmark_text=False, timeout=PATIENCE_OF_A_READER, tries=1)
        client.ping(EMBEDDINGS if endpoint.kind == EndpointKind.EMBEDDINGS else CHAT)
    except DataError as error:
        return Tried(False, time.monotonic() - begin, str(error))
    return Tried(True, time.monotonic() - begin)


class KeptReplies:
    """The request store of a project: whichever run asked, nobody asks again."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def kept(self, keys: Sequence[str]) -> dict[str, Answer]:
        known = Reply.objects.known(self._project, keys)
        return {key: load(Answer, answer) for key, answer in known.items()}

    def keep(self, key: str, model: str, answer: Answer) -> None:
        """Two workers that asked the same at once keep the first reply."""
        Reply.objects.get_or_create(
            project=self._project, key=key, defaults={"model": model, "answer": asdict(answer)}
        )
