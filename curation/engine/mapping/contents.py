"""From a row to a content: a mapping is compiled once into a function, which is then called for every row."""

from collections.abc import Callable
from typing import Any

from curation.engine.mapping.asking import asking, column, replying, with_system
from curation.engine.mapping.cells import (
    Row,
    Unusable,
    getter,
    is_blank,
    json_text,
    kept,
    optional,
    plain,
    text,
)
from curation.engine.mapping.comparing import (
    Telling,
    Told,
    candidates,
    hh,
    preference,
    preference_full,
    unpaired,
)
from curation.engine.mapping.escapes import unescaped
from curation.engine.mapping.spec import Mapping, Shape
from curation.engine.mapping.turns import Finds, Turns, image
from curation.engine.records import Content, Message

Reader = Callable[[Row], str | None]


def compiled(mapping: Mapping) -> Callable[[Row], Content]:
    """
    The function from a row to its content, for many rows. It raises Unusable for a row that is none.

    Columns that play no role go to `meta`, as they are when text and as JSON otherwise; nulls are left out.
    """
    turns = Turns(mapping.roles)
    tell, prefixed = TELLERS[mapping.shape](mapping, turns), with_system(mapping)
    noted, keep = _noting(mapping), _keeping(mapping)
    images_name, images = column(mapping, "images")

    def content(data: Row) -> Content:
        if mapping.unescape:
            data = {k: unescaped(v) if isinstance(v, str) else v for k, v in data.items()}
        finds = Finds()
        told = tell(data, finds)
        messages = prefixed(data, told.messages, finds)
        if not any(message.role == "user" for message in messages):
            raise Unusable("there is no user turn")
        return Content(
            messages=tuple(messages),
            completions=told.completions,
            chosen=told.chosen,
            rejected=told.rejected,
            images=(*finds.images, *_images(images(data), images_name)),
            labels=told.labels,
            meta=keep(data, finds),
            **noted(data),
        )

    return content


def to_content(mapping: Mapping, data: Row) -> Content:
    """The content of one row. Raises Unusable, with the reason why it has none. Many rows: `compiled`."""
    return compiled(mapping)(data)


def own_id(mapping: Mapping, data: Row) -> str | None:
    """The source's own id of a row; None when the mapping names no column or the row leaves it empty."""
    return identified(mapping)(data)


def identified(mapping: Mapping) -> Reader:
    """The function from a row to its own id, for many rows."""
    if mapping.id is None:
        return lambda data: None
    get = getter(mapping.id)

    def identify(data: Row) -> str | None:
        value = get(data)
        if is_blank(value) or not isinstance(value, (str, int, float)) or isinstance(value, bool):
            return None
        return str(value)

    return identify


def _said(mapping: Mapping, turns: Turns) -> Telling:
    """Prompt and reply, if there is one, as one conversation."""
    asked, replied = asking(mapping, turns), replying(mapping, turns)
    if "completion" not in mapping.fields:
        return lambda data, finds: Told(asked(data, finds))
    return lambda data, finds: Told([*asked(data, finds), *replied(data, finds)])


def _conversation(mapping: Mapping, turns: Turns) -> Telling:
    name, messages = column(mapping, "messages")
    return lambda data, finds: Told(turns.conversation(messages(data), name, finds))


def _self_instruct(mapping: Mapping, turns: Turns) -> Telling:
    """The instruction with its first instance (arXiv 2212.10560); further ones are kept beside."""
    asked = asking(mapping, turns)
    name, instances = column(mapping, "instances")

    def tell(data: Row, finds: Finds) -> Told:
        found = instances(data)
        if not isinstance(found, list) or not found or not isinstance(found[0], dict):
            raise Unusable(f"{name} is no list of {{input, output}}")
        if len(found) > 1:
            finds.rest[name] = found[1:]
        first = found[0]
        (prompt,) = asked(data, finds)
        said = [prompt.content, optional(first.get("input"), f"{name}: input")]
        question = "\n".join(part for part in said if part)
        answer = text(first.get("output"), f"{name}: output")
        return Told([Message("user", question), Message("assistant", answer)])

    return tell


def _user_turns(mapping: Mapping, turns: Turns) -> Telling:
    name, said = column(mapping, "turns")

    def tell(data: Row, finds: Finds) -> Told:
        found = said(data)
        if not isinstance(found, list) or not found:
            raise Unusable(f"{name} is no list of what the user says")
        return Told([Message("user", text(turn, f"{name}: turn {i}")) for i, turn in enumerate(found, 1)])

    return tell


def _document(mapping: Mapping, turns: Turns) -> Telling:
    """Raw text as one user turn, so that scans for benchmark questions see it; labels.kind says "text"."""
    name, document = column(mapping, "text")
    return lambda data, finds: Told([Message("user", text(document(data), name))], labels={"kind": "text"})


TELLERS: dict[Shape, Callable[[Mapping, Turns], Telling]] = {
    Shape.MESSAGES: _conversation,
    Shape.SHAREGPT: _conversation,
    Shape.ALPACA: _said,
    Shape.PROMPT_COMPLETION: _said,
    Shape.QUESTION_ANSWER: _said,
    Shape.SELF_INSTRUCT: _self_instruct,
    Shape.PREFERENCE: preference,
    Shape.PREFERENCE_FULL: preference_full,
    Shape.HH: hh,
    Shape.TRANSCRIPT: hh,
    Shape.UNPAIRED: unpaired,
    Shape.CANDIDATES: candidates,
    Shape.RLVR: _said,
    Shape.PROMPT: _said,
    Shape.TURNS: _user_turns,
    Shape.TEXT: _document,
}


def _noting(mapping: Mapping) -> Callable[[Row], dict[str, str | None]]:
    """Reads what stands beside the conversation: ground truth, verifier, constraints, licence, tools."""
    notes = [(role, _note(mapping, role)) for role in ("ground_truth", "verifier", "constraints", "licence")]
    tools_name, tools = column(mapping, "tools")
    needed = mapping.fields["ground_truth"] if mapping.shape is Shape.RLVR else None

    def noted(data: Row) -> dict[str, str | None]:
        found = {role: note(data) for role, note in notes}
        if needed and found["ground_truth"] is None:
            raise Unusable(f"{needed} is empty")
        found["tools"] = json_text(tools(data), tools_name)
        return found

    return noted


def _keeping(mapping: Mapping) -> Callable[[Row, Finds], dict[str, str]]:
    """Collects the columns without a role, and what the turns had no place for."""
    used = frozenset(path for paths in mapping.fields.values() for path in _listed(paths))

    def keep(data: Row, finds: Finds) -> dict[str, str]:
        meta = {
            k: v if type(v) is str else kept(v, k) for k, v in data.items() if k not in used and v is not None
        }
        for name, rest in finds.rest.items():
            meta[name] = kept(rest, name)
        return meta

    return keep


def _note(mapping: Mapping, role: str) -> Reader:
    constant = mapping.constants.get(role)
    if role not in mapping.fields:
        return lambda data: constant
    name, get = column(mapping, role)

    def note(data: Row) -> str | None:
        value = get(data)
        if isinstance(value, list) and len(value) == 1 and role == "verifier":
            value = value[0]
        return plain(value, name)

    return note


def _images(value: Any, name: str) -> list[str]:
    if is_blank(value):
        return []
    found = [image(entry, name) for entry in (value if isinstance(value, list) else [value])]
    if not all(found):
        raise Unusable(f"{name} holds something that is no path or URL of an image")
    return [reference for reference in found if reference]


def _listed(paths: str | tuple[str, ...]) -> tuple[str, ...]:
    return paths if isinstance(paths, tuple) else (paths,)
