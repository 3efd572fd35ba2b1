"""Every profile against its rule written plainly, in memory and read back from its files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.exporters import PROFILES, Exporter, Skips, survey
from curation.engine.records import Completion, Content, Message
from tests.curation.engine.making import CONTENTS, answer, batch_of
from tests.curation.engine.plainly import plain

SOME = st.lists(CONTENTS, max_size=8)


def there(value):
    """Without what is null or an empty list of images, and without ids: what a reader takes from a row."""
    if isinstance(value, dict):
        return {
            name: there(inner)
            for name, inner in value.items()
            if inner is not None and (name, inner) not in (("images", []), ("tools", ""), ("weight", None))
        }
    return [there(inner) for inner in value] if isinstance(value, list) else value


def rows_of(profile, batch):
    exporter = Exporter(profile, survey(profile, batch).features)
    return exporter, exporter.to_batch(batch)


def as_chats(row):
    """A plain chat of LLaMA-Factory in the form that it has beside rows with tools."""
    if "messages" not in row:
        return row
    names = {"user": "human", "assistant": "gpt", "tool": "observation"}
    system, *rest = row["messages"] if row["messages"][0]["role"] == "system" else (None, *row["messages"])
    talk = [{"from": names[turn["role"]], "value": turn["content"]} for turn in rest]
    return {"conversations": talk, "system": system["content"] if system else ""}


def told(name, row):
    row = {column: value for column, value in there(row).items() if column not in ("id", "extra_info")}
    return as_chats(row) if name == "llamafactory_sft" else row


@pytest.mark.parametrize("name", PROFILES)
@given(contents=SOME, size=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_every_profile_agrees_with_the_plain_rule(name, contents, size):
    batch, profile = batch_of(*contents), PROFILES[name]
    exporter, (whole, skips) = rows_of(profile, batch)
    whole.validate(full=True)
    expected = [row for content in contents for row in plain(content, name)]
    assert [told(name, row) for row in whole.to_pylist()] == expected
    parts = [batch.slice(at, size) for at in range(0, batch.num_rows, size)]
    surveys = [survey(profile, part) for part in parts]
    assert frozenset().union(*(one.features for one in surveys)) == exporter.features
    assert sum((one.skips for one in surveys), Skips()) == skips
    made = [exporter.to_batch(part) for part in parts]
    assert [row for rows, _ in made for row in rows.to_pylist()] == whole.to_pylist()
    assert sum((skipped for _, skipped in made), Skips()) == skips
    assert sum((one.warnings for one in surveys), Skips()) == survey(profile, batch).warnings


@pytest.mark.parametrize("name", PROFILES)
@given(contents=st.lists(CONTENTS, min_size=1, max_size=6))
@settings(deadline=None, max_examples=20)
def test_what_is_read_back_from_the_files_is_what_the_records_say(name, contents):
    profile = PROFILES[name]
    exporter, (batch, _) = rows_of(profile, batch_of(*contents))
    expected = [row for content in contents for row in plain(content, name)]
    for suffix in profile.formats:
        rows = exporter.rows(suffix, batch)
        assert [told(name, as_texts(row)) for row in rows] == expected
        assert exporter.check(suffix, batch) == ""


def as_texts(row):
    """Tools that are JSON values as the one text among the samples that they can be."""
    if isinstance(row.get("input"), dict):
        return row | {"input": as_texts(row["input"])}
    if isinstance(row.get("tools"), list):
        assert row["tools"] == [{"a": 1}]
        return row | {"tools": '[{"a":\n1}]'}
    return row


@pytest.mark.parametrize("name", PROFILES)
def test_rows_of_a_megabyte_come_back_whole(name):
    long = "Zeile\n\u2028𐍈é \\ " * 60_000
    ask, says = Message("user", "?" + long), Message("assistant", long + ".")
    sides = (Completion("a", (says,)), answer("b", "No " + long))
    pair = Content((ask,), sides, 0, 1, ground_truth="72", verifier="gsm8k")
    content = Content((ask,), sides, labels={"steps": "[true, false]"}) if name == "stepwise" else pair
    exporter, (batch, _) = rows_of(PROFILES[name], batch_of(content, content))
    expected = plain(content, name) * 2
    assert expected and len(str(expected[0])) > 1_000_000
    for suffix in PROFILES[name].formats:
        assert [told(name, row) for row in exporter.rows(suffix, batch)] == expected
