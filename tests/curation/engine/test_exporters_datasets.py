"""What trainers load: exported files through the library `datasets`."""

import datasets
import pytest

from curation.engine.exporters import PROFILES, write_jsonl, write_parquet
from curation.engine.records import Content, Message
from tests.curation.engine.making import ASK, answer, exported

TRL = {
    "sft_messages": {"messages"},
    "pref_explicit": {"prompt", "chosen", "rejected"},
    "prompts": {"prompt"},
}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def loaded(path, kind, tmp_path, **options):
    return datasets.load_dataset(
        kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"), **options
    )


@pytest.mark.parametrize("name", sorted(PROFILES))
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_datasets_loads_the_conversational_types_of_trl(name, kind, tmp_path):
    """TRL, docs/source/dataset_formats.md: a conversational column is a list of {role, content}."""
    content = Content((ASK,), (answer("a"), answer("b", "No.")), 0, 1, ground_truth="72")
    batch, schema = exported(name, content)
    path = tmp_path / f"train-00000-of-00001.{kind}"
    (write_parquet if kind == "parquet" else write_jsonl)(path, [batch], schema)
    found = loaded(path, kind, tmp_path)
    message = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    extra = {"answer"} if name == "prompts" else set()
    assert set(found.features) == TRL[name] | extra | {"id"}
    assert {column: found.features[column] for column in TRL[name]} == dict.fromkeys(TRL[name], message)
    assert found.to_list() == batch.to_pylist()


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
    write_jsonl(tmp_path / "x.jsonl", [batch], schema)
    texts, objects = (
        [
            row["messages"][1]["tool_calls"][0]["function"]["arguments"]
            for row in loaded(tmp_path / name, kind, tmp_path)
        ]
        for name, kind in (("x.parquet", "parquet"), ("x.jsonl", "json"))
    )
    assert texts == ['{"a":1}', '{"b":["x"]}']
    assert objects == [{"a": 1}, {"b": ["x"]}]
