"""Loaders run in their environments, each environment once for all tests of a session."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

from tests.loaders.environments import ENVIRONMENTS, HERE

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


def answers(environment: str, files: Path, cache: Path) -> dict:
    """What the loaders of an environment found in the files; run by whichever test process asks first."""
    target = cache / f"{environment}.json"
    with (cache / f"{environment}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _run(environment, files, target)
        return json.loads(target.read_text())


def _run(environment: str, files: Path, target: Path) -> None:
    made = ENVIRONMENTS[environment]
    assert made.ready, f"{made.folder} is missing or out of date: run tests/loaders/environments.py install"
    own = {"HF_HOME": str(target.parent / f"{environment}-home")}
    command = [made.python, HERE / "inside" / "run.py", files, target, *made.loaders]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=target.parent,
        env=os.environ | QUIET | own,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
