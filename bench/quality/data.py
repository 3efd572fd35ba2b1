"""Real benchmarks, corpora and the links between them that are known by construction."""

import gzip
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from curation.engine.text.words import words

SEED = 20_241_122
SHARED = Path(__file__).parents[2].parent / "shared" / "data"

CLEAN = (
    "csqa_train",
    "flan_cot_aqua",
    "flan_cot_creak",
    "flan_cot_qasc",
    "flan_cot_sensemaking",
    "flan_cot_strategyqa",
    "gpteacher_codegen",
    "gpteacher_roleplay",
    "gpteacher_toolformer",
    "gsm8k_train",
    "hh_harmless_test",
    "t0_train_50k",
)
CHANCE = (("gpteacher_codegen", "MBPP-test"), ("csqa_train", "CSQA-val"))
LEAKS = (
    ("flan_cot_ecqa", "CSQA-val"),
    ("pandalm_testset", "SelfInstruct-252"),
    ("pandalm_testset", "Tulu1-human"),
    ("obqa_train", "OBQA-test"),
    ("lf_dpo_en", "SVAMP"),
    ("gsm_hard_as_train", "GSM-Hard"),
    ("gsm_hard_as_train", "GSM8K-test"),
)
# Read by hand, by position: the same question where no link says so. Word order or an opening differs in
# the first two, names and numbers in the others.
SAME = {
    ("csqa_train", "CSQA-val"): {(4968, 822), (7419, 1121)},
    ("flan_cot_ecqa", "CSQA-val"): {(2647, 822)},
    ("gsm8k_train", "GSM8K-test"): {(3726, 824)},
    ("gsm8k_train", "GSM-Hard"): {(3726, 600)},
    ("gsm8k_train", "MAWPS"): {(326, 12), (1254, 272), (2600, 256), (3726, 277), (4763, 270), (7071, 9)},
}
# Read by hand, by position: rows of a corpus that leaks which share an opening with an item and no more.
CHANCE_ROWS = {("flan_cot_ecqa", "CSQA-val"): {717, 1976, 3228, 3834, 5037, 6415}}


@dataclass(frozen=True)
class Item:
    """A benchmark item by position."""

    benchmark: str
    place: int
    text: str

    @property
    def size(self) -> int:
        return len(words(self.text))


class Real:
    """The prepared prompts, read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[tuple[str, str], list[dict[str, Any]]] = {}

    @classmethod
    def found(cls) -> "Real | None":
        folder = Path(os.environ.get("WINNOW_REALDATA") or SHARED)
        return cls(folder) if (folder / "contamination").is_dir() else None

    def _rows(self, kind: str, name: str) -> list[dict[str, Any]]:
        if (kind, name) not in self._read:
            path = self.folder / "contamination" / kind / f"{name}.jsonl.gz"
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                self._read[kind, name] = [json.loads(line) for line in lines]
        return self._read[kind, name]

    @cached_property
    def benchmarks(self) -> dict[str, list[str]]:
        names = sorted((self.folder / "contamination" / "benchmarks").glob("*.jsonl.gz"))
        every = [path.name.removesuffix(".jsonl.gz") for path in names]
        return {name: [row["prompt"] for row in self._rows("benchmarks", name)] for name in every}

    def corpus(self, name: str) -> list[str]:
        return [row["prompt"] for row in self._rows("corpora", name)]

    @cached_property
    def links(self) -> dict[tuple[str, str, str], set[tuple[int, int]]]:
        """(corpus, benchmark, kind) → positions (row, item)."""
        found: dict[tuple[str, str, str], set[tuple[int, int]]] = defaultdict(set)
        with gzip.open(self.folder / "contamination" / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                link = json.loads(line)
                row, item = (
                    self._place("corpora", link["corpus"], link["train"]),
                    self._place("benchmarks", link["bench"], link["test"]),
                )
                found[link["corpus"], link["bench"], link["kind"]].add((row, item))
        return dict(found)

    def _place(self, kind: str, name: str, identity: str) -> int:
        if (kind, name) not in self._places:
            self._places[kind, name] = {row["id"]: place for place, row in enumerate(self._rows(kind, name))}
        return self._places[kind, name][identity]

    @cached_property
    def _places(self) -> dict[tuple[str, str], dict[str, int]]:
        return {}

    def answers(self) -> list[str]:
        with (self.folder / "raw" / "gsm8k" / "test.jsonl").open(encoding="utf-8") as lines:
            return [json.loads(line)["answer"] for line in lines]

    def other_splits_of_mbpp(self) -> list[str]:
        """Tasks of MBPP that are not in its test split: the same templates, other tasks."""
        test = set(self.benchmarks["MBPP-test"])
        with (self.folder / "raw" / "mbpp" / "mbpp.jsonl").open(encoding="utf-8") as lines:
            return [text for text in (json.loads(line)["text"] for line in lines) if text not in test]


def sample(benchmarks: dict[str, list[str]], each: int, short: int) -> Iterator[Item]:
    """`each` items of a benchmark, up to `short` of them of fewer than eight words; the same every time."""
    for name, texts in benchmarks.items():
        chance = random.Random(f"{SEED} {name}")
        said = [Item(name, place, text) for place, text in enumerate(texts) if words(text)]
        chance.shuffle(said)
        few = [item for item in said if item.size < 8][:short]
        chosen = few + [item for item in said if item not in few]
        yield from sorted(chosen[:each], key=lambda item: item.place)
