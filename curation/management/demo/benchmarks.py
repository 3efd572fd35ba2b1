"""The four benchmarks: the same plain tables, each written in a shape that benchmarks are published in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from curation.management.demo.texts import entries, table

Item = dict[str, str]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`text` is the column with what a model is asked; `shape` makes the published row of an item."""

    name: str
    role: str
    title: str
    text: str
    shape: Callable[[Item], dict[str, Any]]

    def items(self) -> list[Item]:
        return entries(self.name) if self.name == "tiny-functions" else table(self.name)


def _decon(item: Item) -> dict[str, Any]:
    """As the reference files of decon have it."""
    return {
        "eval_key": "town-facts",
        "eval_instance_index": int(item["id"]),
        "split": "test",
        "question": item["question"],
        "answer": item["answer"],
        "is_correct": True,
    }


def _function(item: Item) -> dict[str, Any]:
    return {
        "task_id": item["id"],
        "prompt": item["prompt"],
        "canonical_solution": item["solution"],
        "check": item["check"],
    }


BENCHMARKS = (
    Benchmark("pantry-math", "dev", "Word problems from larders, markets and kitchens", "question", dict),
    Benchmark(
        "town-facts", "unseen", "Questions about Pellwick, a town that does not exist", "question", _decon
    ),
    Benchmark("plain-requests", "unseen", "Everyday writing tasks with small constraints", "prompt", dict),
    Benchmark("tiny-functions", "dev", "Short Python functions with a check", "prompt", _function),
)
