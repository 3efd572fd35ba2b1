"""
Code with the CSS classes of Pygments, for languages on a list.

Lexers are piles of regular expressions that were never meant for hostile input: 20,000 times "/" keep the one for C
busy for half a minute. Almost none is slow within one token (those of INI and MATLAB are, so they are not on the
list), hence a deadline that is looked at between tokens: code that takes too long loses its colours from there on.
"""

from collections.abc import Iterator
from html import escape
from time import monotonic

from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

LONGEST = 20_000  # characters of one block
SECONDS = 0.5  # for all code of a text
CLASSES = frozenset(STANDARD_TYPES.values()) - {""} | {"highlight"}
LANGUAGES = frozenset((
    "bash", "c", "c++", "cpp", "c#", "cs", "csharp", "css", "diff", "docker", "dockerfile", "go", "golang", "graphql",
    "haskell", "hs", "html", "java", "javascript", "js", "json", "jsx", "julia", "kotlin", "latex", "lua", "make",
    "makefile", "objective-c", "php", "perl", "powershell", "protobuf", "ps1", "py", "python", "python3", "r", "rb",
    "rs", "ruby", "rust", "scala", "sh", "shell", "sql", "swift", "tex", "toml", "ts", "tsx", "typescript", "xml",
    "yaml", "yml", "zsh",
))  # fmt: skip
ALIASES = {"tsx": "typescript", "jsx": "javascript"}


def deadline() -> float:
    """When the code of a text that is begun now goes on without colours."""
    return monotonic() + SECONDS


def highlighted(code: str, language: str, until: float) -> str:
    """
    The code as escaped text with `<span class=…>` where the language is known and the code short enough.

    `until` is a `deadline()`. Tags aside, the text is always the code, every character of it.
    """
    name = language.lower()
    if name not in LANGUAGES or len(code) > LONGEST:
        return escape(code)
    try:
        return "".join(_spans(code, ALIASES.get(name, name), until))
    except Exception:  # a lexer's mistake is no reason not to show the code
        return escape(code)


def _spans(code: str, name: str, until: float) -> Iterator[str]:
    """
    One span per token. Straight from the lexer and not through a formatter, as `get_tokens` drops blank lines and
    byte order marks.
    """
    at = 0
    for index, kind, value in get_lexer_by_name(name).get_tokens_unprocessed(code):
        if monotonic() > until:
            break
        if index != at:
            raise ValueError("the lexer skips text")
        at += len(value)
        while kind not in STANDARD_TYPES:
            kind = kind.parent
        css = STANDARD_TYPES[kind]
        yield f'<span class="{css}">{escape(value)}</span>' if css else escape(value)
    yield escape(code[at:])
