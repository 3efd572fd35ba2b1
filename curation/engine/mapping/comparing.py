"""Replies that are compared or judged: pairs, whole conversations that part, HH texts, thumbs, candidates."""

import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping as Table
from itertools import pairwise
from typing import Any, NamedTuple

from curation.engine.mapping.asking import asking, column, replying
from curation.engine.mapping.cells import KINDS, Row, Unusable, getter, is_blank, text
from curation.engine.mapping.spec import Mapping, Shape
from curation.engine.mapping.turns import Finds, Turns
from curation.engine.records import Completion, Message

HH_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant):")
HH_ROLES = {"Human": "user", "Assistant": "assistant"}
REPLY = ("completion", "response", "output", "answer", "text", "content", "messages")
MODEL = ("model", "model_id", "model_name", "generator")
SCORE = ("score", "overall_score", "rating", "rank", "reward")
VERDICTS = {"true": "true", "false": "false", "1": "true", "0": "false", "1.0": "true", "0.0": "false"}
NOTHING: Table[str, str] = {}


class Told(NamedTuple):
    """What a row says: the fields of a content that depend on its shape."""

    messages: list[Message]
    completions: tuple[Completion, ...] = ()
    chosen: int | None = None
    rejected: int | None = None
    labels: Table[str, str] = NOTHING


Telling = Callable[[Row, Finds], Told]
Sides = tuple[list[Message], list[Message]]


def preference(mapping: Mapping, turns: Turns) -> Telling:
    """A prompt and two replies; replies that repeat the prompt are cut behind it."""
    asked, judged = asking(mapping, turns), _judged(mapping)
    (name, chosen), (other, rejected) = column(mapping, "chosen"), column(mapping, "rejected")

    def tell(data: Row, finds: Finds) -> Told:
        context = asked(data, finds)
        first = _behind(context, turns.said(chosen(data), "assistant", name, finds))
        second = _behind(context, turns.said(rejected(data), "assistant", other, finds))
        for what, said in ((name, first), (other, second)):
            if not _is_one_reply(said):
                raise Unusable(
                    f"{what} is not one reply to the prompt: it holds turns of another conversation"
                )
        return _pair(context, (first, second), judged(data))

    return tell


def preference_full(mapping: Mapping, turns: Turns) -> Telling:
    """Two whole conversations: what they share is the context, the rest of each is its reply."""
    (name, chosen), (other, rejected) = column(mapping, "chosen"), column(mapping, "rejected")
    prompt_name, prompt = column(mapping, "prompt")
    judged = _judged(mapping)

    def tell(data: Row, finds: Finds) -> Told:
        first = turns.conversation(chosen(data), name, finds)
        shared = Finds(rest=finds.rest)  # images of the context were found on the first side
        told = _parted((first, turns.conversation(rejected(data), other, shared)), judged(data))
        asked = prompt(data)
        if not is_blank(asked) and all(asked != message.content for message in told.messages):
            finds.rest[prompt_name] = asked
        return told

    return tell


def hh(mapping: Mapping, turns: Turns) -> Telling:
    """Two texts as in Anthropic's HH-RLHF (arXiv 2204.05862); for a transcript, one."""
    if mapping.shape is Shape.TRANSCRIPT:
        name, only = column(mapping, "text")
        return lambda data, finds: Told(transcript(only(data), name))
    (name, chosen), (other, rejected) = column(mapping, "chosen"), column(mapping, "rejected")
    judged = _judged(mapping)

    def tell(data: Row, finds: Finds) -> Told:
        sides = transcript(chosen(data), name), transcript(rejected(data), other)
        return _parted(sides, judged(data))

    return tell


def transcript(value: Any, what: str) -> list[Message]:
    """The turns of a text with "Human:" and "Assistant:" at the beginning of paragraphs, each stripped."""
    before, *pieces = HH_TURN.split(text(value, what))
    if not pieces or before.strip():
        raise Unusable(f'{what} does not begin with "Human:" or "Assistant:"')
    messages = []
    for number, (speaker, said) in enumerate(zip(pieces[::2], pieces[1::2], strict=True), 1):
        role = HH_ROLES[speaker]
        messages.append(Message(role, text(said.strip(), f"{what}: turn {number} ({role})")))
    return messages


def unpaired(mapping: Mapping, turns: Turns) -> Telling:
    """A reply that somebody liked or not (KTO, arXiv 2402.01306): labels.desirable is "true" or "false"."""
    asked, replied = asking(mapping, turns), replying(mapping, turns)
    name, label = column(mapping, "label")
    has_reply = "completion" in mapping.fields

    def tell(data: Row, finds: Finds) -> Told:
        context = asked(data, finds)
        if has_reply:
            reply = replied(data, finds)
        elif context and context[-1].role == "assistant":
            reply = [context.pop()]
        else:
            raise Unusable("the last turn is not the assistant's: there is no reply that was judged")
        verdict = VERDICTS.get(str(label(data)).strip().lower())
        if verdict is None:
            raise Unusable(f"{name} is neither true nor false")
        completion = Completion("completion", tuple(reply))
        return Told(context, (completion,), labels={"desirable": verdict})

    return tell


def candidates(mapping: Mapping, turns: Turns) -> Telling:
    """Several replies to a prompt, in several columns or as a list of texts or objects."""
    asked = asking(mapping, turns)
    path = mapping.fields["completions"]
    if isinstance(path, tuple):
        gets = [(name, getter(name)) for name in path]

        def columns(data: Row, finds: Finds) -> Told:
            context = asked(data, finds)
            said = [(name, turns.said(get(data), "assistant", name, finds)) for name, get in gets]
            return Told(context, tuple(Completion(name, tuple(reply)) for name, reply in said))

        return columns

    get = getter(path)
    return lambda data, finds: Told(asked(data, finds), _listed(get(data), path, turns, finds))


def _listed(value: Any, name: str, turns: Turns, finds: Finds) -> tuple[Completion, ...]:
    if not isinstance(value, list) or not value:
        raise Unusable(f"{name} is {'empty' if value == [] else KINDS.get(type(value), 'no list')}")
    entries = [entry if isinstance(entry, dict) else {"completion": entry} for entry in value]
    models = [_first(entry, MODEL) for entry in entries]
    unique = all(n == 1 and isinstance(model, str) for model, n in Counter(map(str, models)).items())
    found = []
    for number, (entry, model) in enumerate(zip(entries, models, strict=True), 1):
        reply = turns.said(_first(entry, REPLY), "assistant", f"{name}: entry {number}", finds)
        scores = {key: float(entry[key]) for key in SCORE if type(entry.get(key)) in (int, float)}
        model = model if isinstance(model, str) else None
        key = model if unique and model else str(number)
        found.append(Completion(key, tuple(reply), model, scores))
    read = {*REPLY, *MODEL, *SCORE}
    rest = [{k: v for k, v in entry.items() if k not in read and v is not None} for entry in entries]
    if any(rest):
        finds.rest[name] = rest
    return tuple(found)


def _first(entry: Row, names: tuple[str, ...]) -> Any:
    return next((entry[name] for name in names if entry.get(name) is not None), None)


def _behind(context: list[Message], said: list[Message]) -> list[Message]:
    repeats = len(said) > len(context) and said[: len(context)] == context
    return said[len(context) :] if repeats else said


def _parted(sides: Sides, judged: "Judged") -> Told:
    first, second = sides
    if first == second:
        raise Unusable("chosen equals rejected")
    shared = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if shared is None:
        short = "chosen" if len(first) < len(second) else "rejected"
        raise Unusable(f"{short} ends where the other side goes on: it has no reply of its own")
    replies = first[shared:], second[shared:]
    if not all(map(_is_one_reply, replies)):
        raise Unusable(f"chosen and rejected answer different conversations: they part at turn {shared + 1}")
    return _pair(first[:shared], replies, judged)


def _is_one_reply(said: list[Message]) -> bool:
    """One turn of the assistant, or several with tool results between them."""
    roles = [message.role for message in said]
    alone = all("tool" in pair for pair in pairwise(roles))
    return roles[0] == "assistant" and alone and set(roles) <= {"assistant", "tool"}


Judged = tuple[tuple[str | None, dict[str, float]], tuple[str | None, dict[str, float]]]


def _pair(context: list[Message], sides: Sides, judged: Judged) -> Told:
    if sides[0] == sides[1]:
        raise Unusable("chosen equals rejected")
    completions = tuple(
        Completion(key, tuple(said), model, scores)
        for key, said, (model, scores) in zip(("chosen", "rejected"), sides, judged, strict=True)
    )
    return Told(context, completions, chosen=0, rejected=1)


def _judged(mapping: Mapping) -> Callable[[Row], Judged]:
    """Reads the models and scores of both sides."""
    models = [column(mapping, f"{side}_model")[1] for side in ("chosen", "rejected")]
    scores = [column(mapping, f"{side}_score") for side in ("chosen", "rejected")]
    if not any(
        f"{side}_{what}" in mapping.fields for side in ("chosen", "rejected") for what in ("model", "score")
    ):
        return lambda data: ((None, {}), (None, {}))

    def read(data: Row) -> Judged:
        first, second = (_model(get(data)) for get in models)
        best, worst = (_score(get(data), name) for name, get in scores)
        return (first, best), (second, worst)

    return read


def _model(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _score(value: Any, name: str) -> dict[str, float]:
    if is_blank(value):
        return {}
    try:
        return {"score": float(value)}
    except (TypeError, ValueError) as error:
        raise Unusable(f"{name} is not a number") from error
