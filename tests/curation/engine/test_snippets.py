"""What is offered to copy for each profile: only what loads the files as they are."""

import pytest

from curation.engine.exporters import PROFILES
from curation.engine.snippets import Loading, snippets


def loading(**more):
    files = ["sft_messages/data/train-00000-of-00001.parquet"]
    given = {"name": "mix-1", "profile": "sft_messages", "address": "https://w/f/", "files": files}
    return Loading(**given | more)


LINES = ["sft_messages/data/train-00000-of-00001.jsonl"]


def readers(*args, **more):
    return [f"{one.reader} {one.place}" for one in snippets(loading(*args, **more))]


def trainers(**more):
    return [one.split()[0] for one in readers(**more)[2:]]


def test_a_trainer_is_offered_only_for_what_it_loads():
    assert readers(folder="/store/1")[0] == "datasets on this machine"
    every = ["TRL", "open-instruct", "Axolotl", "OpenRLHF", "verl", "Unsloth", "torchtune", "NeMo-RL"]
    assert trainers() == [name for name in every if name != "NeMo-RL"]
    assert trainers(lines=LINES) == every
    assert trainers(files=LINES) == [name for name in every if name != "verl"]
    talking = trainers(lines=LINES, tools=True)
    assert talking == [name for name in every if name not in ("verl", "torchtune")]
    assert "Axolotl" in trainers(profile="pref_explicit")
    assert "Axolotl" not in trainers(profile="pref_explicit", tools=True)
    shards = [f"sft_messages/data/train-0000{i}-of-00002.parquet" for i in range(2)]
    assert "OpenRLHF" in trainers(files=shards) and "OpenRLHF" not in trainers(files=shards, formats=2)
    assert readers(profile="unpaired")[2:] == ["TRL kto"]
    assert readers(files=[]) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_says_how_each_of_its_readers_loads_it(profile):
    suffix = PROFILES[profile].formats[0]
    files = [f"{profile}/data/train-00000-of-00001.{suffix}"]
    found = loading(profile=profile, files=files, lines=LINES, folder="/store/1")
    offered = {one.reader for one in snippets(found)}
    promised, known = PROFILES[profile].readers, (*offered, "Together", "Fireworks")
    assert all(any(reader.startswith(name) for name in known) for reader in promised)


def test_what_happens_to_tools_is_said_where_it_is_not_plain():
    found = snippets(loading(lines=LINES, tools=True))
    told = {one.reader: one for one in found}
    assert "tool_arguments=object" in told["TRL"].note and "datasets 4.7" in told["TRL"].note
    assert "never the column tools" in told["OpenRLHF"].note
    assert told["NeMo-RL"].code.endswith("00001.jsonl\n    use_preserving_dataset: true")
    plain = {one.reader: one for one in snippets(loading(lines=LINES))}
    assert "tool" not in "".join(one.note for one in plain.values())
    assert "use_preserving_dataset" not in plain["NeMo-RL"].code


def test_shards_are_addressed_in_a_loop_and_a_download_is_named_first():
    shards = [f"sft_messages/data/train-{i:05d}-of-00003.parquet" for i in range(3)]
    remote, _, trl = snippets(loading(files=shards))[:3]
    places = {"address": "", "i": 0}
    inner = remote.code.split("data_files=")[1].split(",\n")[0]
    assert eval(inner, places) == shards
    assert trl.note == "Download it first." and "--dataset_name mix-1" in trl.code
    assert all("https://w/f/" not in one.code for one in snippets(loading())[2:])
