from typing import Any

from django.http import HttpRequest
from ninja import Body, Field, Router, Schema

from curation.access import Role, project_for
from curation.api.sources import ReadingIn, plain_mapping, source_of
from curation.api.terms import Name, Started, Text, started
from curation.engine.errors import BadInput
from curation.questions.looks import LOOK, newest_look, readings, sample_rows
from curation.questions.previews import tried
from curation.tasks.looking import look_again

router = Router(tags=["sources"])


class LookIn(Schema):
    revision: Text = Field("", max_length=200)
    options: ReadingIn = ReadingIn(header=None, delimiter=None)


class ColumnOut(Schema):
    name: str
    types: list[str]
    filled: int
    example: str


class LookOut(Schema):
    run: int
    status: str
    error: str
    files: int | None = None
    names: list[str] = []
    bytes: int | None = None
    ignored: list[str] = []
    eval_split: list[dict[str, str]] = Field(
        [], description="files whose names say evaluation split, and the word"
    )
    rows: int | None = Field(None, description="rows of the sample")
    rejected: int | None = None
    left_out: int | None = None
    reasons: dict[str, int] = {}
    rejects: list[dict[str, Any]] = []
    columns: list[ColumnOut] = []
    mapping: dict[str, Any] | None = Field(
        None, description="what is proposed; null where no known shape fits"
    )
    question: str = ""
    estimated_rows: int | None = None
    revision: str = ""
    licence: str = ""


class PreviewIn(Schema):
    mapping: dict[str, Any]
    limit: int = Field(10, ge=1, le=100)


class TurnOut(Schema):
    role: str
    text: str
    more: int = Field(description="characters that are not told")


class AnswerOut(Schema):
    label: str
    turns: list[TurnOut]


class PreviewRow(Schema):
    file: str
    line: int
    reason: str = Field(description="why the row cannot be used; empty where it can")
    raw: str
    turns: list[TurnOut]
    answers: list[AnswerOut]


class PreviewOut(Schema):
    total: int
    usable: int
    rejected: dict[str, int]
    rows: list[PreviewRow]


@router.post("/projects/{project}/sources/{name}/look", response={202: Started})
def look_at_source(request: HttpRequest, project: Name, name: Name, body: Body[LookIn]) -> Any:
    """Look at a source again: at the newest revision, unless one is named."""
    source = source_of(project_for(request, project, Role.CURATOR), name)
    options = body.options.options()
    return started(look_again(source, revision=body.revision, options=options, user=request.user))


@router.get("/projects/{project}/sources/{name}/look", response=LookOut)
def get_look(request: HttpRequest, project: Name, name: Name) -> Any:
    """The newest look: its state, and once it is done what was found and the mapping that is proposed."""
    look = readings(source_of(project_for(request, project), name), LOOK).first()
    if look is None:
        raise BadInput("Nothing was looked at yet; start a look.")
    return {"run": look.pk, "status": look.status, "error": look.error} | look.summary


@router.post("/projects/{project}/sources/{name}/preview", response=PreviewOut)
def preview_mapping(request: HttpRequest, project: Name, name: Name, body: PreviewIn) -> Any:
    """What a mapping makes of the sample of the newest look; nothing is kept."""
    look = newest_look(source_of(project_for(request, project, Role.CURATOR), name))
    if look is None:
        raise BadInput("Nothing was looked at yet; start a look.")
    made = tried(sample_rows(look), plain_mapping(body.mapping), body.limit)
    return {"total": made.total, "usable": made.usable, "rejected": dict(made.reasons), "rows": made.rows}
