"""
Virtual environments for the trainers whose own loaders read our exports in tests: `install` makes those that are
missing or out of date, `list` says where they are.

They lie in `.venv-loaders/<name>`. One holds as many trainers as agree on their versions, since each with torch
costs half a gigabyte, shared by hard links where uv's cache is on the same disk. `requirements/<name>.txt` is
installed with what it needs; `requirements/<name>-alone.txt` without, for packages that ask for CUDA libraries or
for other versions than their loaders need.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLACE = ROOT / ".venv-loaders"
UV = Path(sys.executable).parent / "uv"


@dataclass(frozen=True, slots=True)
class Environment:
    """
    A virtual environment, the trainers and readers in it whose loaders the tests run, and those whose snippets of a
    real export they run.
    """

    name: str
    loaders: tuple[str, ...]
    snippets: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return PLACE / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def requirements(self) -> Path:
        return HERE / "requirements" / f"{self.name}.txt"

    @property
    def alone(self) -> Path:
        return HERE / "requirements" / f"{self.name}-alone.txt"

    @property
    def wanted(self) -> str:
        """What the environment is made of, as a hash."""
        files = [file.read_bytes() for file in (self.requirements, self.alone) if file.exists()]
        return hashlib.sha256(b"\0".join([sys.version.encode(), *files])).hexdigest()

    @property
    def ready(self) -> bool:
        stamp = self.folder / "stamp"
        return stamp.exists() and stamp.read_text() == self.wanted

    def install(self) -> None:
        began = time.monotonic()
        print(f"Installing {self.requirements.relative_to(ROOT)}", end="", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        _uv("venv", "--python", sys.executable, str(self.folder))
        install = ("pip", "install", "--python", str(self.python))
        _uv(*install, "-r", str(self.requirements))
        if self.alone.exists():
            _uv(*install, "--no-deps", "-r", str(self.alone))
        (self.folder / "stamp").write_text(self.wanted)
        print(f": {time.monotonic() - began:.0f} s", flush=True)


ENVIRONMENTS = {
    made.name: made
    for made in (
        Environment(
            "newest", ("with_trl", "with_axolotl", "with_openrlhf"), ("snippets_trl", "snippets_axolotl")
        ),
        Environment(
            "bounded", ("with_llamafactory", "with_verl", "with_torchtune", "with_prm"), ("snippets_bounded",)
        ),
        Environment("readers", ("with_datasets",), ("over_http", "snippets_plain", "with_croissant")),
    )
}


def _uv(*arguments: str) -> None:
    subprocess.run([str(UV), arguments[0], "--quiet", *arguments[1:]], check=True, env=os.environ)


if __name__ == "__main__":
    if sys.argv[1:] == ["install"]:
        for environment in ENVIRONMENTS.values():
            if not environment.ready:
                environment.install()
    elif sys.argv[1:] == ["list"]:
        for environment in ENVIRONMENTS.values():
            print(environment.name, environment.folder, "ready" if environment.ready else "missing")
    else:
        sys.exit(__doc__)
