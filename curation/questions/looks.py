"""Looks at sources that were taken before: what they found, and their samples."""

from django.db.models import Max, QuerySet

from curation.engine import looking
from curation.engine.errors import BadInput
from curation.engine.readers import Reject, Row
from curation.models import Run, Source, store

LOOK = "look"


def readings(source: Source, kind: str) -> QuerySet[Run]:
    """The looks at a source, or the imports of it, where it is now; the newest first."""
    read = Run.objects.filter(project=source.project_id, kind=kind, subject=source.name)
    there = read.filter(config__kind=source.kind, config__location=source.location)
    return there.select_related("project", "user").order_by("-pk")


def newest_look(source: Source) -> Run | None:
    """The newest finished look; its summary says what was found."""
    return readings(source, LOOK).filter(status=Run.Status.DONE).first()


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


def kept_samples() -> set[str]:
    """Folders that a sweep leaves alone: the sample of the newest finished look at each source."""
    done = Run.objects.filter(kind=LOOK, status=Run.Status.DONE)
    newest = done.values("project", "subject").annotate(newest=Max("pk")).values_list("newest", flat=True)
    return {f"{pk}/sample" for pk in newest}
