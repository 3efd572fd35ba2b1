"""What trainers load: exported files through the library `datasets`."""

import datasets
import pytest

from curation.engine.exporters import PROFILES, write_jsonl, write_parquet
from curation.engine.exporters.files import JSON_TEXT
from curation.engine.records import Content, Message
from tests.curation.engine.making import ASK, answer, exported, made

TRL = {
    "sft_messages": {"messages"},
    "sft_prompt_completion": {"prompt", "completion"},
    "pref_explicit": {"prompt", "chosen", "rejected"},
    "pref_implicit": {"chosen", "rejected"},
    "unpaired": {"prompt", "completion"},
    "rlvr_open_instruct": {"messages"},
    "rlvr_verl": {"prompt"},
    "rlvr_prompt": {"prompt"},
    "prompts": {"prompt"},
}  # the columns of messages
PAIR = Content((ASK,), (answer("a"), answer("b", "No.")), 0, 1, ground_truth="72", verifier="gsm8k")
STEPS = Content((ASK,), (answer("a"), answer("b", "No.")), labels={"steps": "[true, false]"})
WRITTEN = [(name, suffix) for name, profile in PROFILES.items() for suffix in profile.formats]


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def loaded(path, kind, tmp_path, **options):
    return datasets.load_dataset(
        kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"), **options
    )


@pytest.mark.parametrize(("name", "suffix"), WRITTEN)
def test_datasets_loads_every_profile_in_every_format_that_it_has(name, suffix, tmp_path):
    exporter, batch = made(name, STEPS if name == "stepwise" else PAIR)
    path = tmp_path / f"train-00000-of-00001.{suffix}"
    exporter.write(path, suffix, [batch])
    found = loaded(path, "parquet" if suffix == "parquet" else "json", tmp_path)
    assert len(found) and found.to_list() == batch.to_pylist()
    message = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    columns = TRL.get(name, set())
    assert {column: found.features[column] for column in columns} == dict.fromkeys(columns, message)


def test_datasets_streams_parquet(tmp_path):
    batch, schema = exported()
    write_parquet(tmp_path / "x.parquet", [batch], schema)
    found = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "x.parquet"), split="train", streaming=True
    )
    assert [row["id"] for row in found] == batch.column("id").to_pylist()


def test_datasets_keeps_mixed_arguments_of_tool_calls_apart(tmp_path):
    """Parquet: arguments are texts. JSON lines: they are objects, and no tool gets the keys of another."""
    calls = [
        f'[{{"id":"c","type":"function","function":{{"name":"f","arguments":{a}}}}}]'
        for a in ('{"a":1}', '{"b":["x"]}')
    ]
    batch, schema = exported(
        "sft_messages", *(Content((ASK, Message("assistant", None, tool_calls=c))) for c in calls)
    )
    write_parquet(tmp_path / "x.parquet", [batch], schema)
    write_jsonl(tmp_path / "x.jsonl", [batch], schema, objects=JSON_TEXT)
    texts, objects = (
        [
            row["messages"][1]["tool_calls"][0]["function"]["arguments"]
            for row in loaded(tmp_path / name, kind, tmp_path)
        ]
        for name, kind in (("x.parquet", "parquet"), ("x.jsonl", "json"))
    )
    assert texts == ['{"a":1}', '{"b":["x"]}']
    assert objects == [{"a": 1}, {"b": ["x"]}]
