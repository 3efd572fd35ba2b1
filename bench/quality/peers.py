"""What others find in the same texts. They answer for a text as a whole, so any hit on it is counted for them."""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    from datatrove.data import Document
    from datatrove.pipeline.decont import n_grams
    from datatrove.utils.hashing import HashConfig
except ImportError:
    n_grams = None

DECON = "import decon"
RUN_DECON = """
import sys, decon
config = decon.Config(training_dir=sys.argv[1], evals_dir=sys.argv[2], report_output_dir=sys.argv[3])
config.content_key = "text"
decon.detect(config)
"""
SPEC = {"verbatim": "0.000 (spec)", "every number changed": "≤ 0.15 (spec)"}


class Datatrove:
    """Its NGramsDecontFilter (12-grams, spaCy words) over whole prompts; SHA-1, since xxhash 4 refuses str."""

    name = "datatrove"

    def __init__(self, items: Sequence[str], folder: Path) -> None:
        folder.mkdir()
        config = n_grams.NGramsDecontConfig(find_query_ngrams=True, hash_config=HashConfig(hash_fc="sha1"))
        self._filter = n_grams.NGramsDecontFilter(str(folder), config)
        hashes = {
            h for text in items for h in n_grams.NGramsDecontIndexer.compute_hashes(self._filter, "", text)
        }
        np.array(list(hashes), np.uint64).tofile(folder / "bench.index.hashes")

    def hits(self, texts: Sequence[str]) -> list[bool]:
        return [self._filter.filter(Document(text=text, id="")) is not True for text in texts]


class Decon:
    """Its detection with default settings, run by an interpreter that has the package."""

    name = "decon"

    def __init__(self, benchmarks: Mapping[str, Sequence[str]], folder: Path, python: str) -> None:
        self._folder, self._python = folder, python
        (folder / "evals").mkdir(parents=True)
        with (folder / "evals" / "items.jsonl").open("w", encoding="utf-8") as out:
            every = (
                (name, place, text) for name, texts in benchmarks.items() for place, text in enumerate(texts)
            )
            for number, (name, place, text) in enumerate(every):
                item = {"eval_key": name, "eval_instance_index": place, "split": "test", "question": text}
                item |= {"doc_id": number, "fingerprint": f"{name}-{place}", "is_correct": True}
                out.write(json.dumps(item) + "\n")

    def hits(self, texts: Sequence[str]) -> list[bool]:
        training, report = self._folder / "training", self._folder / "report"
        for folder in (training, report):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        with (training / "rows.jsonl").open("w", encoding="utf-8") as out:
            for place, text in enumerate(texts):
                out.write(json.dumps({"text": text, "place": place}) + "\n")
        command = [self._python, "-c", RUN_DECON, training, self._folder / "evals", report]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        hit = [False] * len(texts)
        for path in report.rglob("*.jsonl*"):
            with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
                for line in lines:
                    hit[json.loads(line)["training_line"]] = True
        return hit


def interpreter_with_decon(asked: str) -> str:
    """The one that was asked for, this one, or a Python 3.12 or later of this machine; empty where none has it."""
    for python in (asked, sys.executable, *map(shutil.which, ("python3.12", "python3.13", "python3.14"))):
        if python and not subprocess.run([python, "-c", DECON], capture_output=True).returncode:
            return python
    return ""


def found_peers(benchmarks: Mapping[str, Sequence[str]], folder: Path, decon: str) -> list[Any]:
    """Those that are installed; the others are named."""
    peers: list[Any] = []
    if n_grams:
        peers.append(Datatrove([text for texts in benchmarks.values() for text in texts], folder / "hashes"))
    else:
        print("datatrove is left out: it is not installed (requirements-bench.txt)")
    if python := interpreter_with_decon(decon):
        peers.append(Decon(benchmarks, folder / "decon", python))
    else:
        print(
            "decon is not installed (package decontaminate, Python 3.12 and later): figures of the spec stand in"
        )
    return peers
