"""Words in any turn, looked for in the records themselves as far as a time budget reaches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadConfig
from curation.engine.exploring.attributes import Turns, answers, conversation
from curation.engine.exploring.reading import Wanted, groups
from curation.engine.store import Shard, Store

COLUMNS = ["messages.list.element.content", "completions.list.element.messages.list.element.content"]
MOST_WORDS = 12


@dataclass(frozen=True, slots=True)
class Hits:
    """
    Positions of rows that have the words. All rows up to `searched_to` were looked at: a next search goes on after it.
    `exhausted` when nothing is left to look at.
    """

    rows: tuple[int, ...]
    searched_to: int
    exhausted: bool


def search(
    store: Store,
    shards: Sequence[Shard],
    words: str,
    *,
    after: int = -1,
    limit: int = 20,
    seconds: float = 1.0,
    clock: Callable[[], float],
    among: np.ndarray | None = None,
) -> Hits:
    """
    The first rows behind `after` with a turn that has all the words, in any order and case, as parts of words too.

    `among` are the only positions that count, ascending. At least one stretch is searched, however short the time.
    """
    asked = words.split()
    if not 0 < len(asked) <= MOST_WORDS:
        raise BadConfig(f"Search for one to {MOST_WORDS} words, not {len(asked)}")
    found: list[int] = []
    until = clock() + seconds
    for first, batch in groups(store, shards, COLUMNS, _behind(after, among)):
        found += _chosen(_rows_with(asked, batch) + first, after, among)
        if len(found) >= limit:
            return Hits(tuple(found[:limit]), found[limit - 1], False)
        if clock() >= until:
            return Hits(tuple(found), first + batch.num_rows - 1, False)
    return Hits(tuple(found), sum(shard.rows for shard in shards) - 1, True)


def _behind(after: int, among: np.ndarray | None) -> Wanted:
    """Wants stretches that end behind `after` and hold a row that counts."""

    def wanted(first: int, rows: int) -> bool:
        start, end = max(first, after + 1), first + rows
        if among is None:
            return start < end
        return bool(np.searchsorted(among, start) < np.searchsorted(among, end))

    return wanted


def _chosen(rows: np.ndarray, after: int, among: np.ndarray | None) -> list[int]:
    rows = rows[rows > after]
    kept = rows if among is None else np.intersect1d(rows, among)
    return [int(row) for row in kept]


def _rows_with(words: Sequence[str], batch: pa.RecordBatch) -> np.ndarray:
    """Which rows of a batch have a turn with all the words, ascending."""
    hits = [_turns_with(words, turns) for turns in (conversation(batch), answers(batch))]
    return np.unique(np.concatenate(hits))


def _turns_with(words: Sequence[str], turns: Turns) -> np.ndarray:
    """The rows of the turns that have all the words; each word is looked for only where the ones before it were."""
    text, at = turns.field("content"), np.arange(len(turns.flat))
    for word in words:
        has = pc.fill_null(pc.match_substring(text, word, ignore_case=True), False)
        text, at = text.filter(has), at[has.to_numpy(zero_copy_only=False)]
    return turns.rows(at)
