"""
How much of what was rephrased or rewritten does the semantic method find, at one clean row in a hundred flagged?

    python bench/semantic.py [--rows 3000]

Public prompts (WINNOW_REALDATA): GSM8K rephrased, against GSM8K's own training questions as the clean rows; HumanEval
rewritten in Python, C and JavaScript, against code instructions. Thresholds are fitted on one half of the clean rows,
and the rate is measured on the other. Recall is the share of linked rows that are reported with the linked item.
Three legs in one run: the bare encoder (cosine and one threshold), words alone, and both. Texts are encoded once and
remembered. Exits with 1 when a bar fails.
"""

import argparse
import gzip
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from decontam.engine.semantic import Calibration, Encoder, SemanticConfig, SemanticIndex, load_encoder

DATA = (
    Path(os.environ.get("WINNOW_REALDATA") or Path(__file__).parents[2] / "shared" / "data") / "contamination"
)
FALSE_ALARMS = 0.01
PAIRS = {
    "GSM8K-test": ("gsm8k_train", {"rephrased_gsm8k": 0.97}),
    "HumanEval": (
        "gpteacher_codegen",
        {"rephrased_humaneval_py": 0.6, "rephrased_humaneval_c": 0.6, "rephrased_humaneval_js": 0.6},
    ),
}


def prompts(folder: str, name: str) -> dict[str, str]:
    with gzip.open(DATA / folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["id"]: row["prompt"] for row in rows}


def links() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with gzip.open(DATA / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            found.setdefault(row["corpus"], {})[row["train"]] = row["test"]
    return found


@dataclass
class Remembering:
    """Encodes every text once, and says how long that took."""

    encoder: Encoder
    seconds: float = 0.0
    vectors: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.encoder.name

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        new = sorted({text for text in texts if text not in self.vectors}, key=len)
        begin = time.perf_counter()
        if new:
            self.vectors.update(zip(new, self.encoder.encode(new), strict=True))
        self.seconds += time.perf_counter() - begin
        return np.array([self.vectors[text] for text in texts], np.float32)


class Report:
    """Prints lines and remembers whether a bar failed."""

    def __init__(self) -> None:
        self.failed = False

    def bar(self, name: str, value: str, passed: bool) -> None:
        self.failed |= not passed
        print(f"  {'pass' if passed else 'FAIL'}  {name}: {value}")


@dataclass(frozen=True)
class Case:
    """One benchmark with its clean rows, and for each corpus the linked rows with their items' positions."""

    name: str
    items: list[str]
    clean: list[str]
    linked: dict[str, tuple[list[str], list[int]]]

    @classmethod
    def load(cls, name: str, rows: int) -> "Case":
        clean, corpora = PAIRS[name]
        items, truth, linked = prompts("benchmarks", name), links(), {}
        place = {item: position for position, item in enumerate(items)}
        for corpus in corpora:
            texts = prompts("corpora", corpus)
            chosen = {row: item for row, item in truth[corpus].items() if item in place}
            linked[corpus] = ([texts[row] for row in chosen], [place[item] for item in chosen.values()])
        spread = list(dict.fromkeys(prompts("corpora", clean).values()))
        return cls(name, list(items.values()), spread[:: max(1, len(spread) // rows)][:rows], linked)


def bare(case: Case, encoder: Remembering) -> dict[str, float]:
    """Cosine of whole texts with one threshold from every other clean row."""
    items = encoder.encode(case.items).T
    threshold = np.quantile((encoder.encode(case.clean[::2]) @ items).max(axis=1), 1 - FALSE_ALARMS)
    found = {}
    for corpus, (texts, wanted) in case.linked.items():
        similar = encoder.encode(texts) @ items
        found[corpus] = float((similar[np.arange(len(wanted)), wanted] > threshold).mean())
    return found


def calibrated(case: Case, index: SemanticIndex) -> tuple[dict[str, float], Calibration]:
    calibration, found = index.calibrate(case.clean), {}
    for corpus, (texts, wanted) in case.linked.items():
        matches = index.scan(texts, calibration)
        pairs = set(zip(matches["row"].to_pylist(), matches["item"].to_pylist(), strict=True))
        found[corpus] = sum(pair in pairs for pair in enumerate(wanted)) / len(wanted)
    return found, calibration


def measure(case: Case, encoder: Remembering, report: Report) -> None:
    config = SemanticConfig(
        encoder=encoder.name, false_alarms=FALSE_ALARMS, background=max(200, len(case.clean))
    )
    words = SemanticIndex.build({case.name: case.items}, None, config)
    both = SemanticIndex.build({case.name: case.items}, encoder, config)
    legs = {"bare encoder": bare(case, encoder)}
    legs["words alone"], of_words = calibrated(case, words)
    legs["both"], of_both = calibrated(case, both)
    print(
        f"\n{case.name}: {len(case.items):,} items, {both.nbytes / 1e6:.1f} MB; {len(case.clean):,} clean rows"
    )
    print(f"{'':24}" + "".join(f"{leg:>16}" for leg in legs))
    for corpus in case.linked:
        print(f"{corpus:24}" + "".join(f"{recalls[corpus]:>16.3f}" for recalls in legs.values()))
    for leg, calibration in (("words alone", of_words), ("both", of_both)):
        told = calibration.backgrounds[case.name]
        print(
            f"{leg}: {told.fitted_rate:.2%} flagged of the fitted half, {told.held_out_rate:.2%} of the other; "
            f"{told.rows_set_aside} rows set aside"
        )
    for corpus, bar in PAIRS[case.name][1].items():
        report.bar(f"{corpus} recall ≥ {bar}", f"{legs['both'][corpus]:.3f}", legs["both"][corpus] >= bar)
    told = of_both.backgrounds[case.name]
    most = FALSE_ALARMS + 3 * math.sqrt(2 * FALSE_ALARMS / told.rows_held_out)  # both halves are samples
    passed = told.held_out_rate <= most
    report.bar(f"held-out rate ≤ {most:.2%}: 1 % and three errors", f"{told.held_out_rate:.2%}", passed)


def speed(case: Case, encoder: Remembering) -> None:
    """Rows a second without and with an encoder, on the clean rows; encoding is timed apart."""
    for leg, index in (
        ("words alone", SemanticIndex.build({case.name: case.items}, None)),
        ("both, less the encoder", SemanticIndex.build({case.name: case.items}, encoder)),
    ):
        calibration, before = index.calibrate(case.clean), encoder.seconds
        begin = time.perf_counter()
        index.scan(case.clean, calibration)
        taken = time.perf_counter() - begin - (encoder.seconds - before)
        print(f"{case.name}, {leg}: {len(case.clean) / taken:,.0f} rows/s")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3000, help="clean rows of each benchmark")
    options = parser.parse_args()
    encoder, report = Remembering(load_encoder("minilm")), Report()
    cases = [Case.load(name, options.rows) for name in PAIRS]
    for case in cases:
        measure(case, encoder, report)
    print()
    for case in cases:
        speed(case, encoder)
    print(f"{encoder.name}: {len(encoder.vectors) / encoder.seconds:,.0f} texts/s")
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
