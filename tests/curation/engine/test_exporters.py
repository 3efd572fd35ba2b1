import hashlib
import io
import json
from pathlib import Path

import datasets
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.errors import BadConfig, BadInput
from curation.engine.exporters import (
    PROFILES,
    Exporter,
    Skips,
    features,
    profile_named,
    provenance,
    shard_path,
    write_jsonl,
    write_parquet,
)
from curation.engine.records import Completion, Content, Message, Record, record_id, to_batch

ASK, ANSWER = Message("user", "Is it?"), Message("assistant", "It is.")
CALL = '[{"id":"c1","type":"function","function":{"name":"f","arguments":{"n":12345678901234567890123}}}]'
CALLING = Message("assistant", None, tool_calls=CALL)


def answer(key, text="It is.", **fields):
    return Completion(key, (Message("assistant", text, **fields),))


def batch_of(*contents):
    return to_batch([Record(record_id("src", str(n)), "src", content) for n, content in enumerate(contents)])


def export(profile, *contents):
    """The rows of some contents in a profile, with the features they have, without ids, and the skips."""
    batch = batch_of(*contents)
    exporter = Exporter(PROFILES[profile], features(PROFILES[profile], batch))
    made, skips = exporter.to_batch(batch)
    assert made.schema == exporter.schema
    made.validate(full=True)
    assert made.num_rows + skips.total == len(contents)
    return [{name: row[name] for name in row if name != "id"} for row in made.to_pylist()], dict(skips.counts)


def plain(*messages):
    return [{"role": m.role, "content": m.content} for m in messages]


def loaded(path, kind, tmp_path, **options):
    return datasets.load_dataset(
        kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"), **options
    )


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


# profiles


def test_a_conversation_is_exported_as_it_is():
    system = Message("system", "Be brief.")
    rows, skips = export("sft_messages", Content((system, ASK, ANSWER)), Content((ASK, ANSWER)))
    assert rows == [{"messages": plain(system, ASK, ANSWER)}, {"messages": plain(ASK, ANSWER)}]
    assert skips == {}


def test_the_chosen_completion_ends_the_conversation():
    both = (answer("a", "No."), answer("b", "Yes."))
    rows, skips = export("sft_messages", Content((ASK,), both, chosen=1), Content((ASK, ANSWER)))
    assert [row["messages"][-1]["content"] for row in rows] == ["Yes.", "It is."]
    assert skips == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Content(()), "has no messages"),
        (Content((ASK,)), "does not end with an assistant turn"),
        (Content((ASK, ANSWER, Message("tool", "3"))), "does not end with an assistant turn"),
        (Content((ASK,), (answer("a"),)), "has completions, but none is chosen"),
        (Content((ASK,), (answer("a"),), chosen=1), "chosen or rejected is not one of its completions"),
        (Content((ASK,), (answer("a"),), chosen=-1), "chosen or rejected is not one of its completions"),
        (
            Content((ASK, ANSWER), (answer("a"),), chosen=0),
            "has a completion, but its messages end with an assistant turn already",
        ),
        (Content((ASK, ANSWER), images=("a.png",)), "has images, which this profile does not carry"),
        (Content((ASK, Message("assistant", ""))), "has a turn without content and without tool calls"),
        (Content((ASK, Message("assistant", " \n"))), "has a turn without content and without tool calls"),
        (Content((ASK, Message("assistant", None))), "has a turn without content and without tool calls"),
        (Content((Message("user", ""), ANSWER)), "has a turn without content and without tool calls"),
        (
            Content((ASK, CALLING, Message("tool", None), ANSWER)),
            "has a turn without content and without tool calls",
        ),
        (
            Content((ASK, Message("assistant", None, tool_calls="[]"))),
            "has a turn without content and without tool calls",
        ),
        (Content((ASK, ANSWER), tools="{}"), "has tools that are not a list of JSON objects"),
        (Content((ASK, ANSWER), tools="[1]"), "has tools that are not a list of JSON objects"),
        (Content((ASK, ANSWER), tools="[{"), "has tools that are not a list of JSON objects"),
    ],
)
def test_rows_that_would_break_fine_tuning_are_skipped_with_the_reason(content, reason):
    rows, skips = export("sft_messages", content, Content((ASK, ANSWER)))
    assert (rows, skips) == ([{"messages": plain(ASK, ANSWER)}], {reason: 1})


@pytest.mark.parametrize(
    "calls",
    [
        "no json",
        "{}",
        "[1]",
        '[{"function": "f"}]',
        '[{"function": {"arguments": {}}}]',
        '[{"function": {"name": 1, "arguments": {}}}]',
        '[{"function": {"name": "f", "arguments": "[1]"}}]',
        '[{"function": {"name": "f", "arguments": "{"}}]',
        '[{"function": {"name": "f", "arguments": []}}]',
        '[{"function": {"name": "f", "arguments": {"x": NaN}}}]',
        '[{"function": {"name": "f", "arguments": {"x": 1e999}}}]',
        '[{"function": {"name": "\\ud800", "arguments": {}}}]',
        '[{"id": 7, "function": {"name": "f", "arguments": {}}}]',
        "[" * 100_000,
    ],
)
def test_tool_calls_that_no_trainer_could_read_are_skipped(calls):
    rows, skips = export("sft_messages", Content((ASK, Message("assistant", None, tool_calls=calls))))
    reason = "has tool calls that are not a list of named functions with an object of arguments"
    assert (rows, skips) == ([], {reason: 1})


def test_a_plain_export_has_no_columns_but_the_plain_ones():
    batch = batch_of(
        Content((ASK, ANSWER), (answer("a", thinking="hm"),), meta={"x": "y"}), Content((ASK, ANSWER))
    )
    assert features(PROFILES["sft_messages"], batch) == frozenset()
    schema = Exporter(PROFILES["sft_messages"]).schema
    assert str(schema.field("messages").type) == "list<item: struct<role: string, content: string>>"
    assert schema.names == ["messages", "id"]


def test_an_optional_column_that_occurs_is_in_every_row():
    thinking = Message("assistant", "Yes.", thinking="Let me see.")
    rows, _ = export("sft_messages", Content((ASK, thinking), tools='[{"a":1}]'), Content((ASK, ANSWER)))
    assert rows[0]["messages"][1] == {"role": "assistant", "content": "Yes.", "thinking": "Let me see."}
    assert rows[1] == {"messages": [m | {"thinking": None} for m in plain(ASK, ANSWER)], "tools": None}
    assert rows[0]["tools"] == '[{"a":1}]'


def test_features_of_skipped_rows_do_not_count():
    batch = batch_of(Content((Message("user", "?", name="Ann"),), tools='[{"a":1}]'), Content((ASK, ANSWER)))
    assert features(PROFILES["sft_messages"], batch) == frozenset()
    assert features(PROFILES["prompts"], batch) == {"name", "tools"}


def test_a_column_that_was_not_announced_is_never_lost_silently():
    with pytest.raises(BadInput, match="Rows have thinking, tools, but the export was laid out without"):
        Exporter(PROFILES["sft_messages"]).to_batch(
            batch_of(Content((ASK, Message("assistant", "Yes.", thinking="hm")), tools='[{"a":1}]'))
        )
    with pytest.raises(BadConfig, match="pref_explicit has no optional column answer"):
        Exporter(PROFILES["pref_explicit"], frozenset({"answer"}))
    with pytest.raises(BadConfig, match="There is no export profile alpaca; there are sft_messages, pref_"):
        profile_named("alpaca")


def test_tool_calls_have_the_form_of_openai_with_arguments_as_text():
    texts = '[{"function": {"name": "f", "arguments": "{\\"b\\": 1.50}"}}, {"function": {"name": "g"}}]'
    rows, skips = export(
        "sft_messages",
        Content((ASK, CALLING, Message("tool", "", name="f"), ANSWER)),
        Content((ASK, Message("assistant", "Wait.", tool_calls=texts))),
        Content((ASK, Message("assistant", "No.", tool_calls="[]"))),
    )
    assert skips == {}
    first, second, third = (row["messages"][1]["tool_calls"] for row in rows)
    arguments = '{"n":12345678901234567890123}'
    assert first == [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    assert [call["function"]["arguments"] for call in second] == ['{"b": 1.50}', "{}"]
    assert third is None
    assert rows[0]["messages"][2] == {"role": "tool", "content": "", "name": "f", "tool_calls": None}


def test_pairs_share_their_prompt():
    pair = Content((ASK,), (answer("a", "No."), answer("b", "Maybe."), answer("c", "Yes.")), 2, 0)
    rows, skips = export("pref_explicit", pair)
    assert skips == {}
    assert rows == [
        {
            "prompt": plain(ASK),
            "chosen": [{"role": "assistant", "content": "Yes."}],
            "rejected": [{"role": "assistant", "content": "No."}],
        }
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Content((), (answer("a"), answer("b", "No.")), 0, 1), "has no messages"),
        (Content((ASK,), (answer("a"), answer("b", "No.")), 0), "has no chosen and rejected completion"),
        (
            Content((ASK,), (answer("a"), answer("b", "No.")), None, 1),
            "has no chosen and rejected completion",
        ),
        (Content((ASK, ANSWER)), "has no chosen and rejected completion"),
        (Content((ASK,), (answer("a"),), 0, 1), "chosen or rejected is not one of its completions"),
        (Content((ASK,), (answer("a"), answer("b")), 0, 1), "chosen and rejected say the same"),
        (Content((ASK,), (answer("a"),), 0, 0), "chosen and rejected say the same"),
        (
            Content((ASK,), (answer("a"), answer("b", " ")), 0, 1),
            "has a turn without content and without tool calls",
        ),
        (Content((ASK,), (answer("a"), Completion("b", ())), 0, 1), "does not end with an assistant turn"),
        (
            Content((ASK,), (answer("a"), Completion("b", (ASK,))), 0, 1),
            "does not end with an assistant turn",
        ),
        (
            Content((ASK, ANSWER), (answer("a"), answer("b", "No.")), 0, 1),
            "has a completion, but its messages end with an assistant turn already",
        ),
    ],
)
def test_pairs_that_teach_nothing_are_skipped_with_the_reason(content, reason):
    rows, skips = export("pref_explicit", content, Content((ASK,), (answer("a"), answer("b", "No.")), 0, 1))
    assert len(rows) == 1 and skips == {reason: 1}


def test_answers_that_differ_in_one_field_or_one_turn_are_a_pair():
    longer = Completion("b", (CALLING, Message("tool", "3"), Message("assistant", "It is.")))
    other = Completion("c", (CALLING, Message("tool", "4"), Message("assistant", "It is.")))
    rows, skips = export(
        "pref_explicit",
        Content((ASK,), (answer("a"), answer("b", thinking="hm")), 0, 1),
        Content((ASK,), (answer("a"), longer), 0, 1),
        Content((ASK,), (longer, other), 0, 1),
        Content((ASK,), (longer, longer), 0, 1),
    )
    assert len(rows) == 3 and skips == {"chosen and rejected say the same": 1}


def test_prompts_end_at_the_last_user_turn():
    rows, skips = export(
        "prompts",
        Content(
            (ASK, ANSWER, Message("user", "Why?"), CALLING, Message("tool", ""), Message("assistant", ""))
        ),
        Content((ASK,), (answer("a"),), ground_truth="72", verifier="gsm8k"),
        Content((Message("system", "x"), ANSWER)),
        Content(()),
    )
    assert [(row["prompt"], row["answer"], row["verifier"]) for row in rows] == [
        (plain(ASK, ANSWER, Message("user", "Why?")), None, None),
        (plain(ASK), "72", "gsm8k"),
    ]
    assert skips == {"has no messages": 1, "has no user turn": 1}


def test_skips_add_up_and_keep_the_smallest_ids():
    exporter = Exporter(PROFILES["sft_messages"])
    batch = batch_of(*[Content((ASK,))] * 9, Content(()))
    _, whole = exporter.to_batch(batch)
    parts = [exporter.to_batch(batch.slice(at, 3))[1] for at in (9, 3, 0, 6)]
    assert sum(parts, Skips()) == whole
    ids = batch.column("id").to_pylist()
    assert whole.counts == {"does not end with an assistant turn": 9, "has no messages": 1}
    assert whole.examples["does not end with an assistant turn"] == tuple(sorted(ids[:9])[:5])
    assert whole.examples["has no messages"] == (ids[9],)


TEXTS = st.text(max_size=6) | st.sampled_from(["", " ", "Zeile\n\u2028", '"\\', "𐍈"])
MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.none() | TEXTS,
    name=st.none() | TEXTS,
    tool_calls=st.sampled_from([None, None, None, "[]", CALL, "bad"]),
    thinking=st.none() | TEXTS,
)
LISTS = st.lists(MESSAGES, max_size=4).map(tuple)
CONTENTS = st.builds(
    Content,
    LISTS,
    st.lists(st.builds(Completion, TEXTS, LISTS), max_size=3).map(tuple),
    st.none() | st.integers(-1, 3),
    st.none() | st.integers(-1, 3),
    ground_truth=st.none() | TEXTS,
    tools=st.sampled_from([None, "[]", '[{"a":\n1}]', "bad"]),
    images=st.sampled_from([(), (), (), ("x",)]),
)


@given(st.lists(CONTENTS, max_size=8), st.sampled_from(sorted(PROFILES)), st.integers(1, 4))
@settings(deadline=None, max_examples=150)
def test_every_profile_agrees_with_the_plain_rule(contents, name, size):
    batch, profile = batch_of(*contents), PROFILES[name]
    parts = [batch.slice(at, size) for at in range(0, batch.num_rows, size)]
    found = frozenset().union(*(features(profile, part) for part in parts))
    assert found == features(profile, batch)
    exporter = Exporter(profile, found)
    whole, skips = exporter.to_batch(batch)
    rows = [row for part in parts for row in exporter.to_batch(part)[0].to_pylist()]
    assert rows == whole.to_pylist()
    assert sum((exporter.to_batch(part)[1] for part in parts), Skips()) == skips
    expected = [(i, turns) for i, c in enumerate(contents) if (turns := PLAIN[name](c)) and fits(c, turns)]
    assert [row["id"] for row in rows] == [record_id("src", str(i)) for i, _ in expected]
    for row, (_, turns) in zip(rows, expected, strict=True):
        for column, messages in zip(profile.turns, turns, strict=True):
            assert [(m["role"], m["content"]) for m in row[column]] == [(m.role, m.content) for m in messages]


def picked(content, index):
    inside = index is not None and 0 <= index < len(content.completions)
    return content.completions[index].messages if inside else None


def ends(messages, role="assistant"):
    return bool(messages) and messages[-1].role == role


def plain_sft(content):
    chosen = picked(content, content.chosen)
    if not content.messages or (content.chosen is not None and (chosen is None or ends(content.messages))):
        return None
    whole = content.messages + (chosen or ())
    return [whole] if ends(whole) else None


def plain_pair(content):
    chosen, rejected = picked(content, content.chosen), picked(content, content.rejected)
    if not content.messages or ends(content.messages) or not ends(chosen) or not ends(rejected):
        return None
    return [content.messages, chosen, rejected] if chosen != rejected else None


def plain_prompt(content):
    users = [i for i, m in enumerate(content.messages) if m.role == "user"]
    return [content.messages[: users[-1] + 1]] if users else None


PLAIN = {"sft_messages": plain_sft, "pref_explicit": plain_pair, "prompts": plain_prompt}


def fits(content, turns):
    return not content.images and content.tools != "bad" and all(says(m) for ms in turns for m in ms)


def says(message):
    if message.tool_calls == "bad":
        return False
    text = message.content
    blank = text is None or not text or text.isspace()
    return not blank or message.tool_calls == CALL or (message.role == "tool" and text is not None)


# files

ROWS = Content(
    (ASK, CALLING, Message("tool", "3"), ANSWER), tools='[{"type":"function",\r\n"function":{"name":"f"}}]'
)


def exported(name="sft_messages", *contents):
    batch, profile = batch_of(*(contents or (ROWS, Content((ASK, ANSWER))))), PROFILES[name]
    exporter = Exporter(profile, features(profile, batch))
    return exporter.to_batch(batch)[0], exporter.schema


def test_what_is_written_is_told_exactly(tmp_path):
    batch, schema = exported()
    for write, suffix in ((write_parquet, "parquet"), (write_jsonl, "jsonl")):
        path = tmp_path / f"x.{suffix}"
        told = write(path, [batch], schema)
        data = path.read_bytes()
        assert (told.rows, told.bytes, told.sha256) == (2, len(data), hashlib.sha256(data).hexdigest())
        assert told.raw_bytes > 0


def big(rows):
    """More rows than one row group, in texts of very different length."""
    texts = [f"{n} " * (n % 7) + "x" for n in range(rows)]
    return exported("sft_messages", *(Content((Message("user", text), ANSWER)) for text in texts))


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
def test_files_are_the_same_bytes_however_the_rows_arrive(write):
    batch, schema = big(23_000)
    found = set()
    for size in (23_000, 10_000, 9_999, 777):
        parts = [batch.slice(at, size) for at in range(0, batch.num_rows, size)]
        found.add(write(io.BytesIO(), parts, schema).sha256)
    copies = pa.Table.from_batches([batch]).take(pa.array(range(23_000))).to_batches()
    found.add(write(io.BytesIO(), copies, schema).sha256)
    assert len(found) == 1


def test_parquet_files_have_the_layout_that_readers_want(tmp_path):
    batch, schema = big(23_000)
    write_parquet(tmp_path / "x.parquet", [batch], schema.with_metadata({"huggingface": "{}"}))
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        assert [group.num_rows for group in groups] == [10_000, 10_000, 3_000]
        assert {group.column(0).compression for group in groups} == {"ZSTD"}
        assert groups[0].column(0).has_offset_index and groups[0].column(0).has_column_index
        assert file.schema_arrow.metadata is None
        assert file.schema_arrow == schema


def test_row_groups_of_long_texts_are_smaller(monkeypatch, tmp_path):
    monkeypatch.setattr("curation.engine.exporters.files.GROUP_BYTES", 1000)
    batch, schema = exported("sft_messages", *[Content((Message("user", "x" * 333), ANSWER))] * 10)
    write_parquet(tmp_path / "x.parquet", [batch.slice(0, 3), batch.slice(3)], schema)
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] == [
            3,
            3,
            3,
            1,
        ]


def test_json_lines_have_objects_where_parquet_has_json_texts():
    batch, schema = exported()
    file = io.BytesIO()
    file.close = lambda: None
    write_jsonl(file, [batch.slice(1), batch.slice(0, 1)], schema)
    second, first = file.getvalue().splitlines()
    assert b'"arguments":{"n":12345678901234567890123}' in first
    row = json.loads(first)
    assert row["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert row["messages"][1]["content"] is None
    assert [list(m) for m in row["messages"]] == [["role", "content", "tool_calls"]] * 4
    assert orjson.loads(second)["tools"] is None
    kept = io.BytesIO()
    kept.close = lambda: None
    write_jsonl(kept, [batch], schema, objects=False)
    lines = [json.loads(line) for line in kept.getvalue().splitlines()]
    assert lines == batch.to_pylist()


@given(st.lists(CONTENTS, min_size=1, max_size=8), st.sampled_from(sorted(PROFILES)))
@settings(deadline=None)
def test_nothing_is_lost_in_either_file(contents, name):
    batch, schema = exported(name, *contents)
    parquet, lines = io.BytesIO(), io.BytesIO()
    parquet.close = lines.close = lambda: None
    write_parquet(parquet, [batch], schema)
    write_jsonl(lines, [batch], schema, objects=False)
    assert pq.read_table(parquet).to_pylist() == batch.to_pylist()
    assert [json.loads(line) for line in lines.getvalue().split(b"\n")[:-1]] == batch.to_pylist()


def test_an_export_without_rows_is_still_a_file(tmp_path):
    batch, schema = exported("sft_messages", Content((ASK,)))
    assert write_parquet(tmp_path / "x.parquet", [batch], schema).rows == 0
    assert pq.read_table(tmp_path / "x.parquet").schema == schema
    assert write_jsonl(tmp_path / "x.jsonl", [], schema).bytes == 0


def test_train_files_are_named_as_the_hub_expects():
    assert shard_path("train", 0, 3) == "data/train-00000-of-00003.parquet"
    made = shard_path("validation", 11, 12, profile="prompts", suffix="jsonl")
    assert made == "prompts/data/validation-00011-of-00012.jsonl"
    with pytest.raises(BadConfig, match="A split is called train, validation, test; not dev"):
        shard_path("dev", 0, 1)
    words = ("test", "dev", "eval", "valid", "val", "training", "testing")
    assert not any(word in name.split("_") for name in PROFILES for word in words)


# what trainers load

TRL = {
    "sft_messages": {"messages"},
    "pref_explicit": {"prompt", "chosen", "rejected"},
    "prompts": {"prompt"},
}


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


# provenance


def test_provenance_says_where_each_row_is_from(tmp_path):
    batch = batch_of(Content((ASK,), licence="mit"), Content((ANSWER,)))
    made = provenance(batch, ["ecqa-clean@1", "gpteacher@12"], pa.array([1, 0]).to_numpy())
    told = write_parquet(tmp_path / "provenance.parquet", [made], made.schema)
    first, second = pq.read_table(tmp_path / "provenance.parquet").to_pylist()
    assert told.rows == 2
    assert first == {
        "id": record_id("src", "0"),
        "source": "src",
        "parents": [],
        "dataset": "gpteacher",
        "version": 12,
        "licence": "mit",
        "fingerprint": batch.column("fingerprint")[0].as_py(),
    }
    assert (second["dataset"], second["version"], second["licence"]) == ("ecqa-clean", 1, None)


def test_failed_writes_close_their_file(tmp_path):
    def broken():
        yield from ()
        raise BadInput("gone")

    with pytest.raises(BadInput, match="gone"):
        write_parquet(Path(tmp_path / "x.parquet"), broken(), exported()[1])
