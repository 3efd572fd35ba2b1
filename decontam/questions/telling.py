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


def asked_a_model(event: Event) -> Sentence:
    url = reverse("scan", args=[event.project.name, event.object_id])
    said = f"asked {event.detail['model']} at {event.detail['endpoint']} about matches of"
    return Sentence(said, label=event.label, url=url)


def rule_made(event: Event) -> Sentence:
    why = f": {event.detail['reason']}" if event.detail["reason"] else ""
    return Sentence(
        "made", url=reverse("rules", args=[event.project.name]), after=f", {event.detail['verdict']}{why}"
    )


def rule_turned(event: Event) -> Sentence:
    before, after = ("put", " into force") if event.detail["active"] else ("took", " out of force")
    return Sentence(before, url=reverse("rules", args=[event.project.name]), after=after)


def kept_source(event: Event) -> Sentence:
    over = ", ".join(event.detail["benchmarks"])
    return Sentence("kept", after=f" although it is over the line for {over}: {event.detail['reason']}")


def set_policy(event: Event) -> Sentence:
    said = f": {event.detail['dev']} for development, {event.detail['unseen']} for held-out benchmarks"
    return Sentence("set", url=reverse("policy", args=[event.project.name]), after=said)


def deduplicated(event: Event) -> Sentence:
    return Sentence("took duplicates out of", after=f": {rows(event.detail['removed'])} removed")


register("ruled", ruled)
register("kept source", kept_source)
register("set policy", set_policy)
register("asked a model", asked_a_model)
register("rule made", rule_made)
register("rule turned", rule_turned)
register("unruled", unruled)
register("cleaned", cleaned)
register("deduplicated", deduplicated)
