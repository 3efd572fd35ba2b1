"""Configs and summaries as tables in words, and two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from curation.models import Run

MOST_LINES = 200
LONGEST = 300
NAMES = ("benchmark", "dataset", "profile", "name", "path")
WORDS = {
    "hub": "from the Hub",
    "confirmed": "confirmed as training data",
    "max_rejected": "share of rows that may be rejected",
    "n": "words in an n-gram",
    "unit": "text that is compared",
    "rows_hit": "rows with a match",
    "items_hit": "items with a match",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One value of a config or a summary."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One value in two runs; empty where a run has none."""

    key: str
    here: str
    there: str

    @property
    def changed(self) -> bool:
        return self.here != self.there


def in_words(saved: Mapping[str, Any]) -> list[Told]:
    """A nested config or summary as lines, the first 200."""
    return [Told(key, value) for key, value in _flat(saved)][:MOST_LINES]


def side_by_side(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[Compared]:
    """What changed comes first; otherwise in the order of the newer one."""
    one, other = dict(_flat(here)), dict(_flat(there))
    lines = [Compared(key, one.get(key, ""), other.get(key, "")) for key in {**one, **other}]
    return sorted(lines, key=lambda line: not line.changed)[:MOST_LINES]


def previous(run: Run) -> Run | None:
    """The run before of the same kind on the same subject; a finished one where there is one."""
    before = Run.objects.filter(project=run.project_id, kind=run.kind, subject=run.subject, pk__lt=run.pk)
    earlier = before.select_related("project").order_by("-pk")
    return earlier.filter(status=Run.Status.DONE).first() or earlier.first()


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, (*path, _word(str(key))))
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, (*path, _name(inner, number)))
    elif path:
        yield " · ".join(path), said(value)


def _word(key: str) -> str:
    return WORDS.get(key, key.replace("_", " "))


def _name(value: Any, number: int) -> str:
    """Of one of several: by the name that it carries, else by its place."""
    carried = (value.get(name) for name in NAMES) if isinstance(value, Mapping) else ()
    return next((str(name) for name in carried if isinstance(name, str) and name), str(number))


def said(value: Any) -> str:
    """A value of JSON for a reader; long ones are cut."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        return f"{value:,.6g}".replace("-", "−")
    text = ", ".join(said(one) for one in value) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
