"""What can be switched on, written to disk or typed in must be written down."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from curation.engine.exploring import ATTRIBUTES
from curation.engine.exporters import PROFILES
from curation.engine.records import MESSAGE, SCHEMA
from decontam.engine.dedupe import CLUSTERS
from decontam.engine.evidence import CAUSES, MATCHES
from decontam.engine.verdicts import VERDICTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def page(name):
    return (ROOT / name).read_text()


def test_every_environment_variable_is_documented():
    read = re.compile(r'(?:text|boolean|number|choice|listing|secret|folder)\(\s*"(WINNOW_[A-Z_]+)"')
    used = {name for path in (ROOT / "config").glob("*.py") for name in read.findall(path.read_text())}
    assert used == set(re.findall(r"^- `(WINNOW_[A-Z_]+)`", page("docs/settings.md"), re.M))


def test_the_application_reads_no_other_environment_variable():
    inside = [path for app in ("curation", "decontam") for path in (ROOT / app).rglob("*.py")]
    named = {name for path in inside for name in re.findall(r"WINNOW_[A-Z_]+", path.read_text())}
    documented = set(re.findall(r"`(WINNOW_[A-Z_]+)`", page("docs/settings.md")))
    assert named <= documented


@pytest.mark.parametrize(
    "schema",
    [SCHEMA, MESSAGE, MATCHES, CAUSES, VERDICTS, CLUSTERS, ATTRIBUTES],
    ids=["record", "message", "matches", "causes", "verdicts", "clusters", "profile"],
)
def test_every_column_is_in_the_contract(schema):
    told = set(re.findall(r"`([a-z_]+)`", page("docs/data-format.md")))
    assert {field.name for field in schema} <= told


def test_every_profile_is_in_the_contract():
    assert all(f"`{name}`" in page("docs/data-format.md") for name in PROFILES)


def test_links_between_pages_lead_somewhere():
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_command_that_pages_name_exists():
    ours = {name for name, app in get_commands().items() if app in ("curation", "decontam")}
    named = {name for path in PAGES for name in re.findall(r"manage\.py ([a-z_]+)", path.read_text())}
    assert named - {"migrate"} <= ours
    assert all(load_command_class(get_commands()[name], name).help for name in ours)


def test_the_readme_starts_with_the_two_commands():
    first = page("README.md").splitlines()[1:3]
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]


def test_the_library_example_runs_as_it_stands():
    (example,) = [
        code for code in re.findall(r"```python\n(.*?)```", page("README.md"), re.S) if "scan(" in code
    ]
    run = [sys.executable, "-c", example.replace("print(matches.to_pylist())", PRINT)]
    (match,) = json.loads(subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert (match["method"], match["score"]) == ("ngram", 1.0)


PRINT = "import json; print(json.dumps(matches.to_pylist()))"


def test_requirements_are_pinned_and_say_why():
    for path in [*ROOT.glob("requirements*.txt"), *ROOT.glob("tests/loaders/requirements/*.txt")]:
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[A-Za-z0-9_.\[\],-]+==\S+ +# \S.*", line), f"{path.name}: {line}"


def test_no_file_names_a_machine_or_a_package_host():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    forbidden = re.compile(
        "|".join(["/" + "work/", "/" + "root/", "pypi" + r"\.org", "files" + r"\.pythonhosted"])
    )
    for name in tracked:
        text = (ROOT / name).read_text(errors="ignore") if (ROOT / name).exists() else ""
        assert not forbidden.search(text), name
