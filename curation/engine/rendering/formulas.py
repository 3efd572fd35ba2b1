r"""
Where a markdown text has formulas: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, as rules for markdown-it.

Dollars follow pandoc (MANUAL, "Extension: tex_math_dollars"): no space after the opening and before the closing
one, no digit after the closing one. So "$5 and $10" is no formula.
"""

import re
from bisect import bisect_left

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from curation.engine.rendering.mathml import LONGEST

FORMULA = "formula"
CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}
FARTHEST = 2 * LONGEST  # where the closing delimiter is looked for; also keeps unclosed ones from costing n²
DOLLARS = re.compile(rf"\$(?![\s$])((?:[^$\\]|\\.){{1,{FARTHEST}}}+)(?<!\s)\$(?!\d)", re.DOTALL)
TAIL = re.compile(r"[ \t]*[.,;:]?[ \t]*")


def add_formulas(markdown: MarkdownIt) -> None:
    """Tokens of type FORMULA: `content` is the LaTeX, `markup` the opening delimiter, `block` its display."""
    markdown.inline.ruler.before("escape", FORMULA, _inline)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", FORMULA, _block, interrupts)


def _inline(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    if opening not in CLOSING:
        opening = opening[:1]
    if opening == "$":
        found = DOLLARS.match(state.src, state.pos, state.posMax)
        return found is not None and _push(state, silent, opening, found[1])
    if opening not in CLOSING:
        return False
    begin = state.pos + 2
    end = state.src.find(CLOSING[opening], begin, min(begin + FARTHEST, state.posMax))
    return end > begin and _push(state, silent, opening, state.src[begin:end])


def _push(state: StateInline, silent: bool, opening: str, latex: str) -> bool:
    if not latex.strip():
        return False
    if not silent:
        token = state.push(FORMULA, "math", 0)
        token.content, token.markup, token.block = latex, opening, opening in ("$$", r"\[")
    state.pos += len(latex) + 2 * len(opening)
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula that begins a line and ends one, with lines between that markdown would take for its own."""
    begin = state.bMarks[start] + state.tShift[start]
    opening = state.src[begin : begin + 2]
    if opening not in ("$$", r"\[") or state.is_code_block(start):
        return False
    close = state.src.find(CLOSING[opening], begin + 2, begin + 2 + FARTHEST)
    last = bisect_left(state.eMarks, close, start, end)
    if close < 0 or last >= end or min(state.sCount[start : last + 1]) < state.blkIndent:
        return False
    tail = state.src[close + 2 : state.eMarks[last]]
    source = state.getLines(start, last + 1, state.blkIndent, False)
    latex = source.strip()[2:].rpartition(CLOSING[opening])[0]
    if not latex.strip() or not TAIL.fullmatch(tail):
        return False
    if not silent:
        token = state.push(FORMULA, "math", 0)
        token.content, token.markup, token.block = latex, opening, True
        token.info, token.map = tail.strip(), [start, last + 1]
        state.line = last + 1
    return True
