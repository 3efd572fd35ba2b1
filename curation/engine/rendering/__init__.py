"""
Stored text as safe HTML. Every text is hostile: models wrote it, or the web did.

`showing` is what pages call; `markdown`, `mathml` and `highlighting` make HTML, `sanitising` lets through what is
on its lists, `evidence` marks spans, `characters` deals with what cannot be seen. Three rules hold everywhere:

- Nothing of a text reaches a page unless it was escaped, went through the allow-list of `sanitising`, or (formulas)
  was rebuilt element by element. Formulas are put in after sanitising, never before.
- Work and output are bounded, whatever the text. Where markdown or LaTeX is too much, or fails, the reader gets the
  source.
- The address of an image is text. A page fetches nothing that a text names.

Half a surrogate pair and NUL, which HTML cannot hold, become U+FFFD. The classes to style: those of Pygments inside
`pre.highlight`, `pre.raw`, `span.inv` (a character that cannot be seen), `mark` and `mark.near`, `small`.
"""

from curation.engine.rendering.characters import invisibles, plain, revealed
from curation.engine.rendering.evidence import marked
from curation.engine.rendering.markdown import CUT, rendered
from curation.engine.rendering.showing import WHOLE, Shown, show, show_json

__all__ = [
    "CUT",
    "WHOLE",
    "Shown",
    "invisibles",
    "marked",
    "plain",
    "rendered",
    "revealed",
    "show",
    "show_json",
]
