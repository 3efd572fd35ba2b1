"""
Runs loaders inside their environment: `run.py FILES ANSWER LOADER …`. Each loader is a module here with a function
`load(files)`, which returns what it found as JSON. One process runs them all, as importing torch and transformers
takes most of the time. Nothing of the application can be imported here.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path


def answer(name: str, files: Path) -> dict:
    try:
        return importlib.import_module(name).load(files)
    except Exception:
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    files, target, *names = sys.argv[1:]
    Path(target).write_text(json.dumps({name: answer(name, Path(files)) for name in names}))
