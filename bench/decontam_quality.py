"""
What does the default policy find of leaked items, and what does it flag that is none?

    python bench/decontam_quality.py [--json out.json] [--decon /path/to/python3.12] [--no-peers]

Real items of 19 benchmarks are changed by seed in one way at a time and planted in clean rows; recall is the share for
which the right item is flagged, precision the share of what is flagged that is right. Clean corpora, chance hits, real
leaks and hard negatives are judged as they are. Exits with 1 when a bar fails. Needs the shared public data
(WINNOW_REALDATA); peers that are not installed are named and left out.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from quality import meaning, special, standing
from quality.data import CLEAN, SEED, Real, sample
from quality.mutants import KINDS, Mutant, Words
from quality.ours import background_of, other_methods
from quality.peers import SPEC, found_peers
from quality.recall import Examiner, Line, Right

from decontam.engine.detecting import Detector
from decontam.engine.report import METHODS

EACH, SHORT, CLEAN_EACH, PEER_EACH = 60, 12, 300, 120


class Report:
    """Prints lines, remembers whether a bar failed, and keeps what `--json` writes."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.facts: dict[str, Any] = {}

    def mark(self, name: str, passed: bool | None) -> str:
        if passed is False:
            self.failed.append(name)
        return {None: "    ", True: "pass", False: "FAIL"}[passed]


def clean_rows(real: Real) -> list[str]:
    chance = random.Random(SEED)
    corpora = [real.corpus(name) for name in CLEAN]
    return [text for rows in corpora for text in chance.sample(rows, min(len(rows), CLEAN_EACH))]


def drawn_from(rows: list[str]) -> Words:
    """Words are drawn as often as they are said."""
    vocabulary = [word for text in rows for word in re.findall(r"[^\W\d_]+", text)]
    return Words(vocabulary, [text[:2500] for text in rows if len(text) > 1200])


# ---- recall


def measure_recall(examiner: Examiner, real: Real, peers: list[Any]) -> list[Line]:
    items = list(sample(real.benchmarks, EACH, SHORT))
    drawn = drawn_from(list(examiner.base))
    mutants = {kind.name: kind.of(items, drawn) for kind in KINDS}
    lines = [examiner.examine(kind, mutants[kind.name]) for kind in KINDS]
    for peer in peers:
        chance = random.Random(SEED)
        few = {line.kind: chance.sample(mutants[line.kind], min(PEER_EACH, line.mutants)) for line in lines}
        hits = iter(peer.hits([mutant.text for some in few.values() for mutant in some]))
        for line in lines:
            line.peers[peer.name] = sum(next(hits) for _ in few[line.kind]) / len(few[line.kind])
    return lines


def print_recall(lines: list[Line], report: Report) -> None:
    print(
        "\nRecall: share of changed items that are flagged. found: by any method, whatever it is worth; many, few: by"
    )
    print(
        "the default policy, in a source over and under the 2 % line. Of datatrove and decon any hit on a text is"
    )
    print(
        f"counted, on a sample of {PEER_EACH}; the right item is not asked for. decon sees items without answers.\n"
    )
    print(f"{'':32}{'items':>6}{'found':>7}{'many':>7}{'few':>7}{'prec.':>7} │{'plain':>7}{'datatrove':>16}"
          f"{'decon':>16} │ bar")  # fmt: skip
    for line in lines:
        bar = "" if line.bar is None else f"≥ {line.bar:g} {report.mark(line.kind, line.passed)}"
        ours = "".join(f"{share:>7.3f}" for share in (line.seen, line.many, line.few, line.precision))
        others = f"{line.plain:>7.3f}{_peer(line, 'datatrove'):>16}{_peer(line, 'decon'):>16}"
        print(f"{line.kind:32}{line.mutants:>6}{ours} │{others} │ {bar}")
    print("\nBy method, of what is flagged in `many`: share of the items it finds / that it alone finds\n")
    print(f"{'':32}" + "".join(f"{name:>15}" for name in METHODS) + f"{'union':>9}")
    for line in lines:
        shares = (f"{line.by_method[name]:.3f} /{line.alone[name]:.3f}" for name in METHODS)
        print(f"{line.kind:32}" + "".join(f"{share:>15}" for share in shares) + f"{line.many:>9.3f}")
    _print_missed(lines)
    report.facts["recall"] = [
        {name: value for name, value in asdict(line).items() if name != "missed"} for line in lines
    ]


def _peer(line: Line, name: str) -> str:
    if name in line.peers:
        return f"{line.peers[name]:.3f}"
    return SPEC.get(line.kind, "–") if name == "decon" else "–"


def _print_missed(lines: list[Line]) -> None:
    print("\nWhy changed items are missed")
    for line in lines:
        for column, missed in line.missed.items():
            if line.bar is not None and missed:
                reasons: dict[str, list[Mutant]] = {}
                for mutant, why in missed:
                    reasons.setdefault(why, []).append(mutant)
                said = "; ".join(
                    f"{why} {len(some)} (as {', '.join(f'{m.item.benchmark}[{m.item.place}]' for m in some[:3])})"
                    for why, some in sorted(reasons.items(), key=lambda one: -len(one[1]))
                )
                print(f"  {line.kind}, {column}: {said}")


def print_special(detector: Detector, real: Real, base: list[str], report: Report) -> None:
    answers = special.answers_only(real, base, EACH)
    items = list(sample(real.benchmarks, EACH, SHORT))
    turns = special.two_turns(detector, background_of(detector, base), items)
    print(
        "\nOnly the answer of GSM8K: found with an index of "
        + ", of ".join(f"{k}: {v:.3f}" for k, v in answers.items())
    )
    print(
        "Split over two turns: found when comparing " + ", ".join(f"{k}: {v:.3f}" for k, v in turns.items())
    )
    report.facts |= {"answer only": answers, "two turns": turns}


# ---- precision, leaks


def print_standing(detector: Detector, real: Real, base: list[str], report: Report) -> None:
    read = standing.reader(detector, real)
    pairs = standing.clean_pairs(read) + standing.leaks(read, real)
    print(
        "\nCorpora as they are: distinct items flagged by default, how many of them rightly, and by the plain rule\n"
    )
    print(f"{'source':24}{'benchmark':20}{'':8}{'default':>8}{'right':>7}{'plain':>7}")
    for pair in pairs:
        passed = None if pair.what == "clean" else pair.passed
        mark = report.mark(f"{pair.source} × {pair.benchmark}", passed)
        counts = f"{pair.ours:>8}{pair.true:>7}{pair.plain:>7}"
        print(f"{pair.source:24}{pair.benchmark:20}{pair.what:8}{counts}  {mark} {pair.said}")
    flagged, right, plain = (sum(of) for of in zip(*((p.ours, p.true, p.plain) for p in pairs), strict=True))
    plain_right = sum(pair.plain for pair in pairs if pair.what == "leak") + sum(
        min(pair.plain, pair.true) for pair in pairs if pair.what != "leak"
    )
    print(
        f"precision over all of these: default {right / flagged:.4f}, plain rule about {plain_right / plain:.4f}"
    )
    known = standing.links(read, real)
    for pair in known:
        mark = report.mark(f"{pair.what} {pair.source}", pair.passed)
        shares = f"{pair.ours} of {pair.true} flagged, plain rule {pair.plain}"
        print(f"{pair.what} {pair.source} × {pair.benchmark}: {shares}  {mark} {pair.said}")
    report.facts |= {"pairs": [asdict(pair) for pair in pairs], "links": [asdict(pair) for pair in known]}
    _print_negatives(standing.negatives(detector, real, base), report)
    _print_clean(read, report)


def _print_negatives(lines: list[tuple[str, int, int, int]], report: Report) -> None:
    print("\nHard negatives: rows flagged by the default policy, by the plain rule")
    for kind, rows, ours, plain in lines:
        barred = kind in ("stock phrases", "task templates", "public passages")
        print(
            f"  {kind:32}{rows:>6} rows{ours:>6}{plain:>6}  {report.mark(kind, not ours if barred else None)}"
        )
    report.facts["negatives"] = lines


def _print_clean(read: Any, report: Report) -> None:
    print("\nClean rows, halved: nothing of the n-gram methods is fitted, so both halves are held out")
    for name, rows, flagged in standing.halves(read):
        print(f"  {name}: {flagged} of {rows:,} flagged that nobody knew ({flagged / rows:.4%})")
    print("The twenty matches in clean rows that are most nearly believed (* flagged)")
    for corpus, flag, text in standing.highest(read):
        flagged = "*" if flag in read(corpus).counting else " "
        where = f"{corpus}[{flag.row}] × {flag.benchmark}[{flag.item}]"
        print(f"  {flagged} doubt {flag.doubt:.2f} {where} {flag.suppressed}: {text}")
    report.facts["halves"] = standing.halves(read)


def print_meaning(real: Real, report: Report) -> None:
    found = meaning.measure(real)
    if found is None:
        print("\nSemantic: the method is not in this tree")
        return
    print(
        f"\nSemantic ({found.encoder}), thresholds for 1 % false alarms, fitted on one half of the clean rows"
    )
    if not found.encoded:
        print("  its bars are not asked for: install requirements-semantic.txt")
    for name, (fitted, fitted_rate, held_out, rate) in found.rates.items():
        most = meaning.most_alarms(held_out)
        mark = report.mark(f"false alarms of semantic on {name}", rate <= most if found.encoded else None)
        print(f"  {name}: false alarms {fitted_rate:.2%} of {fitted:,} fitted, {rate:.2%} of {held_out:,} held out, "
              f"≤ {most:.2%} {mark}")  # fmt: skip
        print("    the highest clean rows:")
        for score, text in found.highest[name]:
            print(f"      {score:.4f} {text}")
    for pair, bar in meaning.BARS.items():
        share, links = found.found[pair]
        mark = report.mark(f"semantic {pair[0]}", share >= bar if found.encoded else None)
        print(f"  {pair[0]} × {pair[1]}: {share:.3f} of {links}  ≥ {bar} {mark}")
    report.facts["semantic"] = {" × ".join(pair): share for pair, (share, _) in found.found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--decon", default="", help="a Python that has the package decontaminate")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    real, begin = Real.found(), time.perf_counter()
    if real is None:
        print("left out: the shared public data is absent (WINNOW_REALDATA)")
        return 0
    report, base = Report(), clean_rows(real)
    detector = Detector.build(real.benchmarks, others=other_methods(real.benchmarks))
    items, methods = sum(detector.plain.items.values()), ", ".join(detector.methods)
    print(f"{items:,} items of {len(real.benchmarks)} benchmarks; methods: {methods}")
    with tempfile.TemporaryDirectory() as name:
        peers = [] if options.no_peers else found_peers(real.benchmarks, Path(name), options.decon)
        examiner = Examiner(detector, Right(real.benchmarks), base, detector.plain.items)
        lines = measure_recall(examiner, real, peers)
    print_recall(lines, report)
    print_special(detector, real, base, report)
    print_standing(detector, real, base, report)
    print_meaning(real, report)
    print(f"\n{len(report.failed)} bars failed{': ' if report.failed else ''}{'; '.join(report.failed)}; "
          f"{time.perf_counter() - begin:.0f} s")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(report.facts | {"failed": report.failed}, indent=1, default=str))
    return int(bool(report.failed))


if __name__ == "__main__":
    sys.exit(main())
