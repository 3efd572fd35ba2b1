r"""
Backslash escapes in cells of tab-separated files, which cannot hold a newline otherwise (FLAN's CoT files).

The same two characters begin LaTeX commands such as `\nabla` and `\theta`: these are never taken for escapes.
"""

import re
from collections.abc import Iterable

LATEX = (  # the commands that begin with n or t
    "nabla|natural|ne|nearrow|neg|neq|newline|nexists|nmid|nolimits|nonumber|normalsize|not|notin|nsubseteq|nu|"
    "nwarrow|tag|tan|tanh|tau|tbinom|text[a-z]*|tfrac|therefore|theta|thickapprox|thicksim|thinspace|tilde|"
    "times|tiny|to|top|triangle[a-z]*|twoheadrightarrow"
)
ESCAPE = re.compile(rf"\\(?!(?:{LATEX})(?![A-Za-z]))([nt\\])")
MEANING = {"n": "\n", "t": "\t", "\\": "\\"}


def unescaped(cell: str) -> str:
    r"""The cell with `\n`, `\t` and `\\` turned into what they mean; every other backslash stays."""
    return ESCAPE.sub(lambda found: MEANING[found[1]], cell) if "\\" in cell else cell


def are_escapes(cells: Iterable[str]) -> bool:
    """
    True when more than 99 in 100 backslashes of these cells belong to escapes; LaTeX counts against it.

    Not all of them: FLAN's aqua_train has 26 slips among 20,000 escapes.
    """
    seen = [cell for cell in cells if "\\" in cell]
    strays = sum(ESCAPE.sub("", cell).count("\\") for cell in seen)
    return strays * 100 < sum(cell.count("\\") for cell in seen)
