"""How the audit log tells what this app does."""

from dataclasses import replace

from django.urls import reverse

from curation.models import Event
from curation.questions.telling import Sentence, register, rows


def ruled(event: Event) -> Sentence:
    pairs = event.detail["pairs"]
    label = f"{pairs:,} {'match' if pairs == 1 else 'matches'}"
    url = reverse("review", args=[event.project.name, event.object_id])
    return Sentence("ruled", label=label, url=url, after=f" of {event.label}: {event.detail['verdict']}")


def unruled(event: Event) -> Sentence:
    return replace(ruled(event), before="took back a ruling on")


def cleaned(event: Event) -> Sentence:
    return Sentence("took matches out of", after=f": {rows(event.detail['rows_removed'])} removed")


def deduplicated(event: Event) -> Sentence:
    return Sentence("took duplicates out of", after=f": {rows(event.detail['removed'])} removed")


register("ruled", ruled)
register("unruled", unruled)
register("cleaned", cleaned)
register("deduplicated", deduplicated)
