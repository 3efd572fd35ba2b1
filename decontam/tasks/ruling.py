"""Rule on everything that a filter lets through: at once where it is little, else as a run."""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadConfig, BadInput
from curation.engine.store import GROUP_ROWS
from curation.models import Part, Run
from decontam.models import Act, Ruling
from decontam.questions.reviews import Filter, chosen, many


@dataclass(frozen=True, slots=True)
class RulingConfig:
    """`wanted` is a `Filter`."""

    scan: int
    verdict: str
    reason: str = ""
    wanted: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        load(Filter, self.wanted)
        if self.verdict not in Ruling.Verdict:
            raise BadConfig(f"There is no verdict {self.verdict!r}; choose {' or '.join(Ruling.Verdict)}.")

    @property
    def filter(self) -> Filter:
        return load(Filter, self.wanted)


def rule_all(scan: Run, wanted: Filter, verdict: str, *, by: Any, reason: str = "") -> int | Run:
    """How many pairs were ruled on, or the run that goes on ruling when they are more than 2,000 matches."""
    matches = chosen(scan, wanted, after=0, limit=Act.UNDOABLE + 1)
    if len(matches) > Act.UNDOABLE:
        return start_ruling(scan, wanted, verdict, reason=reason, user=by)
    if not matches:
        raise BadInput(f"Scan {scan.pk} has no such matches.")
    return Ruling.objects.rule(scan, matches, verdict, by=by, reason=reason)


def start_ruling(scan: Run, wanted: Filter, verdict: str, *, reason: str = "", user: Any) -> Run:
    """One verdict on all matches that a filter lets through, as a run."""
    config = RulingConfig(scan.pk, verdict, reason, asdict(wanted))
    inputs = {"matches": scan.output("matches")}
    return jobs.start(
        RULE, project=scan.project, config=config, inputs=inputs, subject=scan.subject, user=user
    )


def rule_on(part: Part) -> dict[str, int]:
    """Rule by the ten thousand; after each, the number of its last match is where the next attempt goes on."""
    config = part.config(RulingConfig)
    scan = Run.objects.select_related("project").get(pk=config.scan)
    at: dict[str, int] = part.checkpoint or {"seq": 0, "ruled": 0, "of": many(scan, config.filter)}
    while matches := chosen(scan, config.filter, after=at["seq"], limit=GROUP_ROWS):
        at = at | {"seq": matches[-1]["seq"], "ruled": at["ruled"] + len(matches)}
        with transaction.atomic():  # a worker that was given up for lost rules on nothing
            Ruling.objects.rule(scan, matches, config.verdict, by=part.run.user, reason=config.reason)
            part.save_checkpoint(at, at["ruled"], at["of"])
    return at


def tell_ruled(run: Run) -> None:
    """The matches, not the pairs: what the page counts."""
    (at,) = run.results(0)
    run.summary = {"scan": run.config["scan"], "ruled": at["ruled"], "verdict": run.config["verdict"]}


RULE = jobs.register(jobs.Job("rule", (jobs.Stage("rule", rule_on),), finish=tell_ruled))
