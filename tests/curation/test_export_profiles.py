"""Exports of every profile, from a mixture to the files, the papers beside them and what the manifest says."""

import json
import re

import pytest
from datasets import get_dataset_config_names, load_dataset
from django.urls import reverse

from curation import jobs
from curation.delivery import manifest_of
from curation.engine.exporters import PROFILES
from curation.engine.exporters.validating import READERS, validate
from curation.engine.exporting import ExportConfig
from curation.engine.mixing import Recipe
from curation.engine.records import Completion, Content, Message, Record, record_id
from curation.models import Export, store
from curation.questions.fitting import fits
from curation.tasks.exporting import start_export
from curation.tasks.mixing import start_mix
from tests.populating import finished

CALL = '[{"function": {"name": "f", "arguments": {"a": %s}}}]'
ASK, ANSWER = Message("user", "Is it?"), Message("assistant", "It is.")


def said(key, text, **more):
    return Completion(key, (Message("assistant", text),), **more)


def calling(argument):
    call = Message("assistant", None, tool_calls=CALL % argument)
    return Content((ASK, call, Message("tool", "3"), ANSWER), tools='[{"type": "function"}]')


CONTENTS = (
    Content((Message("system", "Be brief."), ASK, ANSWER)),
    calling("1"),
    calling('["x"]'),
    Content(
        (ASK,),
        (said("a", "Yes.", scores={"score": 2}), said("b", "No.", scores={"score": 1})),
        0,
        1,
        ground_truth="72",
        verifier="mine",
    ),
    Content((ASK,), (said("1", "Well."), said("2", "It is.")), labels={"steps": "[true, false]"}),
    Content((ASK,), (said("1", "Well."),), labels={"desirable": "false"}),
)


@pytest.fixture
def mixture(project, version, user):
    rows = [Record(record_id("chats", str(i)), "chats", content, ()) for i, content in enumerate(CONTENTS)]
    version("chats", *rows)
    recipe = {"name": "mix", "seed": 1, "components": [{"dataset": "chats", "fraction": 1.0}]}
    return finished(start_mix(project, Recipe.of(recipe), user=user)).output("mixture")


@pytest.fixture
def exported(project, mixture, user):
    def make(*profiles, formats=("parquet", "jsonl"), **more):
        config = ExportConfig(list(profiles), list(formats), "a try", **more)
        return finished(start_export(project, "mix", config, user=user)).export

    return make


def lines(export, path):
    with store().open(f"{export.folder}/{path}") as file:
        return [json.loads(line) for line in file.read().splitlines()]


def loaded(folder, name, profile, cache):
    """As the snippets say."""
    place = {"path": folder, "name": name}
    if "parquet" not in profile.formats:
        place = {"path": "json", "data_files": f"{folder}/{name}/data/*.jsonl"}
    return load_dataset(**place, split="train", cache_dir=str(cache))


def test_every_profile_is_exported_in_its_formats_and_loads_by_its_folder(exported, tmp_path):
    export = exported(*PROFILES)
    made = manifest_of(export)
    data = [file["path"] for file in made["files"] if file["profile"]]
    wanted = [f"{name}/data/train-00000-of-00001.{f}" for name, p in PROFILES.items() for f in p.formats]
    assert sorted(data) == sorted(wanted)
    folder = store().full(export.folder)
    for name, profile in PROFILES.items():
        found = loaded(folder, name, profile, tmp_path)
        assert len(found) == made["configs"][name]["rows"] > 0
        if "jsonl" in profile.formats:
            assert validate(name, lines(export, f"{name}/data/train-00000-of-00001.jsonl")) == []
    assert get_dataset_config_names(folder) == [n for n, p in PROFILES.items() if "parquet" in p.formats]


def test_llama_factory_finds_its_files_by_the_paper_beside_them(exported):
    export = exported("llamafactory_sft", "llamafactory_preference", "llamafactory_kto")
    papers = {
        file["path"]: json.loads(store().get(f"{export.folder}/{file['path']}"))
        for file in manifest_of(export)["files"]
        if file["path"].endswith("dataset_info.json")
    }
    chats, pairs, judged = (
        papers[f"llamafactory_{kind}/dataset_info.json"] for kind in ("sft", "preference", "kto")
    )
    place = {"file_name": "data/train-00000-of-00001.jsonl", "formatting": "sharegpt"}
    talk = {"messages": "conversations", "system": "system"}
    assert chats == {"mix_sft": place | {"columns": talk | {"tools": "tools"}}}
    sides = {"chosen": "chosen", "rejected": "rejected"}
    assert pairs == {"mix_preference": place | {"ranking": True, "columns": talk | sides}}
    assert judged == {"mix_kto": place | {"columns": talk | {"kto_tag": "kto_tag"}}}


def test_arguments_of_calls_are_texts_unless_objects_are_asked_for(exported):
    path = "sft_messages/data/train-00000-of-00001.jsonl"

    def arguments(export, path=path):
        calls = [turn.get("tool_calls") for row in lines(export, path) for turn in row["messages"]]
        return sorted((call[0]["function"]["arguments"] for call in calls if call), key=str)

    assert arguments(exported("sft_messages")) == ['{"a":1}', '{"a":["x"]}']
    objects = exported("sft_messages", "openai_sft", formats=["jsonl"], tool_arguments="object")
    assert arguments(objects) == [{"a": 1}, {"a": ["x"]}]
    assert arguments(objects, path.replace("sft_messages", "openai_sft")) == ['{"a":1}', '{"a":["x"]}']


def test_the_page_of_rows_with_tools_offers_only_what_takes_them(client, curator, exported):
    page = client.get(exported("sft_messages").get_absolute_url()).content.decode()
    assert "<summary>TRL " in page and "use_preserving_dataset: true" in page
    assert "<summary>torchtune " not in page and "<summary>verl " not in page


def test_what_readers_stumble_over_is_in_the_manifest_and_on_the_page(client, curator, exported):
    export = exported("rlvr_open_instruct", "sft_messages")
    warnings = manifest_of(export)["configs"]["rlvr_open_instruct"]["warnings"]
    assert warnings["counts"] == {"names a verifier that open-instruct does not have": 1}
    assert list(warnings["examples"].values()) == [[record_id("chats", "3")]]
    page = client.get(export.get_absolute_url()).content.decode()
    assert "names a verifier that open-instruct does not have" in page and 'href="#warnings"' in page
    assert record_id("chats", "3") in page


def test_the_form_groups_profiles_and_says_which_rows_they_would_take(client, curator, mixture):
    page = client.get(reverse("export-new", args=["default", "mix"])).content.decode()
    assert all(f'value="{name}"' in page for name in PROFILES)
    assert "<legend>Preferences</legend>" in page and "Read by LLaMA-Factory. JSON lines only." in page
    assert "Takes all of the first 6 rows." in page and "Takes 1 of the first 6 rows." in page
    found = fits(mixture)
    assert found["prompts"].taken == 6 and found["unpaired"].taken == 2
    assert found["rlvr_verl"].reason == "has no ground truth"


@pytest.mark.parametrize(
    ("profile", "formats", "sentence"),
    [
        ("openai_sft", ["parquet"], "openai_sft is written as jsonl only"),
        ("rlvr_verl", ["jsonl"], "rlvr_verl is written as parquet only"),
        ("llamafactory_kto", ["parquet"], "llamafactory_kto is written as jsonl only"),
    ],
)
def test_a_format_that_no_reader_of_a_profile_takes_is_a_sentence(
    client, curator, mixture, profile, formats, sentence
):
    sent = {"profiles": [profile], "formats": formats, "override": "a reason"}
    answer = client.post(reverse("export-new", args=["default", "mix"]), sent)
    assert answer.status_code == 422 and sentence in answer.content.decode()


def test_objects_and_texts_are_the_only_choices(client, curator, mixture):
    sent = {"profiles": ["prompts"], "formats": ["jsonl"], "override": "x", "tool_arguments": "yaml"}
    answer = client.post(reverse("export-new", args=["default", "mix"]), sent)
    assert answer.status_code == 422 and "written as string or object, not as yaml" in answer.content.decode()


@pytest.mark.parametrize(
    ("profile", "row"),
    [
        ("sft_messages", "row [0-9a-f]{32}"),
        ("openai_sft", "row number 1"),
    ],
)
def test_rows_that_no_reader_takes_fail_the_export_with_a_sentence(
    project, mixture, user, monkeypatch, profile, row
):
    monkeypatch.setitem(READERS, profile, lambda row: iter(["has no such thing"]))
    run = start_export(project, "mix", ExportConfig([profile], ["jsonl"], "a try"), user=user)
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and not Export.objects.exists()
    assert re.match(rf"{profile} as jsonl: {row} has no such thing\. ", run.error)
    assert run.error.endswith("nothing was published.")
