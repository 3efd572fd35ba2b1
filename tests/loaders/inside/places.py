"""Where the files of the tests are."""

import json
from pathlib import Path
from typing import Any


def at(files: Path, profile: str, mixture: str, suffix: str = "parquet") -> Path:
    return files / mixture / profile / "data" / f"train-00000-of-00001.{suffix}"


def told(files: Path) -> dict[str, Any]:
    """What is said of the exports that a server has: where they are, and the snippets of their pages."""
    return json.loads((files / "served.json").read_text())
