"""Paraphrase and translation: what the semantic method finds at one false alarm in a hundred clean rows."""

from dataclasses import dataclass, field
from typing import Any

from curation.engine.errors import BadConfig
from quality.data import Real

try:
    from decontam.engine.semantic import SemanticIndex, load_encoder
except ImportError:
    SemanticIndex = None

BARS = {
    ("rephrased_gsm8k", "GSM8K-test"): 0.97,
    ("rephrased_humaneval_py", "HumanEval"): 0.60,
    ("rephrased_humaneval_c", "HumanEval"): 0.60,
    ("rephrased_humaneval_js", "HumanEval"): 0.60,
}
SOURCES = {"GSM8K-test": "gsm8k_train", "HumanEval": "gpteacher_codegen"}
MOST_CLEAN = 3_000


@dataclass
class Meaning:
    """`found` by (corpus, benchmark): share of the links, and how many there are."""

    encoder: str
    encoded: bool
    found: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    rates: dict[str, tuple[int, float, int, float]] = field(default_factory=dict)
    highest: dict[str, list[tuple[float, str]]] = field(default_factory=dict)


def measure(real: Real) -> Meaning | None:
    """
    Thresholds are fitted on one half of the rows of a clean source of the benchmark's own kind, as a scan fits them on
    the source at hand. None where the method is not in this tree.
    """
    if SemanticIndex is None:
        return None
    encoder = _encoder()
    name = encoder.name if encoder else "words only, no encoder is installed"
    result = Meaning(name, encoded=encoder is not None)
    for benchmark, source in SOURCES.items():
        clean = real.corpus(source)[:MOST_CLEAN]
        index = SemanticIndex.build({benchmark: real.benchmarks[benchmark]}, encoder)
        calibration = index.calibrate(clean)
        for corpus in (corpus for corpus, name in BARS if name == benchmark):
            result.found[corpus, benchmark] = _share(real, corpus, benchmark, index, calibration)
        of = calibration.backgrounds[benchmark]
        result.rates[benchmark] = of.rows_fitted, of.fitted_rate, of.rows_held_out, of.held_out_rate
        result.highest[benchmark] = [
            (one["score"], " ".join(clean[one["row"]].split())[:70]) for one in of.highest
        ]
    return result


def _share(real: Real, corpus: str, benchmark: str, index: Any, calibration: Any) -> tuple[float, int]:
    """Of the links of a corpus with a benchmark: which are found, and how many there are."""
    found = index.scan(real.corpus(corpus), calibration)
    pairs = set(zip(*(found.column(name).to_pylist() for name in ("row", "item")), strict=True))
    links = set().union(*(some for key, some in real.links.items() if key[:2] == (corpus, benchmark)))
    return len(pairs & links) / len(links), len(links)


def most_alarms(rows: int) -> float:
    """What a true rate of false alarms of 1 % gives on so many rows, but for one time in a thousand."""
    return float(0.01 + 3 * (0.01 * 0.99 / rows) ** 0.5)


def _encoder() -> Any:
    try:
        return load_encoder("minilm")
    except BadConfig:
        return None
