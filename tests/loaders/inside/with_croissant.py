"""mlcroissant, the reader of croissant.json: what it finds wrong, and the rows it finds by it."""

from pathlib import Path
from typing import Any

import mlcroissant
from places import told


def load(files: Path) -> dict[str, Any]:
    given = told(files)
    found = {}
    for name in ("export", "described"):
        issues = mlcroissant.Dataset(f"{given[name]}/croissant.json").metadata.ctx.issues
        found[name] = [sorted(issues.errors), sorted(issues.warnings)]
    records = mlcroissant.Dataset(f"{given['export']}/croissant.json").records("sft_messages")
    ids = sorted(record["sft_messages/id"].decode() for record in records)
    return {"issues": found, "ids": ids}
