"""Looks at sources that were taken before: their samples, and what a mapping makes of one."""

from django.db.models import Max

from curation.engine import looking
from curation.engine.errors import BadInput
from curation.engine.looking import Preview
from curation.engine.mapping import Mapping
from curation.engine.readers import Reject, Row
from curation.models import Run, Source, store

LOOK = "look"


def newest_look(source: Source) -> Run | None:
    """The newest finished look at a source where it is now; its summary says what was found."""
    runs = Run.objects.filter(
        project=source.project_id, kind=LOOK, subject=source.name, status=Run.Status.DONE
    )
    there = runs.filter(config__kind=source.kind, config__location=source.location)
    return there.select_related("project").order_by("-pk").first()


def sample_rows(look: Run) -> list[Row | Reject]:
    """The sample of a look. BadInput when the look is not done, or its sample was swept: then look again."""
    path = look.summary.get("sample")
    if look.kind != LOOK or not path:
        raise BadInput("Nothing was looked at yet")
    try:
        with store().open(path) as file:
            return looking.decoded(file.read())
    except BadInput:
        raise BadInput("The sample of this look is gone; look at the source again") from None


def preview(look: Run, mapping: Mapping, limit: int = 10) -> Preview:
    """What a mapping makes of the sample; how files are read (`mapping.options`) is as it was in the look."""
    return looking.preview(sample_rows(look), mapping, limit)


def kept_samples() -> set[str]:
    """Folders that a sweep leaves alone: the sample of the newest finished look at each source."""
    done = Run.objects.filter(kind=LOOK, status=Run.Status.DONE)
    newest = done.values("project", "subject").annotate(newest=Max("pk")).values_list("newest", flat=True)
    return {f"{pk}/sample" for pk in newest}
