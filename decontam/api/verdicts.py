from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from curation.access import Role, project_for
from curation.api.terms import Key, Limit, Name, Place, Started, Text, started
from curation.models import Run
from decontam.questions import verdicts
from decontam.questions.reviews import Filter
from decontam.questions.scans import finished
from decontam.tasks.judging import MOST, VerdictConfig, start_verdicts

router = Router(tags=["decontamination"])
USUAL = VerdictConfig("judge")


class VerdictsIn(Schema):
    """Which endpoint is asked, and about which matches."""

    endpoint: Text
    benchmark: Text = ""
    method: Text = ""
    open_only: bool = True
    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL.limit
    both_orders: bool = False
    max_tokens: Annotated[int, Field(ge=16, le=32_768)] = USUAL.max_tokens

    def config(self) -> VerdictConfig:
        wanted = Filter(benchmark=self.benchmark, method=self.method, open_only=self.open_only)
        return VerdictConfig(self.endpoint, asdict(wanted), self.limit, self.both_orders, self.max_tokens)


class VerdictOut(Schema):
    seq: int
    record_id: str
    benchmark: str
    item_id: str
    verdict: str
    reason: str
    model: str
    asked_at_endpoint: str


class AskedOut(Schema):
    run: int
    status: str
    error: str
    verdicts: dict[str, int]


class Verdicts(Schema):
    runs: list[AskedOut]
    items: list[VerdictOut]
    next: int | None = Field(description="the `after` of the next page; null on the last one")


def _finished(request: HttpRequest, project: str, pk: int, role: str = Role.VIEWER) -> Run:
    runs = project_for(request, project, role).runs.select_related("project")
    return finished(get_object_or_404(runs, kind="scan", pk=pk))


@router.post("/projects/{project}/scans/{pk}/verdicts", response={202: Started})
def ask_model(request: HttpRequest, project: Name, pk: Key, said: VerdictsIn) -> Any:
    """Ask a model about matches; its endpoint must be one that may see benchmark text."""
    scan = _finished(request, project, pk, Role.CURATOR)
    return started(start_verdicts(scan, said.config(), user=request.user))


@router.get("/projects/{project}/scans/{pk}/verdicts", response=Verdicts)
def list_verdicts(
    request: HttpRequest, project: Name, pk: Key, after: Place = 0, limit: Limit = 100
) -> dict[str, Any]:
    """What models said of the matches of a scan, by number; whole matches, so a page may be a little longer."""
    scan = _finished(request, project, pk)
    runs = [
        {"run": one.run.pk, "status": one.run.status, "error": one.run.error, "verdicts": dict(one.counts)}
        for one in verdicts.asked(scan)
    ]
    found = [row for row in verdicts.everything(scan) if row["seq"] > after]
    last = found[limit - 1]["seq"] if len(found) >= limit else 0
    items = [row for row in found if not last or row["seq"] <= last]
    return {"runs": runs, "items": items, "next": last if len(items) < len(found) else None}
