from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from curation.access import ProjectRequest, curating
from curation.asked import number
from curation.engine.configs import load
from curation.engine.errors import DataError
from curation.engine.mapping import Mapping
from curation.engine.readers import Format, Options, Reject, Row
from curation.engine.readers.files import kind_of
from curation.engine.records import ROLES
from curation.forms.mapping import OTHER, Draft, shapes
from curation.forms.sources import CHOICES, SEPARATORS, reading, require_confirmed
from curation.models import Run, Source
from curation.questions.intake import IMPORT
from curation.questions.looks import LOOK, readings, sample_rows
from curation.questions.previews import Tried, paths, speakers, tried, untried
from curation.tasks.importing import import_again
from curation.tasks.looking import look_again
from curation.views.sources import source_of

Sample = list[Row | Reject]


@require_GET
@curating
def source_mapping(request: ProjectRequest, name: str) -> HttpResponse:
    """What was found where the rows are, and how they become conversations; while a look runs, how far it is."""
    source = source_of(request, name)
    look = readings(source, LOOK).first()
    if look is None or look.status != Run.Status.DONE:
        return _waiting(request, source, look)
    if request.htmx:
        return HttpResponseClientRefresh()
    draft = _begun(source, look)
    return _editor(request, source, look, draft)


def _waiting(request: ProjectRequest, source: Source, look: Run | None, error: str = "") -> HttpResponse:
    """A look that is under way, that failed, or that nobody started yet."""
    part = "curation/_source_looking.html" if request.htmx else "curation/source_looking.html"
    context = {
        "source": source,
        "look": look,
        "progress": look.progress() if look else None,
        "error": error or (look.error if look else ""),
        "roots": settings.IMPORT_ROOTS,
    }
    return render(request, part, context)


def _options(look: Run) -> dict[str, Any]:
    """How the files were read for a look, so that an import of what was seen reads them alike."""
    found = look.summary.get("mapping") or {}
    options: dict[str, Any] = found.get("options") or look.config.get("options", {})
    return options


def _begun(source: Source, look: Run) -> Draft:
    """The mapping that the source has, else the one that is proposed for its rows."""
    draft = Draft.of(source.mapping or look.summary.get("mapping") or {}, _options(look))
    draft.guess(_columns(look))
    return draft


def _columns(look: Run) -> list[str]:
    return [column["name"] for column in look.summary.get("columns", [])]


def _editor(
    request: ProjectRequest, source: Source, look: Run, draft: Draft, status: int = 200
) -> HttpResponse:
    try:
        sample = sample_rows(look)
    except DataError as error:
        return _waiting(request, source, look, str(error))
    told = look.summary
    context = {
        "source": source,
        "look": look,
        "told": told,
        "about": max(told.get("estimated_rows", 0), len(sample)),
        "refused": draft.error,
        "blocked": [] if source.is_benchmark else told.get("eval_split", []),
        "delimited": _delimited(look),
        "read": load(Options, _options(look)),
        "asked": load(Options, look.config.get("options", {})),
        "choices": CHOICES,
        "separators": SEPARATORS,
        "saved": bool(source.mapping),
    }
    return render(
        request, "curation/source_mapping.html", context | _form(look, draft, sample), status=status
    )


def _delimited(look: Run) -> bool:
    kinds = {kind_of(name) for name in look.summary.get("names", [])}
    return bool(kinds & {Format.CSV, Format.TSV, None})


def _form(look: Run, draft: Draft, sample: Sample) -> dict[str, Any]:
    columns, inside, heard = _columns(look), paths(sample), speakers(sample, draft.roles)
    groups = draft.groups({*columns, *inside})
    return {
        "draft": draft,
        "shapes": shapes(),
        "groups": groups,
        "more_chosen": draft.id or any(field.chosen or field.typed for field in groups["more"]),
        "columns": columns,
        "inside": inside,
        "seen": look.summary.get("columns", []),
        "speakers": heard,
        "strange": any(not one.role for one in heard),
        "speaks_as": ROLES,
        "other": OTHER,
        "tried": _tried(draft, sample),
    }


def _tried(draft: Draft, sample: Sample) -> Tried:
    try:
        return tried(sample, draft.mapping())
    except DataError as error:
        return untried(sample, error)


@require_POST
@curating
def source_preview(request: ProjectRequest, name: str) -> HttpResponse:
    """The sample under the mapping in the form; nothing is kept."""
    source = source_of(request, name)
    look = _asked(request, source)
    draft = _posted(request, look)
    if not request.htmx:
        return _editor(request, source, look, draft)
    context = _form(look, draft, sample_rows(look))
    context |= {"source": source, "look": look, "told": look.summary}
    context["redrawn"] = request.POST.get("drawn") != draft.drawn
    return render(request, "curation/_source_preview.html", context)


def _asked(request: ProjectRequest, source: Source) -> Run:
    """The look that the form was filled in for."""
    done = readings(source, LOOK).filter(status=Run.Status.DONE)
    look: Run = get_object_or_404(done, pk=number(request.POST.get("look", "")))
    return look


def _posted(request: ProjectRequest, look: Run) -> Draft:
    draft = Draft.posted(request.POST, _options(look))
    if request.POST.get("drawn") != draft.drawn:
        draft.guess(_columns(look))
    return draft


@require_POST
@curating
def source_look(request: ProjectRequest, name: str) -> HttpResponse:
    """Look again, at the newest revision; how files are to be read may be said."""
    source = source_of(request, name)
    options = reading(request.POST) if "reading" in request.POST else _saved_reading(source)
    look_again(source, options=options, user=request.user)
    return redirect("source-mapping", request.project, source.name)


def _saved_reading(source: Source) -> dict[str, Any]:
    saved = source.mapping.get("options", {})
    named = {name: saved.get(name) for name in ("header", "delimiter", "quoted")}
    return {name: value for name, value in named.items() if value is not None}


@require_POST
@curating
def source_import(request: ProjectRequest, name: str) -> HttpResponse:
    """Import what was looked at under the mapping in the form; or, with `again`, whatever is there now as before."""
    source = source_of(request, name)
    if "look" not in request.POST:
        return redirect(_again(request, source))
    look = _asked(request, source)
    draft = _posted(request, look)
    try:
        return redirect(_start(request, source, look, draft))
    except DataError as error:
        draft.error = str(error)
        return _editor(request, source, look, draft, status=422)


def _start(request: ProjectRequest, source: Source, look: Run, draft: Draft) -> Run:
    mapping: Mapping = draft.mapping()
    require_confirmed(source, look, draft.confirmed)
    return import_again(
        source,
        mapping=mapping.as_dict(),
        confirmed=draft.confirmed,
        max_rejected=draft.share,
        look=look,
        user=request.user,
    )


def _again(request: ProjectRequest, source: Source) -> Run:
    """With the saved mapping, and what was confirmed the last time."""
    before = readings(source, IMPORT).first()
    said = before.config if before else {}
    kept = {key: said[key] for key in ("confirmed", "max_rejected") if key in said}
    return import_again(source, user=request.user, **kept)
