"""
What a review page asks of a scan that has run: any match by number, the next that nobody ruled, causes, both texts.

Matches are numbered and lie in that order, so a page costs the same wherever it is. Which of them are ruled is asked
of the ledger of the scan.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.core.cache import cache

from curation.engine.errors import BadInput
from curation.engine.units import Unit
from curation.models import Run, Version, store
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig
from decontam.engine.ledger import SUPPRESSED, Filter, Mask, numbers
from decontam.engine.numbered import Kept, Numbered
from decontam.engine.pairing import Finder, Pair, Place, item_side, training_side
from decontam.engine.preview import COLUMNS as LOOKED_AT
from decontam.engine.preview import VERDICTS, Preview
from decontam.engine.preview import preview as foresee
from decontam.models import Act, Ruling
from decontam.questions.ledgers import ledger, verdict_columns
from decontam.questions.rules import convicted, evidence, standing_for, under_rules
from decontam.questions.scans import inputs, output, shards
from decontam.questions.taint import children_in

__all__ = ["ANY", "DESK", "Filter", "Page", "Pair", "Preview", "Ruled", "Tally"]
ANY = Filter()
DESK = Filter(suppressed="no")  # what is looked at unless somebody asks for more
FOR_RULING = ["seq", "row_fingerprint", "item_fingerprint", "benchmark"]
INDEX = ["benchmark", "cause", "first_seq", "last_seq"]
GROUPS_AT_ONCE = 4_096

_indexes = Kept(4, 256 << 20)
_finder, _ahead = Finder(), ThreadPoolExecutor(1, "ahead")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows; pass `next` as `after` and `previous` as `before` for those beside them, None where there are none."""

    rows: list[dict[str, Any]]
    previous: int | None
    next: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Matches of a scan by what was ruled, and the training rows that have one."""

    matches: int
    rows: int
    open: int
    contaminated: int
    false_alarms: int
    suppressed: int = 0

    @property
    def counting(self) -> int:
        """What is not suppressed, whatever was ruled of it."""
        return self.matches - self.suppressed


@dataclass(frozen=True, slots=True)
class Ruled:
    """Who ruled what on a match, when and why."""

    verdict: str
    by: str
    at: datetime
    reason: str


# ---- matches


def at(scan: Run, seq: int) -> dict[str, Any]:
    """One match by its number; BadInput when there is none."""
    (found,) = under_rules(scan, [_matches(scan).row(seq)])
    return found


def several(scan: Run, seqs: Sequence[int]) -> list[dict[str, Any]]:
    """Some matches by their numbers, in their order; BadInput when one is not there."""
    rising = sorted(seqs)
    rows = dict(zip(rising, under_rules(scan, _matches(scan).rows(rising)), strict=True))
    return [rows[seq] for seq in seqs]


def page(scan: Run, wanted: Filter = ANY, *, after: int = 0, before: int = 0, limit: int = 50) -> Page:
    """Up to `limit` matches above the number `after`, or the last ones below `before`, in the order asked for."""
    found = list(islice(_walk(scan, wanted, after=after, before=before), limit + 1))
    shown = found[:limit][:: -1 if before else 1]
    if not shown:
        return Page([], None, None)
    further = len(found) > limit
    above = bool(before) or further
    below = further if before else next(_walk(scan, wanted, before=shown[0]), None) is not None
    return Page(several(scan, shown), shown[0] if below else None, shown[-1] if above else None)


def following(scan: Run, wanted: Filter = ANY, *, after: int = 0) -> dict[str, Any] | None:
    """The next match above `after` that nobody ruled (or that was, where that is what is wanted)."""
    seq = next(_walk(scan, wanted.to_rule, after=after), None)
    return None if seq is None else at(scan, seq)


def preceding(scan: Run, wanted: Filter = ANY, *, before: int) -> dict[str, Any] | None:
    """The last match below `before` that nobody ruled (or that was, where that is what is wanted)."""
    seq = next(_walk(scan, wanted.to_rule, before=before), None)
    return None if seq is None else at(scan, seq)


def many(scan: Run, wanted: Filter) -> int:
    """How many matches a filter lets through."""
    return sum(len(block) for block in _blocks(scan, replace(wanted, order="")))


def chosen(scan: Run, wanted: Filter, *, after: int, limit: int) -> list[dict[str, Any]]:
    """What a ruling needs of up to `limit` matches above a number, in the order of their numbers."""
    seqs = list(islice(_walk(scan, replace(wanted, order=""), after=after), limit))
    return [row for table in _matches(scan).tables(seqs, FOR_RULING) for row in table.to_pylist()]


def _walk(scan: Run, wanted: Filter, *, after: int = 0, before: int = 0) -> Iterator[int]:
    for block in _blocks(scan, wanted, after=after, before=before):
        yield from block.tolist()


def _blocks(scan: Run, wanted: Filter, *, after: int = 0, before: int = 0) -> Iterator[np.ndarray]:
    spans = _spans(scan, wanted)
    if wanted.order:
        held = ledger(scan, people=wanted.by_person)
        return held.by_doubt(spans, held.mask(wanted), after=after, before=before)
    return numbers(spans[::-1] if before else spans, _mask(scan, wanted), after=after, before=before)


def _mask(scan: Run, wanted: Filter) -> Mask | None:
    return ledger(scan, people=wanted.by_person).mask(wanted) if wanted.by_match else None


def _spans(scan: Run, wanted: Filter) -> list[tuple[int, int]]:
    """First and last numbers of what a benchmark and a cause leave: they lie together."""
    if not wanted.cause:
        return [(first, last) for name, first, last in _benchmarks(scan) if wanted.benchmark in ("", name)]
    index = _index(scan)
    table = index.take(pa.array(_groups_of(index, wanted)))
    return list(zip(*(table.column(name).to_pylist() for name in ("first_seq", "last_seq")), strict=True))


def _benchmarks(scan: Run) -> Iterator[tuple[str, int, int]]:
    """Name, first and last number of the matches of each benchmark that was hit."""
    done = 0
    for line in sorted(output(scan, "matches").facts["lines"], key=lambda line: str(line["benchmark"])):
        if line["matches"]:
            yield line["benchmark"], done + 1, done + line["matches"]
        done += line["matches"]


# ---- causes


def groups(scan: Run, wanted: Filter = ANY, *, after: int = 0, limit: int = 50) -> Page:
    """
    Causes that have a match that is wanted, in their order, above the number `after` of a group. Each has `open`, how
    many of its matches nobody ruled, and `wanted`, how many the filter lets through.
    """
    found = list(islice(_counted_groups(scan, wanted, after), limit + 1))
    shown = found[:limit]
    rows, entered = _causes(scan).rows([number for number, _ in shown]), ledger(scan)
    for row, (_, count) in zip(rows, shown, strict=True):
        row["open"], row["wanted"] = entered.open_between(row["first_seq"], row["last_seq"]), count
    return Page(rows, None, shown[-1][0] if len(found) > limit else None)


def _counted_groups(scan: Run, wanted: Filter, after: int) -> Iterator[tuple[int, int]]:
    """Number of a group and how many of its matches are wanted, where there are any."""
    index, keep = _index(scan), _mask(scan, wanted)
    firsts, lasts = (index.column(name).to_numpy() for name in ("first_seq", "last_seq"))
    positions = _groups_of(index, wanted)
    positions = positions[np.searchsorted(positions, after) :]
    for run in np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1):
        for some in (run[i : i + GROUPS_AT_ONCE] for i in range(0, len(run), GROUPS_AT_ONCE)):
            counts = lasts[some] - firsts[some] + 1
            if keep is not None:
                start = firsts[some[0]] - 1
                counts = np.add.reduceat(
                    keep(slice(start, lasts[some[-1]])), firsts[some] - 1 - start, dtype=int
                )
            yield from ((int(p) + 1, int(n)) for p, n in zip(some, counts, strict=True) if n)


def _groups_of(index: pa.Table, wanted: Filter) -> np.ndarray:
    """Positions of the causes that a filter's benchmark and cause leave."""
    kept = np.ones(len(index), bool)
    for name in ("benchmark", "cause"):
        if asked := getattr(wanted, name):
            kept &= pc.equal(index.column(name), asked).to_numpy()
    return np.flatnonzero(kept)


def _index(scan: Run) -> pa.Table:
    version = output(scan, "causes")
    key = store().full(version.manifest_path)
    if (index := _indexes.get(key)) is None:
        schema = pa.schema([("benchmark", pa.string()), ("cause", pa.string())])
        for name in ("first_seq", "last_seq"):
            schema = schema.append(pa.field(name, pa.int64()))
        index = pa.Table.from_batches(version.batches(INDEX), schema).combine_chunks()
        _indexes.put(key, index, index.nbytes)
    return index


# ---- rulings


def counts(scan: Run) -> Tally:
    """How far the review is."""
    ruled, facts = ledger(scan).counts(), output(scan, "matches").facts
    return Tally(
        matches=facts["matches"],
        rows=facts["training_rows_hit"],
        open=ruled[""],
        contaminated=ruled[CONTAMINATED],
        false_alarms=ruled[FALSE_ALARM],
        suppressed=ruled[SUPPRESSED],
    )


def suppressions(scan: Run) -> dict[str, int]:
    """How many matches do not count, by the reason, the most frequent first."""
    return ledger(scan).suppressions()


def counted(scan: Run) -> dict[str, tuple[int, int]]:
    """By benchmark how many matches count, and how many are suppressed; one that was not hit is absent."""
    suppressed = ledger(scan).suppressed(slice(None))
    found = {}
    for name, first, last in _benchmarks(scan):
        apart = int(np.count_nonzero(suppressed[first - 1 : last]))
        found[name] = (last - first + 1 - apart, apart)
    return found


def rulings_of(scan: Run, matches: Sequence[Mapping[str, Any]]) -> dict[int, Ruled]:
    """What is ruled now of some matches, by number, in one query; those that nobody ruled are absent."""
    pairs = {match["seq"]: (match["row_fingerprint"], match["item_fingerprint"]) for match in matches}
    found = Ruling.objects.on(scan.project_id, set(pairs.values()))
    said = {
        pair: Ruled(ruling.verdict, ruling.by.get_username(), ruling.at, ruling.reason)
        for pair, ruling in found.items()
    }
    return {seq: said[pair] for seq, pair in pairs.items() if pair in said}


# ---- what it would come to


def preview(scan: Run, config: ApplyConfig) -> Preview:
    """What applying the scan with the rulings as they are would remove; kept until somebody rules."""
    matches, training = output(scan, "matches"), inputs(scan, "training")[0]
    latest = (
        Version.objects.filter(dataset__project=scan.project_id).latest("pk").pk
    )  # children may have come
    rules = standing_for(scan)
    numbers = [rule.number for rule in rules]
    said = f"{store().full(matches.manifest_path)} {Act.objects.newest(scan.project)} {numbers} {config} {latest}"
    key = f"preview-{sha256(said.encode()).hexdigest()}"
    found: Preview | None = cache.get(key)
    if found is None:
        rulings = [
            pa.record_batch(columns, schema=VERDICTS)
            for columns in verdict_columns(Ruling.objects.filter(project=scan.project))
        ]
        lines, children = matches.facts["lines"], children_in(training)
        rulings.append(convicted(scan, rules))
        found = foresee(evidence(scan, LOOKED_AT, rules), rulings, training.rows, config, lines, children)
        cache.set(key, found)
    return found


# ---- both texts


def pair(scan: Run, match: Mapping[str, Any]) -> Pair:
    """The training text and the benchmark item of a match, with the spans that they share."""
    training, benchmark = _sides(scan, match)
    record, item = _find(training, match["record_id"]), _find(benchmark, match["item_id"])
    unit = Unit(scan.config["unit"])
    return Pair(match, training_side(training, record, match, unit), item_side(benchmark, item, match))


def look_ahead(scan: Run, match: Mapping[str, Any] | None) -> Future[Any] | None:
    """Find both records of a match that will soon be asked for, while the reader reads another."""
    if match is None:
        return None
    ids = match["record_id"], match["item_id"]
    return _ahead.submit(lambda sides: list(map(_finder.find, sides, ids)), _sides(scan, match))


def _sides(scan: Run, match: Mapping[str, Any]) -> tuple[Place, Place]:
    benchmark = next(v for v in inputs(scan, "benchmarks") if v.dataset.name == match["benchmark"])
    return _place(inputs(scan, "training")[0]), _place(benchmark)


def _find(place: Place, record_id: str) -> dict[str, Any]:
    if record := _finder.find(place, record_id):
        return record
    raise BadInput(f"{place.dataset}@{place.version} has no row {record_id}; `manage.py verify` may say why.")


def _place(version: Version) -> Place:
    key = store().full(version.manifest_path)
    return Place(version.dataset.name, version.number, store(), shards(version), key)


# ---- where it lies


def _matches(scan: Run) -> Numbered:
    return Numbered(store(), shards(output(scan, "matches")))


def _causes(scan: Run) -> Numbered:
    return Numbered(store(), shards(output(scan, "causes")))
