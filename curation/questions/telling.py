"""An event of the audit log as a sentence with a link. Apps teach it their verbs with `register`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from curation.models import Event


@dataclass(frozen=True, slots=True)
class Sentence:
    """`who before [label](url) after`."""

    before: str
    after: str = ""
    label: str = ""
    url: str = ""


Teller = Callable[[Event], Sentence]


@dataclass(frozen=True, slots=True)
class Told:
    pk: int
    at: datetime
    who: str
    verb: str
    before: str
    label: str
    url: str
    after: str
    detail: dict[str, Any]

    def __str__(self) -> str:
        parts = (self.who, self.before, self.label) if self.label else (self.who, self.before)
        return " ".join(part for part in parts if part) + self.after


TELLERS: dict[str, Teller] = {}


def register(verb: str, teller: Teller) -> None:
    """How events of a verb are said; the object's label and link are filled in where the teller names none."""
    TELLERS[verb] = teller


def told(events: Iterable[Event]) -> list[Told]:
    """Without a query where `who` and `project` were selected with the events."""
    return [_told(event) for event in events]


def _told(event: Event) -> Told:
    try:
        said = TELLERS.get(event.verb, _plain)(event)
    except (KeyError, TypeError, ValueError):  # a detail that an earlier edition wrote otherwise
        said = _plain(event)
    label = said.label or event.label
    who = str(event.who) if event.who else "winnow"
    url = said.url or address(event)
    return Told(event.pk, event.at, who, event.verb, said.before, label, url, said.after, event.detail)


def _plain(event: Event) -> Sentence:
    return Sentence(event.verb)


def address(event: Event) -> str:
    """Where the object of an event is seen; empty where it has no page."""
    project, label = event.project.name, event.label
    try:
        return PAGES[event.kind](project, label, event.object_id) if event.kind in PAGES else ""
    except (NoReverseMatch, ValueError):
        return ""


def _version(project: str, label: str, _pk: int) -> str:
    name, _, number = label.rpartition("@")
    return reverse("version", args=[project, name, int(number)])


def _check(project: str, label: str, _pk: int) -> str:
    version = label.rpartition(": ")[0].rpartition(" of ")[2]
    name, _, number = version.rpartition("@")
    return reverse("version-checks", args=[project, name, int(number)])


def _export(project: str, label: str, _pk: int) -> str:
    mixture, _, number = label.rpartition(" export ")
    return reverse("export", args=[project, mixture, int(number)])


def _link(project: str, label: str, pk: int) -> str:
    return _export(project, label.partition(" for ")[0], pk)


PAGES: dict[str, Callable[[str, str, int], str]] = {
    "project": lambda project, _label, _pk: reverse("dashboard", args=[project]),
    "source": lambda project, label, _pk: reverse("source", args=[project, label]),
    "dataset": lambda project, label, _pk: reverse("dataset", args=[project, label]),
    "mixture": lambda project, label, _pk: reverse("mixture", args=[project, label]),
    "run": lambda project, _label, pk: reverse("run", args=[project, pk]),
    "membership": lambda project, _label, _pk: reverse("people", args=[project]),
    "token": lambda project, _label, _pk: reverse("tokens", args=[project]),
    "endpoint": lambda project, _label, _pk: reverse("endpoints", args=[project]),
    "version": _version,
    "check": _check,
    "export": _export,
    "link": _link,
}


def rows(number: Any) -> str:
    return f"{int(number):,} {'row' if number == 1 else 'rows'}"


def _because(event: Event) -> str:
    return f": {event.detail['reason']}" if event.detail.get("reason") else ""


def _may_see(event: Event) -> str:
    return ", which may see benchmark text" if event.detail["may_see_benchmark_text"] else ""


def _only(event: Event) -> list[str]:
    return [f"{event.detail['only']} alone"] if event.detail.get("only") else []


def _exported(event: Event) -> Sentence:
    why = event.detail.get("override")
    return Sentence("published", after=f" without the checks it needs: {why}" if why else "")


for _verb, _teller in {
    "opened": lambda event: Sentence("opened the project"),
    "registered": lambda event: Sentence("registered"),
    "changed": lambda event: Sentence("changed", after=f": {', '.join(event.detail.get('fields', []))}"),
    "mapped": lambda event: Sentence("set the mapping of", after=f", number {event.detail['number']}"),
    "imported": lambda event: Sentence("imported", after=f", {rows(event.detail['rows'])}"),
    "mixed": lambda event: Sentence("built", after=f", {rows(event.detail['rows'])}"),
    "checked": lambda event: Sentence("checked", label=event.label.partition(" of ")[2] or event.label),
    "outdated": lambda event: Sentence(
        f"made a check stale with a new version of {event.detail['because']}:",
        label=event.label.rpartition(": ")[0],
    ),
    "defined": lambda event: Sentence("changed the recipe of"),
    "exported": _exported,
    "withdrew": lambda event: Sentence("withdrew", after=_because(event)),
    "purged": lambda event: Sentence("purged", after=_because(event)),
    "issued": lambda event: Sentence(
        "made the token",
        after=f": {', '.join([*event.detail['scopes'], *_only(event)])}, for {event.detail['days']} days",
    ),
    "shared": lambda event: Sentence(
        "made a link to", label=event.label.partition(" for ")[0], after=f" for {event.detail['days']} days"
    ),
    "unshared": lambda event: Sentence("revoked the link to"),
    "revoked": lambda event: Sentence("revoked the token"),
    "invited": lambda event: Sentence(
        "invited", label=event.detail["name"], after=f" as {event.detail['role']}"
    ),
    "role changed": lambda event: Sentence(
        "made", label=event.detail["name"], after=f" {event.detail['role']}, before {event.detail['before']}"
    ),
    "removed": lambda event: Sentence("removed", label=event.detail["name"], after=" from the project"),
    "linked": lambda event: Sentence("made a link to set a password for", label=event.detail["name"]),
    "added": lambda event: Sentence(
        "added the endpoint", after=f": {event.detail['model']}{_may_see(event)}"
    ),
    "took away": lambda event: Sentence("took away the endpoint"),
    "required": lambda event: Sentence(
        "set the checks that exports of",
        after=f" need: {', '.join(event.detail['checks']) or 'none'}",
    ),
}.items():
    register(_verb, _teller)
