"""
Markdown as safe HTML: CommonMark with tables, strikethrough, highlighted code and formulas.

HTML in a text is text. A line end is a line end, since chats are written so. Links that are not http, https or
mailto stay what was written, so that nobody is led somewhere within this site.
"""

import re
import secrets
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from html import escape
from itertools import chain
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from curation.engine.rendering.characters import paragraphs, safe, unpiled
from curation.engine.rendering.formulas import CLOSING, FORMULA, add_formulas
from curation.engine.rendering.highlighting import deadline, highlighted
from curation.engine.rendering.mathml import NotAFormula, mathml
from curation.engine.rendering.sanitising import sanitised

CUT = 100_000  # characters of a text that are rendered
FORMULAS = 200  # of one text; the others are shown as their source
MATHML = 5 * CUT  # characters that all formulas may become
STEPS = (
    300_000  # places where a rule of markdown may be tried; some quote marks make markdown-it need n² of them
)
BRACKETS = 10_000  # each [ may begin a link, and is tried as one at every level of nesting
LINKED = 2 * CUT  # characters of all addresses: one long reference, used often, makes gigabytes
ADDRESS = re.compile("https?://|mailto:", re.IGNORECASE)


class TooMuch(Exception):
    """This text is shown without markdown."""


@dataclass(slots=True)
class _Pieces:
    """What one rendering keeps back until the rest is sanitised, under a name that no text can know."""

    name: str = field(default_factory=partial(secrets.token_hex, 16))
    formulas: list[str] = field(default_factory=list)
    steps: int = 0
    tried: int = 0
    mathml: int = 0
    until: float = field(default_factory=deadline)

    def keep(self, latex: str, *, block: bool) -> str:
        """Convert a formula and return what stands for it. Raises NotAFormula, also when there were too many."""
        self.tried += 1
        if self.tried > FORMULAS or self.mathml > MATHML:
            raise NotAFormula
        self.formulas.append(mathml(latex, block=block))
        self.mathml += len(self.formulas[-1])
        return f"{self.name}x{len(self.formulas) - 1}x"

    def put_into(self, html: str) -> str:
        return re.sub(f"{self.name}x([0-9]+)x", lambda found: self.formulas[int(found[1])], html)


def rendered(text: str) -> str:
    """The text's first CUT characters as safe HTML. Where markdown fails or is too much: plain paragraphs."""
    text = safe(text[:CUT])
    try:
        html, pieces = _html(text)
    except Exception:  # a parser's mistake must not take the page with it
        html, pieces = paragraphs(text), _Pieces()
    return pieces.put_into(unpiled(sanitised(html)))


def _html(text: str) -> tuple[str, _Pieces]:
    """Not safe yet. Raises TooMuch for what would take seconds or make megabytes."""
    if text.count("[") > BRACKETS:
        raise TooMuch
    markdown, pieces = _markdown(), _Pieces()
    env: MutableMapping[str, Any] = {"pieces": pieces}
    tokens = markdown.parse(text, env)
    _check(tokens)
    return markdown.renderer.render(tokens, markdown.options, env), pieces


def _check(tokens: Sequence[Token]) -> None:
    """Alignment of cells without style attributes, and an end to addresses."""
    linked = 0
    for token in chain(tokens, *(token.children or () for token in tokens)):
        style = token.attrs.pop("style", None)
        if style:
            token.attrs["align"] = str(style).removeprefix("text-align:")
        linked += sum(len(str(value)) for value in token.attrs.values())
    if linked > LINKED:
        raise TooMuch


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True, "maxNesting": 20})
    markdown.enable(["table", "strikethrough"])
    setattr(markdown, "validateLink", _is_address)  # noqa: B010 (documented to be replaced; mypy takes it for a method)
    add_formulas(markdown)
    everywhere: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("table", "meter", _meter, everywhere)
    markdown.inline.ruler.before("text", "meter", _meter)
    rules: Iterable[tuple[str, Callable[..., str]]] = (
        ("fence", _fence),
        ("image", _image),
        (FORMULA, _formula),
    )
    for name, rule in rules:
        markdown.add_render_rule(name, rule)
    return markdown


def _meter(state: StateBlock | StateInline, *rest: Any) -> bool:
    """A rule that never applies, before all others: counts what is tried."""
    pieces: _Pieces = state.env["pieces"]
    pieces.steps += 1
    if pieces.steps > STEPS:
        raise TooMuch
    return False


def _is_address(url: str) -> bool:
    return bool(ADDRESS.match(url))


def _fence(
    _: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    pieces: _Pieces = env["pieces"]
    code, language = tokens[at].content, (tokens[at].info.split() or [""])[0]
    html = highlighted(code, language, pieces.until)
    return f'<pre class="highlight"><code>{html}</code></pre>\n'


def _image(_: RendererHTML, tokens: Sequence[Token], at: int, *rest: Any) -> str:
    return f"{escape(tokens[at].content)} <code>{escape(str(tokens[at].attrs.get('src', '')))}</code>"


def _formula(
    _: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    pieces: _Pieces = env["pieces"]
    token = tokens[at]
    try:
        html = pieces.keep(token.content, block=token.block)
    except NotAFormula:
        html = f"<code>{escape(token.markup + token.content + CLOSING[token.markup])}</code>"
    return f"<p>{html}{escape(token.info)}</p>\n" if token.map else html
