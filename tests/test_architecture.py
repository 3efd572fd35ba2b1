"""The contracts hold, and they bite: each forbidden import is injected once to see it refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["config", "curation", "decontam"]
ENGINES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for app in ("curation", "decontam")
    for path in (ROOT / app / "engine").rglob("*.py")
)


def lint(folder):
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([linter, "--no-cache"], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    for name in APPS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("curation/models/run.py", "import decontam.models"),
        ("curation/engine/records.py", "import django.db"),
        ("curation/engine/store.py", "import celery"),
        ("curation/engine/cards/readme.py", "import curation.models"),
        ("curation/engine/units.py", "import decontam.engine"),
        ("decontam/engine/evidence.py", "import decontam.models"),
        ("decontam/models/ruling.py", "import config.settings"),
        ("curation/models/part.py", "import curation.jobs"),
        ("curation/jobs.py", "import curation.tasks"),
        ("curation/gates.py", "import curation.tasks.mixing"),
        ("curation/tasks/mixing.py", "import curation.views"),
        ("curation/views/runs.py", "import curation.management.base"),
        ("decontam/tasks/scanning.py", "import decontam.management.commands.scan"),
    ],
)
def test_a_forbidden_import_is_refused(copy, module, line):
    path = copy / module
    path.write_text(f"{line}\n{path.read_text()}")
    assert lint(copy).returncode != 0


def test_engines_import_without_django_and_celery():
    code = "import sys; sys.modules['django'] = None; sys.modules['celery'] = None\n"
    code += "\n".join(f"import {module}" for module in ENGINES)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
