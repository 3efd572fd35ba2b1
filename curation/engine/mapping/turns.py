"""
Turns of a conversation: `{role, content}` (OpenAI, TRL) and `{from, value}` (ShareGPT), with tool calls,
thinking and content parts. One table says which speaker is which role.
"""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

import orjson

from curation.engine.mapping.cells import KINDS, Unusable, is_blank, kept, text
from curation.engine.records import ROLES, Message

CALL = "function_call"
SPEAKERS: dict[str, str] = {
    **{role: role for role in ROLES},
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bing", "bard", "model", "bot", "ai", "claude"), "assistant"),
    **dict.fromkeys(("observation", "function", "function_response", "tool_response", "ipython"), "tool"),
    **dict.fromkeys((CALL, "tool_call"), CALL),
}
THINKING = ("thinking", "reasoning_content", "reasoning")
READ = {"role", "from", "content", "value", "name", "tool_calls", CALL, *THINKING}
IMAGE = "<image>"  # where an image stands in the text, as LLaVA and LLaMA-Factory write it


@dataclass(slots=True)
class Finds:
    """What a row's turns hold besides words: images, and by role what has no place in a message."""

    images: list[str] = field(default_factory=list)
    rest: dict[str, Any] = field(default_factory=dict)


class Turns:
    """Reads turns with the speakers table plus the renames of a mapping."""

    def __init__(self, renames: Table[str, str]) -> None:
        self.speakers = {**SPEAKERS, **renames}

    def conversation(self, value: Any, what: str, finds: Finds) -> list[Message]:
        """The messages of a list of turns or of one, also as JSON text. Blank system turns are left out."""
        if isinstance(value, str):
            value = _loaded(value, what)
        if isinstance(value, dict):
            value = [value]
        if value is None:
            raise Unusable(f"{what} is missing")
        if not isinstance(value, list):
            raise Unusable(f"{what} is {KINDS.get(type(value), 'no list')}, not a list of turns")
        if not value:
            raise Unusable(f"{what} is empty")
        read = [self._turn(raw, f"{what}: turn {number}", finds) for number, raw in enumerate(value, 1)]
        if any(len(raw) > 2 for raw in value):
            _keep_rest(value, what, finds)
        return [message for message in read if message]

    def said(self, value: Any, role: str, what: str, finds: Finds) -> list[Message]:
        """What `role` says: a string, or turns."""
        if isinstance(value, (list, dict)):
            return self.conversation(value, what, finds)
        return [Message(role, text(value, what))]

    def _turn(self, raw: Any, what: str, finds: Finds) -> Message | None:
        if not isinstance(raw, dict):
            raise Unusable(f"{what} is {KINDS.get(type(raw), 'text')}, not an object with role and content")
        role = self._role(raw, what)
        content = raw["content"] if "content" in raw else raw.get("value")
        if len(raw) == 2 and type(content) is str and content and not content.isspace() and role != CALL:
            return Message(role, content)
        return self._full_turn(raw, role, content, what, finds)

    def _role(self, raw: dict[str, Any], what: str) -> str:
        name = raw.get("role") or raw.get("from")
        if not isinstance(name, str):
            raise Unusable(f"{what} has no role")
        role = self.speakers.get(name) or self.speakers.get(name.strip().lower())
        if role is None:
            raise Unusable(f'{what} has the unknown role "{name}"')
        return role

    def _full_turn(
        self, raw: dict[str, Any], role: str, content: Any, what: str, finds: Finds
    ) -> Message | None:
        if role == CALL:
            return Message("assistant", None, tool_calls=_calls(content, what))
        calls = _calls(raw.get("tool_calls") or raw.get(CALL), what)
        if isinstance(content, list):
            content = _joined(content, what, finds)
        if is_blank(content):
            if role in ("system", "developer"):  # an absent system prompt, as many ShareGPT sets write it
                return None
            empty_result = role == "tool" and isinstance(content, str)
            if not calls and not empty_result:
                raise Unusable(f"{what} ({role}) has no content")
            content = content if empty_result else None
        elif not isinstance(content, str):
            raise Unusable(f"{what} ({role}): content is {KINDS.get(type(content), 'no text')}, not text")
        return Message(role, content, _word(raw.get("name")), calls, _thinking(raw))


def _loaded(value: str, what: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unusable(f"{what} is text, not a list of turns") from error


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _thinking(raw: dict[str, Any]) -> str | None:
    return next((value for key in THINKING if (value := raw.get(key)) and isinstance(value, str)), None)


def _keep_rest(raws: list[dict[str, Any]], what: str, finds: Finds) -> None:
    """Keys of turns that messages have no place for, as a list aligned with the turns."""
    rest = [{k: v for k, v in raw.items() if k not in READ and v is not None} for raw in raws]
    if any(rest):
        finds.rest[what] = rest


def _joined(parts: list[Any], what: str, finds: Finds) -> str | None:
    """OpenAI content parts as one text, line by line; an image leaves `<image>` and its reference."""
    said: list[str] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, str) or kind in ("text", "input_text", "output_text"):
            said.append(part if isinstance(part, str) else text(part.get("text"), f"{what}: a text part"))
        elif kind in ("image", "image_url", "input_image"):
            said.append(IMAGE)
            if reference := image(part, what):
                finds.images.append(reference)
            elif any(value for key, value in part.items() if key not in ("type", "text")):
                raise Unusable(f"{what} has an image without a path or URL")
        else:
            raise Unusable(f'{what} has a content part of type "{kind}"; text and images can be read')
    return "\n".join(said)


def image(value: Any, what: str) -> str | None:
    """The reference to an image: a path or URL. None where only its place is marked."""
    if isinstance(value, str):
        return value
    for key in ("image_url", "url", "path", "image"):
        if isinstance(value, dict) and value.get(key):
            return image(value[key], what)
    if isinstance(value, dict) and value.get("bytes"):
        raise Unusable(f"{what} holds an image's bytes; only references to images can be kept")
    return None


def _calls(value: Any, what: str) -> str | None:
    """Tool calls as a JSON list in OpenAI's form, arguments as a JSON string."""
    if isinstance(value, str) and value:
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise Unusable(f"{what}: the tool call is not valid JSON ({error.msg})") from error
    if not value:
        return None
    calls = value if isinstance(value, list) else [value]
    return kept([_call(call, what) for call in calls], what)


def _call(raw: Any, what: str) -> dict[str, Any]:
    function = raw.get("function", raw) if isinstance(raw, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Unusable(f"{what}: a tool call has no function name")
    arguments = function.get("arguments", function.get("parameters"))
    said = {k: v for k, v in function.items() if v is not None and k not in ("parameters", "id", "type")}
    said["arguments"] = arguments if isinstance(arguments, str) else kept(arguments or {}, what)
    around = {k: v for k, v in raw.items() if v is not None and (function is not raw or k == "id")}
    return {**around, "type": "function", "function": said}
