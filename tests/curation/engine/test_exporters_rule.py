"""Every profile against its rule written plainly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine.exporters import PROFILES, Exporter, Skips, features
from curation.engine.records import record_id
from tests.curation.engine.making import CALL, CONTENTS, batch_of


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
