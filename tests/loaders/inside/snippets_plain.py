"""The plain ways to an export as its page shows them, on the server that `served.json` names, with `datasets` 3.6."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
from places import told

IN_PYTHON = ("datasets on this machine", "datasets from this server", "datasets by a link")
HUB = "datasets as from the Hub"


def rows(code: str, name: str) -> list[dict[str, Any]]:
    space: dict[str, Any] = {}
    exec(code, space)
    return space[name].to_list()


def in_shell(code: str, secret: str) -> None:
    own = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    own |= {"WINNOW_TOKEN": secret, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-ec", code], env=own, check=True)


def from_hub(code: str, name: str, secret: str) -> list[dict[str, Any]]:
    """The command with a line more, by which its rows are seen."""
    kept = Path(f"{name}.json")
    seen = f"import json, pathlib; pathlib.Path('{kept}').write_text(json.dumps({name}.to_list()))"
    in_shell(code.replace("\nEOF", f"\n{seen}\nEOF"), secret)
    return json.loads(kept.read_text())


def sums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def load(files: Path) -> dict[str, Any]:
    given = told(files)
    secret = os.environ["WINNOW_TOKEN"] = given["secret"]
    datasets.config.HF_HUB_OFFLINE = False  # it takes any address for the Hub's
    found: dict[str, Any] = {}
    for name, snippets in given["snippets"].items():
        found |= {f"{name} {way}": rows(snippets[way], name) for way in IN_PYTHON}
        if name != "alpaca":
            found[f"{name} {HUB}"] = from_hub(snippets[HUB], name, secret)
    chats = given["snippets"]["sft_messages"]
    exec(chats["Python alone downloads every file and checks it"], {})
    in_shell(chats["hf downloads every file"], secret)
    in_shell(chats["curl goes on with a broken download"], secret)
    return found | {
        "python": sums(Path("mix-1")),
        "hf": sums(Path("mix")),
        "curl": sums(Path(".")).get("train-00000-of-00001.parquet"),
    }
