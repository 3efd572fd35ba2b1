"""`datasets` 3.6, which people still pin: every file of every profile, by its rows."""

from pathlib import Path
from typing import Any

import datasets

datasets.disable_progress_bars()
KINDS = {".parquet": "parquet", ".jsonl": "json"}


def load(files: Path) -> dict[str, Any]:
    """The rows of each file, by its path below the folder."""
    return {
        str(path.relative_to(files)): datasets.load_dataset(
            KINDS[path.suffix], data_files=str(path), split="train"
        ).to_list()
        for path in sorted(files.rglob("train-*"))
    }
