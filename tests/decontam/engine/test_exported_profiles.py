"""What a scan of exported files reads: the user's turns of every profile, as its readers find them."""

import io

import pytest

from curation.engine.exporters import PROFILES
from curation.engine.records import Completion, Content, Message
from curation.engine.units import Unit, turns
from decontam.engine.exported import messages
from tests.curation.engine.making import made

SYSTEM, FIRST, LAST = (
    Message("system", "Be brief."),
    Message("user", "How deep?"),
    Message("user", "And wide?"),
)
SAYS = Message("assistant", "Four metres.")
SIDES = (Completion("a", (SAYS,)), Completion("b", (Message("assistant", "I cannot say."),)))
CALL = '[{"function": {"name": "f", "arguments": {}}}]'
TALK = Content((SYSTEM, FIRST, SAYS, LAST), SIDES, 0, 1, ground_truth="4", verifier="gsm8k")
STEPS = Content((FIRST,), SIDES, labels={"steps": "[true, false]"})
CALLING = Content(
    (FIRST, Message("assistant", None, tool_calls=CALL), Message("tool", "4"), SAYS), tools='[{"name": "f"}]'
)


def read(name, suffix, *contents):
    exporter, batch = made(name, *contents)
    file = io.BytesIO(exporter_bytes(exporter, suffix, batch))
    found = [turns(one, Unit.USER) for one in messages(file, f"x.{suffix}", PROFILES[name].asked)]
    return [
        (row, text)
        for unit in found
        for row, text in zip(unit.row.tolist(), unit.text.to_pylist(), strict=True)
    ]


def exporter_bytes(exporter, suffix, batch):
    kept = []

    class Kept(io.BytesIO):
        def close(self):
            kept.append(self.getvalue())
            super().close()

    exporter.write(Kept(), suffix, [batch])
    return kept[0]


@pytest.mark.parametrize(("name", "suffix"), [(n, s) for n, p in PROFILES.items() for s in p.formats])
def test_the_users_turns_of_every_profile_are_read_back(name, suffix):
    if name == "stepwise":
        assert read(name, suffix, STEPS) == [(0, "How deep?")]
        return
    once = [(0, "How deep?"), (0, "And wide?")]
    twice = name in ("unpaired", "llamafactory_kto")
    assert read(name, suffix, TALK) == (once + [(1, text) for _, text in once] if twice else once)


def test_sharegpt_turns_are_read_where_calls_stand_among_them():
    assert read("llamafactory_sft", "jsonl", CALLING, TALK)[:1] == [(0, "How deep?")]
    assert len(read("llamafactory_sft", "jsonl", CALLING, TALK)) == 3
