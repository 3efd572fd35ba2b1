r"""
LaTeX as MathML: what latex2mathml makes of it, rebuilt from a list of elements and attributes.

The converter writes what it is given (`\href`, `\style`, `\class`), leaves entities unescaped, and expands macros
without end. So its tree is only read: elements outside the list refuse the formula, attributes outside the list
are dropped, text is escaped again. Lengths are small, so that no formula moves its content over the page.
Elements and attributes: W3C MathML Core, https://www.w3.org/TR/mathml-core/, and `menclose`.
"""

import re
from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

from curation.engine.rendering.characters import is_disguised

LONGEST = 2_000  # characters of a formula
DEEPEST = 100
MOST_ELEMENTS = 5_000
REFUSED = re.compile(  # macros and \sideset blow up, the rest is for HTML pages
    r"\\(?:(?:re|provide)?newcommand|providecommand|(?:re)?newenvironment|[egx]?def|let|DeclareMathOperator|sideset|"
    r"href|url|class|style|cssId|unicode|require|includegraphics|input)(?![A-Za-z])"
)
ELEMENTS = frozenset((
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom",
    "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable",
    "mtd", "mtext", "mtr", "munder", "munderover",
))  # fmt: skip
FLAG = re.compile("true|false")
WORDS = re.compile("[a-z][a-z -]{0,99}")
LEVEL = re.compile(r"[+-]?[0-3]")
UNIT = r"(?:em|ex|mu|px|pt|mm|cm)?"
LENGTHS = re.compile(rf"(?:(?:\+?\d?(?:\.\d{{1,4}})?|\d|-0?\.\d{{1,4}}){UNIT}(?: |$)){{1,40}}")
ATTRIBUTES = {
    **dict.fromkeys(
        (
            "accent",
            "accentunder",
            "displaystyle",
            "fence",
            "largeop",
            "movablelimits",
            "separator",
            "stretchy",
        ),
        FLAG,
    ),
    **dict.fromkeys(
        ("columnalign", "columnlines", "display", "form", "mathvariant", "notation", "rowalign", "rowlines"),
        WORDS,
    ),
    **dict.fromkeys(
        (
            "columnspacing",
            "depth",
            "height",
            "linethickness",
            "lspace",
            "maxsize",
            "minsize",
            "rowspacing",
            "rspace",
        ),
        LENGTHS,
    ),
    **dict.fromkeys(("voffset", "width"), LENGTHS),
    "scriptlevel": LEVEL,
}
ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")


class NotAFormula(Exception):
    """This LaTeX is shown as its source."""


def mathml(latex: str, *, block: bool) -> str:
    """The formula as one safe `<math>` element. Raises NotAFormula for anything else than a formula."""
    if len(latex) > LONGEST or not latex.strip() or REFUSED.search(latex) or is_disguised(latex):
        raise NotAFormula
    try:
        tree = convert_to_element(latex, display="block" if block else "inline")
        pieces = list(_written(tree))
    except Exception as error:  # the converter raises whatever its tables and iterators raise
        raise NotAFormula from error
    return "".join(pieces)


def _written(tree: Element) -> Iterator[str]:
    """Opening and closing tags and texts, in order; a stack, as Python's own is the worker's."""
    todo: list[Element | str] = [tree]
    elements = depth = 0
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            depth -= 1
            yield node
            continue
        elements, depth = elements + 1, depth + 1
        if node.tag not in ELEMENTS or elements > MOST_ELEMENTS or depth > DEEPEST:
            raise NotAFormula
        yield f"<{node.tag}{_attributes(node)}>{_text(node.text)}"
        todo += [f"</{node.tag}>", *reversed(node)]


def _attributes(node: Element) -> str:
    kept = ((name, value) for name, value in node.items() if name in ATTRIBUTES)
    return "".join(f' {name}="{escape(value)}"' for name, value in kept if ATTRIBUTES[name].fullmatch(value))


def _text(given: str | None) -> str:
    """The converter writes characters as entities; only those are read, and none that hides."""
    text = ENTITY.sub(lambda found: chr(int(found[1], 16)), given or "")
    if is_disguised(text.translate(INVISIBLE_OPERATORS)):
        raise NotAFormula
    return escape(text)


INVISIBLE_OPERATORS = dict.fromkeys(range(0x2061, 0x2065))
