"""Loaders run in their environments, once for all tests of a session."""

import fcntl
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.loaders.environments import ENVIRONMENTS, HERE, Environment

QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def answers(names: Sequence[str], files: Path, cache: Path, kind: str = "loaders") -> dict:
    """
    What the `loaders` of these environments, or their `snippets`, found in the files. They run at once, started by
    whichever test process asks first.
    """
    with (cache / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        targets = {ENVIRONMENTS[name]: cache / f"{name}-{kind}.json" for name in names}
        running = [
            _start(made, getattr(made, kind), files, at) for made, at in targets.items() if not at.exists()
        ]
        for process, said in running:
            assert process.wait() == 0, said.read_text()[-4000:]
        return {made.name: json.loads(at.read_text()) for made, at in targets.items()}


def _start(
    made: Environment, modules: Sequence[str], files: Path, target: Path
) -> tuple[subprocess.Popen[bytes], Path]:
    assert made.ready, f"{made.folder} is missing or out of date: run tests/loaders/environments.py install"
    folder = target.with_suffix("")
    folder.mkdir()
    command = [made.python, HERE / "inside" / "run.py", files, target, *modules]
    own = os.environ | QUIET | {"HF_HOME": str(folder / "home")}
    said = folder / "said"
    with said.open("w") as out:
        return subprocess.Popen(
            [str(word) for word in command], cwd=folder, env=own, stdout=out, stderr=subprocess.STDOUT
        ), said
