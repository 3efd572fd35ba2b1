"""
Many requests at once, and none of them twice: replies are kept by a hash of what was asked, so that a part of a run
that is taken up again asks only what nobody answered.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, Protocol

import orjson

from curation.engine.llm.client import CHAT, Answer, LLMClient
from curation.engine.llm.faults import Declined
from curation.engine.progress import Progress, ignore

AT_ONCE = 8


class Replies(Protocol):
    """Where replies are kept; called by the thread that calls `ask_all` alone."""

    def kept(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Those of these requests that were answered before."""

    def keep(self, key: str, model: str, answer: Answer) -> None:
        """Keep a reply, which has arrived just now."""


def request_key(path: str, body: dict[str, Any]) -> str:
    """64 hex digits that stand for a request: model, messages and sampling, wherever it is sent."""
    return hashlib.sha256(orjson.dumps([path, body], option=orjson.OPT_SORT_KEYS)).hexdigest()


def ask_all(
    client: LLMClient,
    bodies: Sequence[dict[str, Any]],
    replies: Replies,
    *,
    at_once: int = AT_ONCE,
    progress: Progress = ignore,
) -> list[Answer | Declined]:
    """
    The answers to chat requests, in their order; a request that the endpoint does not take gives its fault. What was
    kept is not asked, and what is answered is kept even when another request fails and the whole is given up.
    """
    keys = [request_key(CHAT, body) for body in bodies]
    found: dict[str, Answer | Declined] = dict(replies.kept(keys))
    missing = {key: body for key, body in zip(keys, bodies, strict=True) if key not in found}
    progress(len(found), len(bodies))
    pool = ThreadPoolExecutor(at_once, "asking")
    asked = {pool.submit(client.chat, body): key for key, body in missing.items()}
    try:
        for one in as_completed(asked):
            found[asked[one]] = _outcome(one, asked[one], client.model, replies)
            progress(len(found), len(bodies))
    finally:
        pool.shutdown(cancel_futures=True)
        for one, key in asked.items():
            if key not in found and not one.cancelled() and not one.exception():
                replies.keep(key, client.model, one.result())
    return [found[key] for key in keys]


def _outcome(one: Future[Answer], key: str, model: str, replies: Replies) -> Answer | Declined:
    try:
        answer = one.result()
    except Declined as fault:
        return fault
    replies.keep(key, model, answer)
    return answer
