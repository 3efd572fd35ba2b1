"""
A client of endpoints that speak the OpenAI format: vLLM first, any other as well.

It asks one thing at a time and may be used by many threads; who asks much goes through `asking.ask_all`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from curation.engine.errors import BadConfig
from curation.engine.llm.faults import Busy, Declined, Garbled, KeyRefused, NoSuchModel, Passing
from curation.engine.llm.transport import Reply, Transport
from curation.engine.readers.addresses import checked, host_of

CHAT, EMBEDDINGS = "chat/completions", "embeddings"
TIMEOUT = 60.0
TRIES = 3
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
MOST_BYTES = 32 << 20
PASSING = frozenset({408, 425, 429})
DECLINED = frozenset({400, 413, 422})
MOST_TOKENS = 2**53

Pause = Callable[[float], object]
Messages = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said (empty where it said nothing), why it stopped, and tokens as the server counts them."""

    text: str
    finish: str
    tokens_in: int = 0
    tokens_out: int = 0


class LLMClient:
    """
    `base_url` ends where the format begins, such as `http://localhost:8000/v1`. `pause` waits for some seconds. What
    may pass is tried `tries` times in all. Every method raises an `EndpointFault`, or Refused for an address that no
    endpoint may have.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key: str = "",
        *,
        transport: Transport,
        pause: Pause,
        timeout: float = TIMEOUT,
        tries: int = TRIES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise BadConfig("The key of the endpoint holds characters that no key can have; set it anew.")
        self.base_url, self.model = base_url.rstrip("/"), model
        self._headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        self._transport, self._pause = transport, pause
        self._timeout, self._tries, self._most_bytes = timeout, tries, most_bytes
        self._host = host_of(checked(self.base_url))

    def body(self, messages: Messages, **sampling: Any) -> dict[str, Any]:
        """A request of this model, as `chat` sends it and `request_key` knows it again."""
        return {"model": self.model, "messages": list(messages), **sampling}

    def chat(self, body: dict[str, Any]) -> Answer:
        """The first choice of a chat completion."""
        return self._answer(self.post(CHAT, body))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON to a path below the base URL; the JSON object that comes back."""
        sent = orjson.dumps(body)
        for tried in range(self._tries - 1):
            try:
                return self._read(self._once(path, sent))
            except Passing as fault:
                backoff = FIRST_PAUSE * 2**tried if fault.after is None else fault.after
                self._pause(min(backoff, LONGEST_PAUSE))
        return self._read(self._once(path, sent))

    def ping(self, path: str = CHAT) -> None:
        """Ask something harmless and short, to see that the endpoint answers in its format."""
        if path == EMBEDDINGS:
            found = self.post(EMBEDDINGS, {"model": self.model, "input": ["ready"]})
            if not _is_vector(found):
                raise Garbled(
                    f"{self._host} answered without an embedding; is {self.model} a model for that?"
                )
        else:
            self.chat(self.body([{"role": "user", "content": "Answer with the word: ready"}], max_tokens=8))

    def _once(self, path: str, sent: bytes) -> Reply:
        url = f"{self.base_url}/{path}"
        reply = self._transport.send(url, self._headers, sent, timeout=self._timeout, most=self._most_bytes)
        if reply.status != HTTPStatus.OK:
            raise self._fault(reply)
        return reply

    def _fault(self, reply: Reply) -> Exception:
        status, host = reply.status, self._host
        known = {each.value: f" ({each.phrase})" for each in HTTPStatus}
        said = f"{host} answered {status}{known.get(status, '')}"
        if status >= 500 or status in PASSING:
            return Busy(f"{said}: it has too much to do or is broken for now.", _seconds(reply))
        if status in (401, 403):
            return KeyRefused(f"{said}: it wants another key for the model {self.model}.")
        if status == 404:
            return NoSuchModel(
                f"{said}: it has no model {self.model}, or its base URL is another (most end in /v1)."
            )
        if status in DECLINED:
            return Declined(f"{said}: it does not take this request, which may be too long for the model.")
        return Garbled(f"{said}, which is no answer; look at the base URL of the endpoint.")

    def _read(self, reply: Reply) -> dict[str, Any]:
        try:
            found = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise Garbled(f"{self._host} answered with something that is no JSON object.")
        return found

    def _answer(self, found: dict[str, Any]) -> Answer:
        choices = found.get("choices")
        if not isinstance(choices, list) or not choices:
            raise Garbled(f"{self._host} answered without choices; is it an endpoint for chat completions?")
        message = choices[0].get("message") if isinstance(choices[0], dict) else None
        text = message.get("content") if isinstance(message, dict) else 0
        if not isinstance(text, str | None):
            raise Garbled(f"{self._host} answered with a choice that holds no message.")
        finish, usage = choices[0].get("finish_reason"), found.get("usage")
        return Answer(
            (text or "").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            finish if finish in ("stop", "length", "content_filter", "tool_calls") else "",
            *(_tokens(usage, name) for name in ("prompt_tokens", "completion_tokens")),
        )


def _tokens(usage: Any, name: str) -> int:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and 0 <= found <= MOST_TOKENS else 0


def _seconds(reply: Reply) -> float | None:
    """What `Retry-After` asks for in seconds; a date is passed over."""
    asked = reply.headers.get("retry-after", "").strip()
    return float(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else None


def _is_vector(found: dict[str, Any]) -> bool:
    data = found.get("data")
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and isinstance(first.get("embedding"), list)
