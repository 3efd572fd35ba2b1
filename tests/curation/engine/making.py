"""What the tests of mapping, readers and exporters make their rows of."""

import pytest
from hypothesis import strategies as st

from curation.engine.exporters import PROFILES, Exporter, survey
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

OTHER_CALL = (
    '[{"function":{"name":"g","arguments":"{\\"n\\": [1.50, \\"x\\", null]}"}},{"function":{"name":"f"}}]'
)
CALLS = {
    CALL: [("c1", "f", '{"n":12345678901234567890123}')],
    OTHER_CALL: [(None, "g", '{"n": [1.50, "x", null]}'), (None, "f", "{}")],
}  # each text of calls, and what is in it: id, name, arguments

TEXTS = st.text(max_size=6) | st.sampled_from(["", " ", "Zeile\n\u2028", '"\\', "𐍈"])
WORDS = st.text(min_size=1, max_size=6).filter(lambda text: not text.isspace()) | st.sampled_from(
    ["𐍈\u2028", '"\\']
)
TURNS = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.none() | TEXTS,
    name=st.none() | TEXTS,
    tool_calls=st.sampled_from([None, None, None, "[]", CALL, OTHER_CALL, "bad"]),
    thinking=st.none() | TEXTS,
)
LISTS = st.lists(TURNS, max_size=4).map(tuple)


@st.composite
def chats(draw, ends):
    """A conversation as people have them: a system turn, questions, calls with their results, answers."""
    found = [Message("system", draw(WORDS))] if draw(st.booleans()) else []
    for last in (False,) * draw(st.integers(0, 1)) + (True,):
        found.append(Message("user", draw(WORDS)))
        if last and ends == "user":
            break
        found += draw(replies)
    return tuple(found)


@st.composite
def replies(draw):
    called = draw(st.sampled_from([None, None, CALL, OTHER_CALL]))
    thinking = st.none() | WORDS
    results = [Message("tool", draw(TEXTS)) for _ in CALLS.get(called, ())]
    calls = (
        [Message("assistant", draw(st.none() | WORDS), tool_calls=called, thinking=draw(thinking))]
        if called
        else []
    )
    return (*calls, *results, Message("assistant", draw(WORDS), thinking=draw(thinking)))


replies = replies()
SCORES = st.dictionaries(
    st.sampled_from(["score", "rating", "rank"]), st.sampled_from([1.0, 2.5, -3.0]), max_size=2
)
COMPLETIONS = st.builds(
    Completion, TEXTS, LISTS | replies | replies.map(lambda turns: turns[-1:]), scores=SCORES
)
LABELS = st.sampled_from(
    [{}, {}, {"desirable": "true"}, {"desirable": "false"}, {"steps": "[true, false]"}, {"steps": "[1]"}]
)
METAS = st.sampled_from(
    [
        {},
        {},
        {"messages": '[{},{"weight":0}]'},
        {"messages": "no"},
        {"labels": "[true]"},
        {"data_source": "aime25"},
    ]
)
CONTENTS = st.builds(
    Content,
    LISTS | chats("assistant") | chats("user") | chats("user"),
    st.lists(COMPLETIONS, max_size=3).map(tuple),
    st.none() | st.integers(-1, 3) | st.just(0),
    st.none() | st.integers(-1, 3) | st.just(1),
    ground_truth=st.none() | TEXTS,
    verifier=st.sampled_from([None, "gsm8k", "MATH", "mine"]),
    constraints=st.sampled_from([None, None, '{"a": 1}']),
    tools=st.sampled_from([None, None, "[]", '[{"a":\n1}]', "bad"]),
    images=st.sampled_from([(), (), (), ("x",)]),
    labels=LABELS,
    meta=METAS,
)


def answer(key, text="It is.", **fields):
    return Completion(key, (Message("assistant", text, **fields),))


def batch_of(*contents):
    return to_batch([Record(record_id("src", str(n)), "src", content) for n, content in enumerate(contents)])


def made(name, *contents):
    """The exporter that some contents need, and their rows."""
    batch, profile = batch_of(*contents), PROFILES[name]
    exporter = Exporter(profile, survey(profile, batch).features)
    return exporter, exporter.to_batch(batch)[0]


def exported(name="sft_messages", *contents):
    exporter, batch = made(name, *(contents or (ROWS, Content((ASK, ANSWER)))))
    return batch, exporter.schema
