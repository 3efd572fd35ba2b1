"""
Characters that a page cannot show, or shows as something else.

Invisible and bidirectional characters hide text from annotators, reverse it ("Trojan Source", CVE-2021-42574) and
smuggle instructions (tag characters, variation selectors). They are counted always and shown on request.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, partial
from html import escape
from itertools import count

MARKS_KEPT = 8  # ordinary writing needs few
REVEALED = 5_000  # invisible characters of one text that get a title; beyond, a page would be all titles

UNSAFE = re.compile("[\x00\ud800-\udfff]")
SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
SPACES = "\u00a0\u2007\u202f"  # non-breaking
CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # but for tabs and line ends
HIDDEN = (  # these have no place in a formula
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e00ff" + SELECTORS
)
PICTURES = "©®\u203c-\u3299\U0001f000-\U0001faff"
ALL = f"(?!\r\n)[\r{CONTROLS}{SPACES}{HIDDEN}]"  # the CR of CR LF is no more hidden than the LF
INVISIBLE = re.compile(ALL)
COUNTED = re.compile(  # an emoji's own selector and joiner are ordinary: every second chat has some
    f"(?!(?<=[{PICTURES}])\ufe0f|\ufe0f\u20e3|(?<=[{PICTURES}\ufe0f])\u200d[{PICTURES}]){ALL}"
)
DISGUISED = re.compile(f"[{CONTROLS}{HIDDEN}]")

TAG = re.compile(r'<math\b.*?</math>|<[^">]*(?:"[^"]*"[^">]*)*>', re.DOTALL)
LABELS = {
    0xA0: "NBSP", 0xAD: "SHY", 0x34F: "CGJ", 0x61C: "ALM", 0x200B: "ZWSP", 0x200C: "ZWNJ", 0x200D: "ZWJ",
    0x200E: "LRM", 0x200F: "RLM", 0x2028: "LSEP", 0x2029: "PSEP", 0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF",
    0x202D: "LRO", 0x202E: "RLO", 0x202F: "NNBSP", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI",
    0x2069: "PDI", 0xFEFF: "BOM", 0x0: "NUL", 0x8: "BS", 0xB: "VT", 0xC: "FF", 0xD: "CR", 0x1B: "ESC", 0x7F: "DEL",
}  # fmt: skip


def safe(text: str) -> str:
    """The text without NUL and halves of surrogate pairs; offsets stay."""
    return UNSAFE.sub("\ufffd", text)


def plain(text: str) -> str:
    """The text, escaped."""
    return escape(safe(text))


def paragraphs(text: str) -> str:
    """The text, escaped, with its paragraphs and line ends: what is shown where markdown is too much."""
    parts = (part.strip("\n") for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")))
    return "".join(f"<p>{escape(part)}</p>".replace("\n", "<br>\n") for part in parts if part)


def invisibles(text: str) -> int:
    """How many characters of the text cannot be seen, or look like a space and are none."""
    return len(text) - len(COUNTED.sub("", text))


def is_disguised(text: str) -> bool:
    """True when the text has characters that cannot be seen (non-breaking spaces aside) or piles up marks."""
    return bool(DISGUISED.search(text) or _pile().search(text))


def revealed(html: str) -> str:
    """
    Safe HTML with every invisible character of its text named: `<span class="inv" title="U+200B …">ZWSP</span>`.

    Formulas stay: none with such characters was rendered. After REVEALED of them only labels are shown.
    """
    return on_text(html, partial(INVISIBLE.sub, partial(_named, numbers=count())))


def unpiled(html: str) -> str:
    """Safe HTML with at most MARKS_KEPT combining marks on one base, and a note where there were more."""
    return on_text(html, partial(_pile().sub, _fewer_marks))


def on_text(html: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the text between tags, formulas excepted. `html` is our own: every < begins a tag."""
    pieces, at = [], 0
    for tag in TAG.finditer(html):
        pieces += [change(html[at : tag.start()]), tag[0]]
        at = tag.end()
    return "".join([*pieces, change(html[at:])])


def _named(found: re.Match[str], numbers: "count[int]") -> str:
    code = ord(found[0])
    label = escape(_label(code))
    if next(numbers) >= REVEALED:
        return f'<span class="inv">{label}</span>'
    name = unicodedata.name(found[0], "CONTROL" if code < 0xA0 else "UNASSIGNED")
    return f'<span class="inv" title="U+{code:04X} {name}">{label}</span>'


def _label(code: int) -> str:
    if 0xE0020 <= code < 0xE007F:
        return f"TAG {chr(code - 0xE0000)}"  # the ASCII character that is smuggled
    if 0xFE00 <= code <= 0xFE0F:
        return f"VS{code - 0xFE00 + 1}"
    if 0xE0100 <= code <= 0xE01EF:
        return f"VS{code - 0xE0100 + 17}"
    return LABELS.get(code, f"{code:04X}")


def _fewer_marks(found: re.Match[str]) -> str:
    more = len(found[0]) - MARKS_KEPT
    title = f"{more:,} more combining mark{'' if more == 1 else 's'}"
    return f'{found[0][:MARKS_KEPT]}<span class="inv" title="{title}">⋯</span>'


@cache
def _pile() -> re.Pattern[str]:
    hidden = re.compile(f"[{HIDDEN}]")
    codes = (*range(0x300, 0x20000), 0x20D0)
    marks = "".join(
        chr(code)
        for code in codes
        if unicodedata.category(chr(code)) in ("Mn", "Me") and not hidden.match(chr(code))
    )
    return re.compile(f"[{marks}]{{{MARKS_KEPT + 1},}}")
