"""
How fast are MinHash signatures, beside datasketch and rensa, in one run on one core?

    python bench/signatures.py [--rows 40000] [--repeats 3]

128 permutations over shingles of five words. Prints MB/s (MB = 10^6 UTF-8 bytes of text), compares the estimates with
datasketch's, and exits with 1 when a bar or a check fails. Text is that of `ngram_scan`: 5 % of the rows mostly not
ASCII. The peers are given words split by a compiled regular expression, and do a sample.
"""

import argparse
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pyarrow as pa
from datasketch import MinHash
from ngram_scan import Report, Writer, best_of, one_core

from decontam.engine.signatures import Scheme, sign, similarities

SEED, SHINGLE, PERMUTATIONS, SAMPLE = 20_261_121, 5, 128, 400
split = re.compile(r"\w+").findall


def texts(count: int) -> list[str]:
    writer, chance = Writer(SEED), random.Random(SEED)
    lengths = (int(min(20 + chance.expovariate(1 / 150), 3000)) for _ in range(count))
    return [writer.prose(length, foreign=row % 20 == 3) for row, length in enumerate(lengths)]


def shingles(text: str) -> list[str]:
    words = split(text.lower())
    return [" ".join(words[k : k + SHINGLE]) for k in range(max(len(words) - SHINGLE + 1, 1))]


def by_datasketch(rows: list[str]) -> list[Any]:
    """SHA-1 of each shingle, its default."""
    given = ([shingle.encode() for shingle in shingles(text)] for text in rows)
    return [one.hashvalues for one in MinHash.generator(given, num_perm=PERMUTATIONS, seed=1)]


def by_rensa(rows: list[str]) -> list[Any]:
    from rensa import RMinHash  # noqa: PLC0415 - a peer, measured only where it is installed

    made = []
    for text in rows:
        one = RMinHash(num_perm=PERMUTATIONS, seed=1)
        one.update(shingles(text))
        made.append(one.digest())
    return made


def compare(rows: list[str], repeats: int, report: Report) -> None:
    scheme, column, few = Scheme(SHINGLE, PERMUTATIONS), pa.array(rows), rows[: len(rows) // 10]
    foreign = pa.array([text for row, text in enumerate(rows) if row % 20 == 3])
    half = len(rows) // 2
    legs: dict[str, Callable[[], Any]] = {
        "our signatures": lambda: sign(column, scheme),
        "our signatures, text mostly not ASCII": lambda: sign(foreign, scheme),
        "our true similarities of pairs": lambda: similarities(
            column[:half], column[half : 2 * half], SHINGLE
        ),
        "datasketch 2.0.0 (sample)": lambda: by_datasketch(few),
        "rensa 0.5.0 (sample)": lambda: by_rensa(few),
    }
    try:
        by_rensa(rows[:1])
    except ImportError as error:
        print(f"rensa is left out: {error}")
        del legs["rensa 0.5.0 (sample)"]
    sign(rows[:1], scheme), similarities(rows[:1], rows[:1], SHINGLE)
    seconds, results = best_of(legs, repeats)
    sizes = dict.fromkeys(legs, _megabytes(rows)) | {
        name: _megabytes(few) for name in legs if name.endswith("(sample)")
    }
    sizes["our signatures, text mostly not ASCII"] = foreign.nbytes / 1e6
    speed = {name: sizes[name] / taken for name, taken in seconds.items()}
    ours = speed["our signatures"]
    print(f"{len(rows):,} rows, {PERMUTATIONS} permutations, best of {repeats}, one core")
    print(f"{'':42}{'MB/s':>10}{'ours is':>10}{'MB':>8}")
    for name, value in speed.items():
        print(f"{name:42}{value:>10.1f}{ours / value:>9.1f}×{sizes[name]:>8.1f}")
    print()
    report.bar("signatures ≥ 100 MB/s on one core", f"{ours:.0f} MB/s", ours >= 100)
    peers = max(value for name, value in speed.items() if name.endswith("(sample)"))
    report.bar("at least 4 times the fastest peer", f"{ours / peers:.1f}×", ours >= 4 * peers)
    _estimates(rows, results["our signatures"].values, results["datasketch 2.0.0 (sample)"], report)


def _megabytes(rows: list[str]) -> float:
    return sum(len(text.encode()) for text in rows) / 1e6


def _estimates(rows: list[str], ours: Any, theirs: list[Any], report: Report) -> None:
    """Other shingle hashes, so other signatures: both must estimate alike, and none see similarity in strangers."""
    changed = [" ".join([*text.split()[:-8], "and", "something", "else"]) for text in rows[:SAMPLE]]
    true = similarities(rows[:SAMPLE], changed, SHINGLE)
    signed = sign(changed, Scheme(SHINGLE, PERMUTATIONS)).values
    errors = np.abs((ours[:SAMPLE] == signed).mean(1) - true).mean()
    peer = np.array(by_datasketch(changed))
    peer_errors = np.abs((np.array(theirs[:SAMPLE]) == peer).mean(1) - true).mean()
    report.bar(
        "estimates are as near the truth as datasketch's (mean error)",
        f"{errors:.4f} beside {peer_errors:.4f}",
        errors <= 1.2 * peer_errors,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    one_core()
    report = Report()
    compare(texts(options.rows), options.repeats, report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
