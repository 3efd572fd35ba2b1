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


@dataclass
class Meaning:
    """`found` by (corpus, benchmark): share of the links, and how many there are."""

    encoder: str
    found: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    rates: dict[str, tuple[int, float, int, float]] = field(default_factory=dict)
    highest: dict[str, list[tuple[float, str]]] = field(default_factory=dict)


def measure(real: Real, clean: list[str]) -> Meaning | None:
    """Thresholds are fitted on one half of the clean rows. None where the method is not in this tree."""
    if SemanticIndex is None:
        return None
    benchmarks = {name: real.benchmarks[name] for name in ("GSM8K-test", "HumanEval")}
    encoder = _encoder()
    index = SemanticIndex.build(benchmarks, encoder)
    calibration = index.calibrate(clean)
    result = Meaning(encoder.name if encoder else "words only, no encoder is installed")
    for corpus, benchmark in BARS:
        found = index.scan(real.corpus(corpus), calibration)
        columns = (found.column(name).to_pylist() for name in ("row", "benchmark", "item"))
        pairs = {(row, item) for row, name, item in zip(*columns, strict=True) if name == benchmark}
        links = set().union(*(some for key, some in real.links.items() if key[:2] == (corpus, benchmark)))
        result.found[corpus, benchmark] = len(pairs & links) / len(links), len(links)
    for name, of in calibration.backgrounds.items():
        result.rates[name] = of.rows_fitted, of.fitted_rate, of.rows_held_out, of.held_out_rate
        result.highest[name] = [
            (one["score"], " ".join(clean[one["row"]].split())[:70]) for one in of.highest
        ]
    return result


def most_alarms(rows: int) -> float:
    """What a true rate of false alarms of 1 % gives on so many rows, but for one time in a thousand."""
    return float(0.01 + 3 * (0.01 * 0.99 / rows) ** 0.5)


def _encoder() -> Any:
    try:
        return load_encoder("minilm")
    except BadConfig:
        return None
