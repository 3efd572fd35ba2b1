"""What is asked and answered: the prompt with all that belongs before it, and the reply."""

from collections.abc import Callable
from typing import Any

from curation.engine.mapping.cells import Getter, Row, Unusable, getter, is_blank, optional, scalar, text
from curation.engine.mapping.spec import Mapping, Shape
from curation.engine.mapping.turns import Finds, Turns
from curation.engine.records import Message
from curation.engine.units import PASSAGE_CHARS

Asking = Callable[[Row, Finds], list[Message]]
Replying = Callable[[Row, Finds], list[Message]]
JOIN = "\n"  # between context, instruction and input, as open-instruct and LLaMA-Factory join them


def column(mapping: Mapping, role: str) -> tuple[str, Getter]:
    """The column that plays `role` and how to read it; a getter of None where no column does."""
    path = mapping.fields.get(role)
    return (path, getter(path)) if isinstance(path, str) else (role, lambda data: None)


def asking(mapping: Mapping, turns: Turns) -> Asking:
    """Reads the prompt, a text or a list of turns, with everything that belongs before the reply."""
    name, prompt = column(mapping, "prompt")
    context_name, context = column(mapping, "context")
    parts = [(context_name, context), (name, prompt), column(mapping, "input")]
    has_parts = "context" in mapping.fields or "input" in mapping.fields
    history_name, history = column(mapping, "history")

    def asked(data: Row, finds: Finds) -> list[Message]:
        value = prompt(data)
        if isinstance(value, (list, dict)):
            return turns.conversation(value, name, finds)
        said = text(value, name)
        if has_parts:
            if passage := optional(context(data), context_name):
                finds.rest[PASSAGE_CHARS] = str(len(passage))
            said = JOIN.join(part for what, get in parts if (part := optional(get(data), what)))
        return [*_past(history(data), history_name), Message("user", said)]

    return asked


def replying(mapping: Mapping, turns: Turns) -> Replying:
    """
    Reads the reply: text or turns. A question_answer row may answer with a number, with several answers, of
    which the first is taken, or not at all, as in benchmarks.
    """
    name, completion = column(mapping, "completion")
    if mapping.shape is not Shape.QUESTION_ANSWER:
        return lambda data, finds: turns.said(completion(data), "assistant", name, finds)

    def answered(data: Row, finds: Finds) -> list[Message]:
        value = completion(data)
        if isinstance(value, list) and value and not isinstance(value[0], dict):
            if len(value) > 1:
                finds.rest[name] = value
            value = value[0]
        if is_blank(value):
            return []
        if isinstance(value, (list, dict)):
            return turns.said(value, "assistant", name, finds)
        return [Message("assistant", scalar(value, name))]

    return answered


def with_system(mapping: Mapping) -> Callable[[Row, list[Message], Finds], list[Message]]:
    """Puts the system column or constant first; one that contradicts a system turn is kept beside."""
    name, system = column(mapping, "system")
    constant = mapping.constants.get("system")

    def prefixed(data: Row, messages: list[Message], finds: Finds) -> list[Message]:
        said = optional(system(data), name) or constant
        if said is None:
            return messages
        if messages and messages[0].role in ("system", "developer"):
            if messages[0].content != said:
                finds.rest[name] = said
            return messages
        return [Message("system", said), *messages]

    return prefixed


def _past(history: Any, name: str) -> list[Message]:
    if is_blank(history):
        return []
    messages: list[Message] = []
    for pair in history if isinstance(history, list) else [None]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unusable(f"{name} is not a list of [question, answer] pairs")
        asked, answered = (text(said, name) for said in pair)
        messages += [Message("user", asked), Message("assistant", answered)]
    return messages
