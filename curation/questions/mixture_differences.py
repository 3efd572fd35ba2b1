"""Two mixtures side by side: what went in, what each source gave, which rows only one has, the recipes line by line."""

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.mixing import Recipe, dump
from curation.models import Kind, Project, Version
from curation.questions.differences import Difference, differences


@dataclass(frozen=True, slots=True)
class Change:
    """What something gave in the one and in the other; None where it was not part of it."""

    name: str
    here: int | None
    there: int | None

    @property
    def more(self) -> int:
        return (self.here or 0) - (self.there or 0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of the recipes; empty where one of them has none."""

    here: str
    there: str

    @property
    def changed(self) -> bool:
        return self.here != self.there


@dataclass(frozen=True, slots=True)
class MixtureDifference:
    """`here` is compared with `there`."""

    here: Version
    there: Version
    components: list[Change]
    sources: list[Change]
    rows: list[Difference]
    lines: list[Pair]


def mixture_difference(here: Version, there: Version) -> MixtureDifference:
    """Rows are counted by id; those that are only in one are `new` here or `gone`."""
    return MixtureDifference(
        here,
        there,
        components=_changes(*(_components(one) for one in (here, there))),
        sources=_changes(*(_sources(one) for one in (here, there))),
        rows=differences(there, here),
        lines=_lines(*(dump(Recipe.of(one.run.config)).splitlines() for one in (here, there))),
    )


def mixture_named(project: Project, text: str) -> Version:
    """A version of a mixture by name or name@number; BadInput where there is none."""
    version = Version.objects.named(project, text)
    if version.kind != Kind.MIXTURE:
        raise BadInput(f"{version} holds {version.kind.label}; only mixtures are compared here.")
    return version


def before(version: Version) -> Version | None:
    """The version that the dataset had before this one, of those that are there still."""
    earlier = Version.objects.live().filter(dataset=version.dataset, number__lt=version.number)
    return earlier.select_related("dataset__project", "run").order_by("-number").first()


def compared(project: Project, of: str, against: str = "") -> tuple[Version, Version]:
    """A mixture and what it is held against, the version before unless that is named. BadInput where there is none."""
    here = mixture_named(project, of)
    there = mixture_named(project, against) if against else before(here)
    if there is None:
        raise BadInput(
            f"There is no version before {here}; name another mixture or version to compare it with."
        )
    return here, there


def _components(version: Version) -> dict[str, int]:
    """Rows by dataset, whatever the version of it was."""
    return {str(one["dataset"]).partition("@")[0]: one["rows"] for one in version.facts.get("shares", [])}


def _sources(version: Version) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for batch in version.batches(["source"]):
        for one in pc.value_counts(batch.column("source")).to_pylist():
            counted[one["values"]] += one["counts"]
    return dict(counted.most_common())


def _changes(here: dict[str, int], there: dict[str, int]) -> list[Change]:
    return [Change(name, here.get(name), there.get(name)) for name in dict.fromkeys([*here, *there])]


def _lines(here: list[str], there: list[str]) -> list[Pair]:
    pairs: list[Pair] = []
    for _, a, b, c, d in SequenceMatcher(None, there, here, autojunk=False).get_opcodes():
        pairs += [Pair(new or "", old or "") for old, new in zip_longest(there[a:b], here[c:d])]
    return pairs


def told(found: MixtureDifference) -> dict[str, Any]:
    """As plain values."""
    return {
        "here": str(found.here),
        "there": str(found.there),
        "components": [{"name": c.name, "here": c.here, "there": c.there} for c in found.components],
        "sources": [{"name": c.name, "here": c.here, "there": c.there} for c in found.sources],
        "rows": [{"kind": d.kind, "rows": d.rows, "first": list(d.first)} for d in found.rows],
        "recipe": [{"here": p.here, "there": p.there} for p in found.lines],
    }
