"""Text with marks around the spans that are evidence."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from curation.engine.rendering.characters import safe
from curation.engine.rendering.markdown import CUT

Spans = Iterable[Mapping[str, int]]

OUTSIDE, TEXT, NEAR, EXACT = range(4)
TAGS = {TEXT: ("", ""), NEAR: ('<mark class="near">', "</mark>"), EXACT: ("<mark>", "</mark>")}


def marked(text: str, spans: Spans, near: Spans = (), *, window: bool = False, context: int = 400) -> str:
    """
    The text, escaped, with `<mark>` around `spans` and `<mark class="near">` around what only `near` covers.

    Spans are `{start, end}` in characters of `text`, half-open, in any order; they may overlap or reach beyond the
    text. With `window`, only `context` characters around each span are kept. At most CUT characters are shown; a
    `<small>` says how many are left out, and where.
    """
    html, left_out, room = [], 0, CUT
    for start, end, kind in _pieces(len(text), list(spans), list(near), context if window else None):
        stop = start if kind == OUTSIDE else min(end, start + room)
        if stop > start:
            opening, closing = TAGS[kind]
            html += [_gap(left_out), opening, escape(safe(text[start:stop])), closing]
            left_out, room = 0, room - (stop - start)
        left_out += end - stop
    return "".join([*html, _gap(left_out)])


def _gap(characters: int) -> str:
    return (
        f"<small>… {characters:,} character{'' if characters == 1 else 's'} …</small>" if characters else ""
    )


def _pieces(
    size: int, spans: list[Mapping[str, int]], near: list[Mapping[str, int]], context: int | None
) -> Iterator[tuple[int, int, int]]:
    """
    The text in consecutive pieces (start, end, kind): a sweep over the places where a span begins or ends.

    Overlapping and touching spans become one piece. Without any span, a window shows the beginning.
    """
    exact, close = list(_clipped(spans, size)), list(_clipped(near, size))
    around = [(0, size)]
    if context is not None:
        around = [(max(0, a - context), min(size, b + context)) for a, b in (*exact, *close)] or [
            (0, 2 * context)
        ]
    changes = {0: [0] * 4, size: [0] * 4}
    for kind, given in ((TEXT, around), (NEAR, close), (EXACT, exact)):
        for start, end in given:
            changes.setdefault(start, [0] * 4)[kind] += 1
            changes.setdefault(min(end, size), [0] * 4)[kind] -= 1
    covered, at, before = [1, 0, 0, 0], 0, OUTSIDE
    for place in sorted(changes):
        covered = [old + new for old, new in zip(covered, changes[place], strict=True)]
        kind = max(kind for kind in range(4) if covered[kind])
        if kind != before or place == size:
            if place > at:
                yield at, place, before
            at, before = place, kind


def _clipped(spans: list[Mapping[str, int]], size: int) -> Iterator[tuple[int, int]]:
    """Those that cover something of a text of `size` characters."""
    for span in spans:
        start, end = max(0, span["start"]), min(size, span["end"])
        if start < end:
            yield start, end
