"""What is asked of a run that removed duplicates: its clusters, by number, with the texts of their rows."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from curation.models import Run, Version, store
from decontam.engine.numbered import Numbered
from decontam.engine.pairing import Finder, Place
from decontam.questions import scans

PREVIEW = 240
_finder = Finder()


@dataclass(frozen=True, slots=True)
class Member:
    """A row of a cluster: its number in the version of clusters, what is said of it, and where it lies."""

    seq: int
    said: dict[str, Any]
    version: Version

    @property
    def kept(self) -> bool:
        return bool(self.said["method"] == "kept")

    @property
    def preview(self) -> str:
        """What the first user turn begins with, or else the first turn: found only when it is asked for."""
        place = Place(
            self.version.dataset.name,
            self.version.number,
            store(),
            scans.shards(self.version),
            self.version.content_hash,
        )
        record = _finder.find(place, self.said["record_id"]) or {"messages": []}
        said = [turn["content"] for turn in record["messages"] if turn["content"]]
        asked = [turn["content"] for turn in record["messages"] if turn["content"] and turn["role"] == "user"]
        return str([*asked, *said, ""][0])[:PREVIEW]


def clusters(run: Run) -> Version | None:
    """None as long as nothing is decided."""
    return run.outputs.filter(role="clusters").select_related("dataset__project").first()


def members(run: Run, version: Version, after: int, limit: int) -> list[Member]:
    """Rows of clusters behind number `after`; each cluster begins with the row that is kept, the largest come first."""
    numbered = Numbered(store(), scans.shards(version))
    numbers = list(range(after + 1, min(after + limit, len(numbered)) + 1))
    rows = numbered.rows(numbers) if numbers else []
    every = [*run.inputs_of("against"), *run.inputs_of("versions")]
    ends = list(accumulate(one.rows for one in every))
    found = []
    for seq, row in zip(numbers, rows, strict=True):
        where = every[bisect_right(ends, row["position"])]
        found.append(Member(seq, row, where))
    return found
