"""Two ways to leak that depend on what is indexed and on which texts are compared."""

import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.engine.units import Unit, joined, turns
from decontam.engine.background import Background
from decontam.engine.detecting import Detector
from quality.data import SEED, Item, Real
from quality.mutants import halves
from quality.ours import background_of, judge

ANSWERS = "GSM8K-test answer"


def answers_only(real: Real, base: Sequence[str], each: int) -> dict[str, float]:
    """GSM8K's worked answers alone as training texts: with answers as a benchmark beside the prompts, and without."""
    prompts, said = real.benchmarks["GSM8K-test"], real.answers()
    chosen = random.Random(SEED).sample(range(len(said)), each)
    rows = [said[place] for place in chosen]
    found = {}
    for name, benchmarks in {
        "prompts": {"GSM8K-test": prompts},
        "prompts and answers": {"GSM8K-test": prompts, ANSWERS: said},
    }.items():
        detector = Detector.build(benchmarks)
        judged = judge(detector, background_of(detector, base, rows), rows)
        right = {flag.row for flag in judged.counting() if flag.item == chosen[flag.row]}
        found[name] = len(right) / each
    return found


def two_turns(detector: Detector, background: Background, items: Sequence[Item]) -> dict[str, float]:
    """Each item split in the middle over two user turns: user turns one by one, and joined."""
    items = [item for item in items if item.size >= 10]
    chats = pa.array([_chat(*halves(item.text)) for item in items], _MESSAGES)
    user = turns(chats, Unit.USER)
    one_by_one = judge(detector, background, user.text.to_pylist())
    whole = judge(detector, background, joined(chats, Unit.USER).to_pylist())
    return {
        "user turns": _found(
            items, [(int(user.row[f.row]), f.benchmark, f.item) for f in one_by_one.counting()]
        ),
        "joined turns": _found(items, [(flag.row, flag.benchmark, flag.item) for flag in whole.counting()]),
    }


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def _chat(first: str, second: str) -> list[dict[str, str]]:
    said = (("user", first), ("assistant", "Go on, please."), ("user", second))
    return [{"role": role, "content": content} for role, content in said]


def _found(items: Sequence[Item], flags: list[tuple[int, str, int]]) -> float:
    right = [(items[row].benchmark, items[row].place) == (name, place) for row, name, place in flags]
    rows = {row for (row, _, _), good in zip(flags, right, strict=True) if good}
    return float(np.round(len(rows) / len(items), 6))
