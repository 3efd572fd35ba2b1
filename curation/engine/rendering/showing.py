"""One turn of a chat, or one cell, as a page shows it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curation.engine.rendering.characters import invisibles, plain, revealed, safe
from curation.engine.rendering.highlighting import deadline, highlighted
from curation.engine.rendering.markdown import CUT, rendered

WHOLE = 2_000_000  # characters that a reader gets who asks for the whole text
WIDEST = 20  # levels of JSON that are indented; a text of brackets would be all indent
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """Safe HTML of a text: block elements, complete in themselves."""

    html: str
    cut: int  # characters left out at the end
    invisibles: int  # characters of the whole text that cannot be seen


def show(text: str, *, raw: bool = False, reveal: bool = False, whole: bool = False) -> Shown:
    """
    A stored text for a page: markdown, or with `raw` the characters as they are, in a `<pre class="raw">`.

    The first CUT characters; with `whole` the first WHOLE, raw where these are more than markdown is rendered for.
    `reveal` names the characters that cannot be seen.
    """
    kept = text[: WHOLE if whole else CUT]
    html = _pre(plain(kept), "raw") if raw or len(kept) > CUT else rendered(kept)
    return _shown(text, html, len(text) - len(kept), reveal)


def show_json(text: str, *, reveal: bool = False, whole: bool = False) -> Shown:
    """
    JSON, one value a line, highlighted; what is no JSON (or too long, or says a key twice) as `show(raw=True)`.

    Numbers stay as they were written. Escapes in strings are read, as `\\u4f60` tells nobody anything. `cut` is in
    characters of the JSON as shown.
    """
    try:
        pretty = _pretty(text) if len(text) <= CUT else None
    except (ValueError, RecursionError):
        pretty = None
    if pretty is None:
        return show(text, raw=True, reveal=reveal, whole=whole)
    kept = safe(pretty[: WHOLE if whole else CUT])
    html = _pre(f"<code>{highlighted(kept, 'json', deadline())}</code>", "highlight")
    return _shown(pretty, html, len(pretty) - len(kept), reveal)


def _pre(html: str, css: str) -> str:
    return f'<pre class="{css}">\n{html}</pre>'  # a parser drops the first line end in a <pre>


def _shown(text: str, html: str, cut: int, reveal: bool) -> Shown:
    return Shown(revealed(html) if reveal else html, cut, invisibles(text))


def _pretty(text: str) -> str:
    """
    Checked by the JSON reader but written from the source, so that numbers and order are the stored ones.

    Raises ValueError for what is no JSON object or list.
    """
    if not isinstance(
        json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_unique), dict | list
    ):
        raise ValueError("no object or list")
    return "".join(_laid_out(TOKEN.findall(text)))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != len(dict(pairs)):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _laid_out(tokens: list[str]) -> Iterator[str]:
    depth, before = 0, ""
    for token in tokens:
        depth -= token in ("]", "}")
        is_empty = before + token in ("[]", "{}")
        if not is_empty and (before in ("[", "{", ",") or token in ("]", "}")):
            yield "\n" + "  " * min(depth, WIDEST)
        depth += token in ("[", "{")
        yield ": " if token == ":" else _readable(token)
        before = token


def _readable(token: str) -> str:
    return json.dumps(json.loads(token, strict=False), ensure_ascii=False) if token.startswith('"') else token
