"""Ask a model about matches of a scan. What it says stands beside the matches and changes no ruling."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
from django.db import transaction

from curation import jobs
from curation.endpoints import KeptReplies, client_of
from curation.engine.configs import load
from curation.engine.errors import BadConfig, BadInput
from curation.engine.llm import EndpointKind, LLMClient, ask_all
from curation.engine.names import check_name
from curation.engine.store import Shard
from curation.models import Dataset, Endpoint, Event, Kind, Part, Project, Run
from decontam.engine.pairing import Pair
from decontam.engine.verdicts import VERDICTS, Said, agreed, question, understood
from decontam.questions import reviews
from decontam.questions.reviews import Filter
from decontam.tasks.applying import batched

MOST = 10_000
PAIRS = 32  # in a part: with eight requests at once a minute or so


@dataclass(frozen=True, slots=True)
class VerdictConfig:
    """
    Which endpoint, by name, is asked about which matches: the first `limit` that `wanted`, a `Filter`, lets through.
    With `both_orders` each is asked about twice, and only what both answers say counts.
    """

    endpoint: str
    wanted: dict[str, Any] = field(default_factory=dict)
    limit: int = 500
    both_orders: bool = False
    max_tokens: int = 512

    def __post_init__(self) -> None:
        check_name(self.endpoint, "The name of an endpoint")
        load(Filter, self.wanted)
        if not 1 <= self.limit <= MOST:
            raise BadConfig(f"A model is asked about 1 to {MOST:,} matches at a time.")
        if not 16 <= self.max_tokens <= 32_768:
            raise BadConfig("A reply has 16 to 32,768 tokens; models that think aloud need thousands.")

    @property
    def filter(self) -> Filter:
        return load(Filter, self.wanted)


def start_verdicts(scan: Run, config: VerdictConfig, *, user: Any = None) -> Run:
    """Refused where the endpoint may not see benchmark text; BadInput when there is nothing to ask about."""
    endpoint = _endpoint(scan.project, config)
    if not reviews.chosen(scan, config.filter, after=0, limit=1):
        raise BadInput(f"Scan {scan.pk} has no such matches.")
    training = scan.input("training")
    Dataset.objects.require_free(scan.project, _name(training.dataset.name), Kind.VERDICTS)
    inputs = {
        "training": training,
        "evidence": scan.output("matches"),
        "benchmarks": scan.inputs_of("benchmarks"),
    }
    with transaction.atomic():
        run = jobs.start(
            JUDGE,
            project=scan.project,
            config=config,
            inputs=inputs,
            subject=training.dataset.name,
            user=user,
        )
        told = {"endpoint": endpoint.name, "model": endpoint.model, "limit": config.limit}
        Event.objects.record("asked a model", scan, project=scan.project, by=user, **told)
    return run


def _endpoint(project: Project, config: VerdictConfig) -> Endpoint:
    """As it is now: an admin may have taken it away, or put another in its place."""
    endpoint = Endpoint.objects.named(project, config.endpoint)
    if endpoint.kind != EndpointKind.CHAT:
        raise BadInput(f"The endpoint {endpoint} is one for {endpoint.kind}; a verdict needs one for chat.")
    endpoint.require_benchmark_text_allowed()
    return endpoint


def _name(training: str) -> str:
    return f"{training}-verdicts"


def _scan(run: Run) -> Run:
    return Run.objects.select_related("project").get(pk=run.input("evidence").run_id)


def choose(part: Part) -> dict[str, list[int]]:
    """The numbers of the matches, as rulings are now: what is ruled later is asked about all the same."""
    config = part.config(VerdictConfig)
    found = reviews.chosen(_scan(part.run), config.filter, after=0, limit=config.limit)
    return {"seqs": [match["seq"] for match in found]}


def some_matches(run: Run) -> Iterator[dict[str, Any]]:
    (chosen,) = run.results(0)
    return ({"seqs": seqs} for seqs in batched(chosen["seqs"], PAIRS))


def ask(part: Part) -> dict[str, Any]:
    """Ask about some matches. Replies are kept as they come, so the next attempt asks only what is still open."""
    config, scan = part.config(VerdictConfig), _scan(part.run)
    endpoint = _endpoint(part.run.project, config)
    client = client_of(endpoint, benchmark_text=True)
    matches = reviews.several(scan, part.spec["seqs"])
    sayings = _asked(part, client, [reviews.pair(scan, match) for match in matches])
    rows = [
        said.row(match, endpoint.model, endpoint.name) for match, said in zip(matches, sayings, strict=True)
    ]
    shard = part.write("tmp/verdicts", VERDICTS, [pa.RecordBatch.from_pylist(rows, VERDICTS)])
    counts = Counter(said.verdict for said in sayings)
    return {"shard": asdict(shard), "counts": counts, "model": endpoint.model}


def _asked(part: Part, client: LLMClient, pairs: list[Pair]) -> list[Said]:
    """What the model says of each pair."""
    config = part.config(VerdictConfig)
    orders = (False, True) if config.both_orders else (False,)
    bodies = [
        client.body(question(pair, item_first=order), temperature=0, max_tokens=config.max_tokens)
        for pair in pairs
        for order in orders
    ]
    replies = ask_all(client, bodies, KeptReplies(part.run.project), progress=part.progress)
    return [agreed([understood(reply) for reply in some]) for some in batched(replies, len(orders))]


def publish_verdicts(part: Part) -> dict[str, Any]:
    run = part.run
    results = run.results(part.stage - 1)
    shards = [Shard(**result["shard"]) for result in results]
    shard = part.write("verdicts", VERDICTS, part.store.batches(shards))
    counts = sum((Counter(result["counts"]) for result in results), Counter[str]())
    facts = {
        "scan": _scan(run).pk,
        "endpoint": part.config(VerdictConfig).endpoint,
        "model": ", ".join(sorted({result["model"] for result in results})),
        "matches": shard.rows,
        "verdicts": dict(counts),
    }
    name = _name(run.input("training").dataset.name)
    part.publish("verdicts", name, Kind.VERDICTS, VERDICTS, [shard], facts=facts)
    return facts


def tell_verdicts(run: Run) -> None:
    made = run.output("verdicts")
    run.summary = {"version": str(made), **made.facts}


JUDGE = jobs.register(
    jobs.Job(
        "judge",
        (
            jobs.Stage("choose", choose),
            jobs.Stage("ask", ask, some_matches),
            jobs.Stage("publish", publish_verdicts),
        ),
        finish=tell_verdicts,
    )
)
