"""
Rows as they are: corpora that are clean, chance hits that are known, and leaks that have to stay flagged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from curation.engine.text.words import words
from decontam.engine.detecting import SHORTEST, Detector
from quality.data import CHANCE, CHANCE_ROWS, CLEAN, LEAKS, SAME, Real
from quality.negatives import quoted_passages, written
from quality.ours import Flag, Judged, background_of, judge

HIGHEST = 20


@dataclass(frozen=True)
class Source:
    """A corpus as it was judged: what counts of it, and the plain rule's pairs."""

    name: str
    rows: list[str]
    counting: list[Flag]
    judged: Judged
    plain: set[tuple[int, str, int]]


@dataclass
class Pair:
    """One source and one benchmark: items that are hit, by the default policy and by the plain rule."""

    source: str
    benchmark: str
    what: str
    ours: int
    true: int
    plain: int
    passed: bool = True
    said: str = ""


def reader(detector: Detector, real: Real) -> Callable[[str], Source]:
    @cache
    def read(name: str) -> Source:
        rows = real.corpus(name)
        judged = judge(detector, background_of(detector, rows), rows)
        found = detector.plain.scan(rows)
        columns = (found.column(column).to_pylist() for column in ("row", "benchmark", "item"))
        return Source(name, rows, judged.counting(), judged, set(zip(*columns, strict=True)))

    return read


def clean_pairs(read: Callable[[str], Source]) -> list[Pair]:
    """Every pair of a clean corpus and a benchmark that either of the two rules flags."""
    pairs = []
    for name in CLEAN:
        source = read(name)
        benchmarks = {flag.benchmark for flag in source.counting} | {found[1] for found in source.plain}
        for benchmark in sorted(benchmarks):
            same = SAME.get((name, benchmark), set())
            ours = {(flag.row, flag.item) for flag in source.counting if flag.benchmark == benchmark}
            plain = {item for _, where, item in source.plain if where == benchmark}
            chance = (name, benchmark) in CHANCE
            items, true = ({item for _, item in some} for some in (ours, ours & same))
            pairs.append(
                Pair(name, benchmark, "chance" if chance else "clean", len(items), len(true), len(plain))
            )
            pairs[-1].passed = not chance or ours <= same
    return pairs


def leaks(read: Callable[[str], Source], real: Real) -> list[Pair]:
    """
    Every row that the plain rule finds in a pair which is known to leak has to be flagged by default, but for those
    that are chance hits. Where links are known, only those are right. Items that no longer count are told.
    """
    pairs = []
    for name, benchmark in LEAKS:
        source, chance = read(name), CHANCE_ROWS.get((name, benchmark), set())
        ours = [flag for flag in source.counting if flag.benchmark == benchmark]
        plain = {(row, item) for row, where, item in source.plain if where == benchmark and row not in chance}
        items = {flag.item for flag in ours}
        lost = {row for row, _ in plain} - {flag.row for flag in ours}
        apart = sorted({item for _, item in plain} - items)
        said = f"lost: rows {sorted(lost)}" if lost else f"items only in doubt: {apart}" if apart else ""
        known = real.links.get((name, benchmark, "verbatim"), set()) | SAME.get((name, benchmark), set())
        right = len({flag.item for flag in ours if not known or (flag.row, flag.item) in known})
        plain_items = {item for _, item in plain}
        pairs.append(Pair(name, benchmark, "leak", len(items), right, len(plain_items), not lost, said))
    return pairs


def links(read: Callable[[str], Source], real: Real) -> list[Pair]:
    """
    The links that are known by construction and literal, as pairs of a row and an item. Items of fewer than SHORTEST
    words are looked for as whole texts only: inside others they are not required.
    """
    pairs = []
    for (name, benchmark, kind), known in sorted(real.links.items()):
        if kind not in ("verbatim", "one number enlarged"):
            continue
        source = read(name)
        ours = {(flag.row, flag.item) for flag in source.counting if flag.benchmark == benchmark}
        plain = {(row, item) for row, where, item in source.plain if where == benchmark}
        texts = real.benchmarks[benchmark]
        lost = sorted((row, item) for row, item in known - ours if len(words(texts[item])) >= SHORTEST)
        why = {(f.row, f.item): f.suppressed for f in source.judged.flags if f.benchmark == benchmark}
        said = "; ".join(f"row {r} × item {i}: {why.get((r, i), 'not found')}" for r, i in lost[:8])
        pair = Pair(
            name,
            benchmark,
            f"links: {kind}",
            len(known & ours),
            len(known),
            len(known & plain),
            not lost,
            said,
        )
        pairs.append(pair)
    return pairs


def negatives(detector: Detector, real: Real, base: list[str]) -> list[tuple[str, int, int, int]]:
    """(kind, rows, rows flagged by default, rows flagged by the plain rule) of rows that hold no item."""
    lines = []
    for kind, rows in written(real).items():
        lines.append((kind, *_flagged(detector, list(rows), base)))
    for many in (1, 6):
        items, rows = quoted_passages(real.corpus("t0_train_50k"), many)
        made = Detector.build({"passages": items})
        lines.append((f"passages, {many} question{'s' * (many > 1)} each", *_flagged(made, rows, base)))
    return lines


def _flagged(detector: Detector, rows: list[str], base: list[str]) -> tuple[int, int, int]:
    judged = judge(detector, background_of(detector, base, rows), rows)
    plain = detector.plain.scan(rows).column("row").to_pylist()
    return len(rows), len({flag.row for flag in judged.counting()}), len(set(plain))


def halves(read: Callable[[str], Source]) -> list[tuple[str, int, int]]:
    """Of the even and the odd clean rows: how many, and how many are flagged though no known sister is in them."""
    lines = []
    for name, parity in (("even rows", 0), ("odd rows", 1)):
        rows = sum(len(read(corpus).rows[parity::2]) for corpus in CLEAN)
        flagged = {(corpus, flag.row) for corpus, flag in _unexpected(read) if flag.row % 2 == parity}
        lines.append((name, rows, len(flagged)))
    return lines


def _unexpected(read: Callable[[str], Source]) -> list[tuple[str, Flag]]:
    return [
        (corpus, flag)
        for corpus in CLEAN
        for flag in read(corpus).counting
        if (flag.row, flag.item) not in SAME.get((corpus, flag.benchmark), set())
    ]


def highest(read: Callable[[str], Source]) -> list[tuple[str, Flag, str]]:
    """The matches in clean rows that are nearest to being believed, flagged or not, with what their row begins with."""
    found = [(corpus, flag) for corpus in CLEAN for flag in read(corpus).judged.flags]
    found.sort(key=lambda one: (one[1].doubt, one[0], one[1].row))
    return [
        (corpus, flag, " ".join(read(corpus).rows[flag.row].split())[:70]) for corpus, flag in found[:HIGHEST]
    ]
