"""The two texts of a match, as they were compared: so that its spans cut out of each what they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import local
from typing import Any

from curation.engine.store import Shard, Store
from curation.engine.units import WHOLE_RECORD, ItemPart, Unit, part_of, text_of
from decontam.engine.numbered import Kept

COLUMNS = ["id", "source", "parents", "messages", "completions", "chosen", "rejected", "ground_truth"]
COLUMNS += ["licence", "meta"]
MOST_RECORDS = 512
MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Side:
    """
    A text and where it stands. `spans` are `(start, end)` in characters of `text`, ascending. `turn` is its position
    in `turns`, the messages of the record; None where it is all user turns of an item, a line break between them.
    """

    dataset: str
    version: int
    record_id: str
    text: str
    spans: tuple[tuple[int, int], ...]
    role: str
    turn: int | None
    turns: tuple[Mapping[str, Any], ...]
    answer: str
    source: str
    origin: str
    licence: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A match, its training text and its benchmark item."""

    match: Mapping[str, Any]
    training: Side
    item: Side


@dataclass(frozen=True, slots=True)
class Place:
    """A version, as far as it is needed to find its records."""

    dataset: str
    version: int
    store: Store
    shards: tuple[Shard, ...]
    key: str


def training_side(
    place: Place, record: Mapping[str, Any], match: Mapping[str, Any], unit: Unit = Unit.USER
) -> Side:
    """The turn of a training record that was compared, or what the unit makes of all of it."""
    if match["turn"] == WHOLE_RECORD:
        said = text_of(record, unit, WHOLE_RECORD)
        return _side(place, record, match["train_spans"], text=said, role=str(unit), turn=None)
    said = record["messages"][match["turn"]]
    return _side(
        place, record, match["train_spans"], text=said["content"], role=said["role"], turn=match["turn"]
    )


def item_side(place: Place, record: Mapping[str, Any], match: Mapping[str, Any]) -> Side:
    """The part of an item that was found."""
    part = match.get("part") or ItemPart.PROMPT
    said = part_of(record, part)
    role = str(Unit.USER) if part == ItemPart.PROMPT else str(part)
    return _side(place, record, match["item_spans"], text=said, role=role, turn=None)


def _side(place: Place, record: Mapping[str, Any], spans: Sequence[Mapping[str, int]], **said: Any) -> Side:
    return Side(
        dataset=place.dataset,
        version=place.version,
        record_id=record["id"],
        spans=tuple(sorted((span["start"], span["end"]) for span in spans)),
        turns=tuple(record["messages"]),
        answer=_answer(record),
        source=record["source"],
        origin=dict(record["meta"]).get("origin", ""),
        licence=record["licence"] or "",
        parents=tuple(record["parents"]),
        **said,
    )


def _answer(record: Mapping[str, Any]) -> str:
    """What an answer is checked against, else the answer that was chosen, else the first one."""
    if record["ground_truth"] is not None:
        return str(record["ground_truth"])
    if not record["completions"]:
        return ""
    turns = record["completions"][record["chosen"] or 0]["messages"]
    return str(turns[-1]["content"] or "") if turns else ""


class Finder:
    """
    Records by id. A connection costs as much as a search, so each thread keeps its own; and the records that were
    found last are kept, since one item is matched by many rows and the next row is looked for ahead of its reader.
    """

    def __init__(self) -> None:
        self._found, self._mine = Kept(MOST_RECORDS, MOST_BYTES), local()

    def find(self, place: Place, record_id: str) -> dict[str, Any] | None:
        """None when the version has no such record."""
        key = place.key, record_id
        if (record := self._found.get(key)) is None and (record := self._search(place, record_id)):
            self._found.put(key, record, 2 * sum(len(turn["content"] or "") for turn in record["messages"]))
        return record  # type: ignore[no-any-return]

    def _search(self, place: Place, record_id: str) -> dict[str, Any] | None:
        files = [place.store.full(shard.path) for shard in place.shards if shard.rows]
        if not place.store.local or not files:
            return place.store.find(place.shards, record_id, COLUMNS)
        query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet(?) WHERE id = ? LIMIT 1"
        found = self._connection(place.store).execute(query, [files, record_id]).to_arrow_table().to_pylist()
        return found[0] if found else None

    def _connection(self, store: Store) -> Any:
        held = self._mine.__dict__
        if held.get("root") != store.root:
            held |= {"root": store.root, "connection": store.query()}
        return held["connection"]
