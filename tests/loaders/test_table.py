"""docs/loaders.md says what the tests do, of every profile and every reader that the application names."""

import json
import re
from pathlib import Path

import pytest

from curation.engine.exporters import PROFILES
from tests.loaders.environments import ROOT

LOADERS = {
    "TRL 1.16": ("newest", "with_trl"),
    "TRL 0.24": ("bounded", "with_prm"),
    "Axolotl 0.19": ("newest", "with_axolotl"),
    "OpenRLHF 0.11": ("newest", "with_openrlhf"),
    "verl 0.9": ("bounded", "with_verl"),
    "torchtune 0.6": ("bounded", "with_torchtune"),
    "LLaMA-Factory 0.9.5": ("bounded", "with_llamafactory"),
}
CHECKS = {"open-instruct": "open_instruct", "NeMo-RL": "nemo_rl", "OpenAI": "openai", "Unsloth": ""}
SAME_ROWS = {"Together", "Fireworks"}
PINNED = {"TRL 0.24": "trl==0.24.0", "LLaMA-Factory 0.9.5": "llamafactory==0.9.5", "verl 0.9": "verl==0.9."}
PINNED |= {"TRL 1.16": "trl==1.16.", "Axolotl 0.19": "axolotl==0.19.", "OpenRLHF 0.11": "openrlhf==0.11."}
PINNED |= {"torchtune 0.6": "torchtune==0.6."}
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (loaded|checked)", re.M)
DOCUMENT = (ROOT / "docs" / "loaders.md").read_text()
TABLE = ROW.findall(DOCUMENT)
RUN, NOT_RUN = (
    {" ".join(name.split()) for name in re.findall(r"`([^`]+)`", told) if " " in name}
    for told in re.findall(r"^- \*\*(?:Run|Not run)\*\*(.*?)(?=^- |^$)", DOCUMENT, re.M | re.S)
)


def test_every_profile_has_a_row_for_every_reader_that_is_offered():
    told = {(profile, reader.split()[0]) for profile, reader, _ in TABLE}
    offered = {(name, reader.split()[0]) for name, one in PROFILES.items() for reader in one.readers}
    assert {(name, reader) for name, reader in offered if reader not in SAME_ROWS} <= told
    assert {profile for profile, *_ in TABLE} == set(PROFILES)


@pytest.mark.parametrize(("profile", "reader"), [row[:2] for row in TABLE if row[2] == "loaded"])
def test_what_is_called_loaded_was_loaded(found, profile, reader):
    environment, loader = LOADERS[reader]
    assert any(name.split()[0] == profile for name in found(environment, loader))


@pytest.mark.parametrize(("profile", "reader"), [row[:2] for row in TABLE if row[2] == "checked"])
def test_what_is_called_checked_has_its_check(profile, reader):
    """Unsloth trains through TRL, which loads the same file."""
    if reader == "Unsloth":
        assert (profile, "TRL 1.16", "loaded") in TABLE
    else:
        checks = Path(__file__).with_name("test_shapes.py").read_text().split("\ndef test_")
        assert any(code.startswith(CHECKS[reader]) and f'"{profile}"' in code for code in checks)


def test_versions_are_those_that_are_installed():
    pinned = "".join(path.read_text() for path in (ROOT / "tests/loaders/requirements").glob("*.txt"))
    assert all(PINNED[reader] in pinned for reader in LOADERS)


def test_every_snippet_of_the_pages_is_said_to_be_run_or_not(served):
    snippets = json.loads((served / "served.json").read_text())["snippets"]
    assert {name for given in snippets.values() for name in given} == RUN | NOT_RUN
    inside = "".join(path.read_text() for path in Path(__file__).parent.glob("inside/snippets_*.py"))
    assert {name for name in RUN | NOT_RUN if f'"{name}"' in inside} == RUN
