"""What the tests of mapping, readers and exporters make their rows of."""

import pytest
from hypothesis import strategies as st

from curation.engine.exporters import PROFILES, Exporter, features
from curation.engine.mapping import Mapping, Shape, Unusable, recognise, to_content
from curation.engine.readers import Options, Reject, Row, read
from curation.engine.records import Completion, Content, Message, Record, record_id, to_batch

# mapping

Q = "What colour is the sky?"
A = "The sky is blue."
B = "The sky is green."
MESSAGES = Mapping(Shape.MESSAGES, {"messages": "messages"})


def user(said):
    return Message("user", said)


def assistant(said):
    return Message("assistant", said)


def turns(*said):
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def content(*rows):
    """The content of the first row, under the mapping that all of them are recognised to need."""
    return to_content(recognise(rows), rows[0])


def shape(*rows):
    return recognise(rows).shape


def reason(mapping, row):
    with pytest.raises(Unusable) as caught:
        to_content(mapping, row)
    return str(caught.value)


# readers


def rows(file, **options):
    return [item.data for item in read(file, options=Options(**options)) if isinstance(item, Row)]


def rejects(file, **options):
    return [item for item in read(file, options=Options(**options)) if isinstance(item, Reject)]


def reasons(file, **options):
    return [(item.line, item.reason) for item in rejects(file, **options)]


def jsonl(count):
    return "".join(f'{{"n": {n}}}\n' for n in range(1, count + 1))


# exporters

ASK, ANSWER = Message("user", "Is it?"), Message("assistant", "It is.")
CALL = '[{"id":"c1","type":"function","function":{"name":"f","arguments":{"n":12345678901234567890123}}}]'
CALLING = Message("assistant", None, tool_calls=CALL)
ROWS = Content(
    (ASK, CALLING, Message("tool", "3"), ANSWER), tools='[{"type":"function",\r\n"function":{"name":"f"}}]'
)

TEXTS = st.text(max_size=6) | st.sampled_from(["", " ", "Zeile\n\u2028", '"\\', "𐍈"])
TURNS = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.none() | TEXTS,
    name=st.none() | TEXTS,
    tool_calls=st.sampled_from([None, None, None, "[]", CALL, "bad"]),
    thinking=st.none() | TEXTS,
)
LISTS = st.lists(TURNS, max_size=4).map(tuple)
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


def answer(key, text="It is.", **fields):
    return Completion(key, (Message("assistant", text, **fields),))


def batch_of(*contents):
    return to_batch([Record(record_id("src", str(n)), "src", content) for n, content in enumerate(contents)])


def exported(name="sft_messages", *contents):
    batch, profile = batch_of(*(contents or (ROWS, Content((ASK, ANSWER))))), PROFILES[name]
    exporter = Exporter(profile, features(profile, batch))
    return exporter.to_batch(batch)[0], exporter.schema
