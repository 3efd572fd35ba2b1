from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from curation.access import Role, project_for
from curation.api.terms import Key, Limit, Name, Place, Started, Text, started
from curation.engine.errors import BadInput
from curation.models import Export, Run, Source, Version
from decontam.catalogue import entries, entry
from decontam.delivery import streamed
from decontam.engine.scan import ScanConfig
from decontam.models import Policy, Ruling
from decontam.questions import reviews
from decontam.questions.certificates import certificates, in_full
from decontam.questions.overlap import overlap
from decontam.questions.reviews import Filter
from decontam.questions.scans import finished
from decontam.questions.taint import offspring, removed_version
from decontam.tasks.applying import start_apply
from decontam.tasks.exports import start_export_scan
from decontam.tasks.registering import start_registration
from decontam.tasks.rescanning import start_rescan
from decontam.tasks.ruling import rule_all
from decontam.tasks.scanning import start_scan

router = Router(tags=["decontamination"])
PLAIN = ScanConfig()
LINES = {
    "responses": {
        200: {"description": "OK", "content": {"application/jsonl": {"schema": {"type": "string"}}}}
    }
}


class ScanIn(Schema):
    """`training`, `benchmarks` and `background` are versions: name or name@number."""

    training: Text
    benchmarks: list[Text]
    n: int = PLAIN.n
    threshold: float = PLAIN.threshold
    unit: Text = PLAIN.unit
    profile: Text = PLAIN.profile
    encoder: Text = Field("", description="looks for meaning too: minilm, or endpoint: and its name")
    false_alarms: float = Field(PLAIN.false_alarms, description="share of clean rows that meaning may flag")
    background: Text = Field("", description="a clean version to calibrate meaning on, else the scanned one")
    thresholds: dict[Text, float] = Field({}, description="share of an item's information, by benchmark")


class RescanIn(Schema):
    """Versions, name or name@number; the newest of the benchmarks of the scan when none is named."""

    benchmarks: list[Text] = []


class FilterIn(Schema):
    benchmark: Text = ""
    method: Text = ""
    lowest: float = 0.0
    highest: float = 1.0
    cause: Text = ""
    open_only: bool = False
    verdict: Text = ""
    only: Text = ""
    suppressed: Text = ""
    why: Text = ""
    order: Text = ""
    second: bool = False
    disputed: bool = False

    def wanted(self, request: HttpRequest) -> Filter:
        return Filter(**self.dict(), reader=request.user.pk or 0)


class RulingIn(Schema):
    """Either the numbers of matches (`seqs`), or a filter whose matches are all ruled on."""

    verdict: Text
    reason: Annotated[Text, Field(max_length=1000)] = ""
    seqs: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(max_length=2000)] = []
    filter: FilterIn | None = None


class PolicyIn(Schema):
    """What is left out is as in the policy of the project."""

    policy: Text | None = Field(None, description="which matches count: drop (all but false alarms) or ruled")
    dev: Text | None = Field(None, description="what becomes of rows: drop, quarantine or cut")
    unseen: Text | None = Field(None, description="the same for held-out benchmarks")
    source_above: float | None = None
    max_removed: float | None = None
    meaning: bool | None = Field(None, description="rows that only meaning found go too")


class ApplyIn(PolicyIn):
    allow_source: Annotated[Text, Field(max_length=500)] = ""


class RuledOut(Schema):
    verdict: str
    by: str
    at: datetime
    reason: str


class MatchOut(Schema):
    seq: int
    record_id: str
    turn: int
    benchmark: str
    item_id: str
    part: str
    method: str
    score: float
    found_by: list[str]
    share: float | None
    bits: float | None
    doubt: float
    train_spans: list[dict[str, int]]
    item_spans: list[dict[str, int]]
    cause: str
    phrase: str
    suppressed: str | None
    ruled: RuledOut | None = None


class Matches(Schema):
    items: list[MatchOut]
    previous: int | None
    next: int | None


class Rows(Schema):
    items: list[dict[str, Any]]
    next: int | None


class Done(Schema):
    ruled: int = 0
    run: int | None = None


class Undone(Schema):
    seqs: list[int]
    kept: list[int]


class Report(Schema):
    scan: int
    status: str
    config: dict[str, Any]
    summary: dict[str, Any]
    review: dict[str, int] | None


def _scan(request: HttpRequest, project: Name, pk: int, role: str = Role.VIEWER) -> Run:
    runs = project_for(request, project, role).runs.select_related("project")
    return get_object_or_404(runs, kind="scan", pk=pk)


def finished_scan(request: HttpRequest, project: Name, pk: int, role: str = Role.VIEWER) -> Run:
    return finished(_scan(request, project, pk, role))


@router.get("/projects/{project}/overlap", response=list[dict[str, Any]])
def get_overlap(request: HttpRequest, project: Name) -> list[dict[str, Any]]:
    """Every dataset × benchmark that was ever compared: the newest counts, with both denominators."""
    cells = overlap(project_for(request, project)).cells
    return [
        {"scan": cell.scan, "training": str(cell.training), "outdated": cell.outdated, **cell.line}
        for cell in cells
    ]


@router.post("/projects/{project}/scans", response={202: Started})
def scan(request: HttpRequest, project: Name, said: ScanIn) -> Any:
    """Compare a version with benchmarks."""
    place = project_for(request, project, Role.CURATOR)
    config = ScanConfig(**said.dict(exclude={"training", "benchmarks", "background"}))
    training = Version.objects.named(place, said.training)
    benchmarks = [Version.objects.named(place, name) for name in said.benchmarks]
    if not benchmarks:
        raise BadInput("Name at least one benchmark to compare with.")
    background = Version.objects.named(place, said.background) if said.background else None
    return started(start_scan(training, benchmarks, config, background=background, user=request.user))


@router.post("/projects/{project}/scans/{pk}/rescan", response={202: Started})
def rescan(request: HttpRequest, project: Name, pk: Key, said: RescanIn) -> Any:
    """The same rows and settings against newer versions of benchmarks; only items that are new are matched."""
    run = finished_scan(request, project, pk, Role.CURATOR)
    benchmarks = [Version.objects.named(run.project, name) for name in said.benchmarks]
    return started(start_rescan(run, benchmarks, user=request.user))


@router.post("/projects/{project}/exports/{mixture}/{number}/scan", response={202: Started})
def scan_export(request: HttpRequest, project: Name, mixture: Name, number: Key) -> Any:
    """Compare the published files of an export with the benchmarks of its project; what is found withholds them."""
    place = project_for(request, project, Role.CURATOR)
    own = Export.objects.filter(mixture__project=place).select_related("mixture__project", "version__dataset")
    export = get_object_or_404(own, mixture__name=mixture, number=number)
    return started(start_export_scan(export, user=request.user))


@router.get("/projects/{project}/scans/{pk}", response=Report)
def get_scan(request: HttpRequest, project: Name, pk: Key) -> dict[str, Any]:
    """What a scan found, and how far its review is."""
    run = _scan(request, project, pk)
    review = asdict(reviews.counts(run)) if run.status == Run.Status.DONE else None
    told = {"scan": run.pk, "status": run.status, "config": run.config, "summary": run.summary}
    return told | {"review": review}


@router.get("/projects/{project}/scans/{pk}/report", response=None, openapi_extra=LINES)
def get_report(
    request: HttpRequest,
    project: Name,
    pk: Key,
    everything: bool = Query(False, alias="all"),  # type: ignore[type-arg]
) -> HttpResponseBase:
    """What counts, one JSON object a line, in the shape of decon's reports; with `all` also what does not."""
    return streamed(_scan(request, project, pk), everything=everything)


@router.get("/projects/{project}/scans/{pk}/matches", response=Matches)
def list_matches(
    request: HttpRequest,
    project: Name,
    pk: Key,
    wanted: Query[FilterIn],
    after: Place = 0,
    before: Place = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The evidence; `next` is the `after` of the next page, `previous` the `before` of the one ahead of it."""
    run = finished_scan(request, project, pk)
    page = reviews.page(run, wanted.wanted(request), after=after, before=before, limit=limit)
    ruled = {} if wanted.second else reviews.rulings_of(run, page.rows)
    items = [row | {"ruled": ruled.get(row["seq"])} for row in page.rows]
    return {"items": items, "previous": page.previous, "next": page.next}


@router.get("/projects/{project}/scans/{pk}/causes", response=Rows)
def list_causes(
    request: HttpRequest,
    project: Name,
    pk: Key,
    wanted: Query[FilterIn],
    after: Place = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Matches that were found for the same reason, as groups; `next` is the `after` of the next page."""
    page = reviews.groups(
        finished_scan(request, project, pk), wanted.wanted(request), after=after, limit=limit
    )
    return {"items": page.rows, "next": page.next}


@router.get("/projects/{project}/scans/{pk}/matches/{seq}", response=dict[str, Any])
def get_pair(request: HttpRequest, project: Name, pk: Key, seq: Key) -> dict[str, Any]:
    """Both texts of a match, with the spans that they share in characters."""
    run = finished_scan(request, project, pk)
    pair = reviews.pair(run, reviews.at(run, seq))
    return {"match": pair.match, "training": _side(pair.training), "item": _side(pair.item)}


def _side(side: Any) -> dict[str, Any]:
    return {
        name: getattr(side, name) for name in ("dataset", "version", "record_id", "role", "text", "spans")
    }


@router.post("/projects/{project}/scans/{pk}/rulings", response={200: Done, 202: Done})
def rule(request: HttpRequest, project: Name, pk: Key, said: RulingIn) -> Status[dict[str, Any]]:
    """One verdict on some matches; more than 2,000 at once are ruled by a run."""
    run = finished_scan(request, project, pk, Role.CURATOR)
    if bool(said.seqs) == (said.filter is not None):
        raise BadInput("Give either the numbers of matches (seqs) or a filter.")
    if said.filter is None:
        found = reviews.several(run, sorted(set(said.seqs)))
        ruled: int | Run = Ruling.objects.rule(
            run, found, said.verdict, by=request.user, reason=said.reason.strip()
        )
    else:
        wanted = said.filter.wanted(request)
        ruled = rule_all(run, wanted, said.verdict, by=request.user, reason=said.reason.strip())
    if isinstance(ruled, Run):
        return Status(202, {"run": ruled.pk})
    return Status(200, {"ruled": ruled})


@router.delete("/projects/{project}/scans/{pk}/rulings/last", response=Undone)
def undo(request: HttpRequest, project: Name, pk: Key) -> Any:
    """Take back your last ruling on this scan."""
    return Ruling.objects.undo(finished_scan(request, project, pk, Role.CURATOR), by=request.user)


@router.get("/projects/{project}/scans/{pk}/preview", response=dict[str, Any])
def preview(request: HttpRequest, project: Name, pk: Key, said: Query[ApplyIn]) -> dict[str, Any]:
    """What applying the scan now would remove."""
    run = finished_scan(request, project, pk)
    found = reviews.preview(run, Policy.objects.config(run.project, **said.dict()))
    condemned = [one.benchmark for one in found.condemned]
    return asdict(found) | {"share": found.share, "refused": found.refused, "condemned": condemned}


@router.post("/projects/{project}/scans/{pk}/apply", response={202: Started})
def apply(request: HttpRequest, project: Name, pk: Key, said: ApplyIn) -> Any:
    """Freeze the rulings and make the clean version, with its certificate."""
    run = finished_scan(request, project, pk, Role.CURATOR)
    return started(start_apply(run, Policy.objects.config(run.project, **said.dict()), user=request.user))


@router.get("/projects/{project}/catalogue", response=list[dict[str, Any]])
def list_catalogue(request: HttpRequest, project: Name) -> list[dict[str, Any]]:
    """Published benchmarks: where each is, what its columns are, and who says so."""
    project_for(request, project)
    return [asdict(one) | {"location": one.location, "mapping": one.mapping} for one in entries()]


@router.post("/projects/{project}/catalogue/{key}", response={202: Started})
def register_from_catalogue(request: HttpRequest, project: Name, key: Name, role: Text = "") -> Any:
    """Register a benchmark of the catalogue and import its items; `role` where the catalogue names none."""
    place, found = project_for(request, project, Role.CURATOR), entry(key)
    if found is None:
        raise BadInput(f"The catalogue has no benchmark {key}.")
    role = role or found.role or Source.BenchmarkRole.DEV
    return started(start_registration(place, found, role, user=request.user))


@router.get("/projects/{project}/policy", response=dict[str, Any])
def get_policy(request: HttpRequest, project: Name) -> dict[str, Any]:
    """What is proposed whenever a scan of the project is applied."""
    return asdict(Policy.objects.config(project_for(request, project)))


@router.put("/projects/{project}/policy", response=dict[str, Any])
def set_policy(request: HttpRequest, project: Name, said: PolicyIn) -> dict[str, Any]:
    """Change what is proposed; what is left out stays."""
    place = project_for(request, project, Role.CURATOR)
    config = Policy.objects.config(place, **said.dict())
    Policy.objects.save_for(place, config, by=request.user)
    return asdict(config)


@router.get("/projects/{project}/removed/{name}/{number}/offspring", response=list[dict[str, Any]])
def list_offspring(
    request: HttpRequest, project: Name, name: Name, number: Key, limit: Limit = 1000
) -> list[dict[str, Any]]:
    """Rows of other versions that were made from removed rows, by version, each with the parent by which it was."""
    removed = removed_version(project_for(request, project), name, number)
    return [
        {"version": str(one.version), "rows": len(one.rows), "first": dict(one.first[:limit])}
        for one in offspring(removed)
    ]


@router.get("/projects/{project}/certificates/{pk}", response=dict[str, Any])
def certificate(request: HttpRequest, project: Name, pk: Key) -> dict[str, Any]:
    """A certificate: what was looked for, what not, the counts, and the command that finds out again."""
    return in_full(get_object_or_404(certificates(project_for(request, project)), pk=pk))
