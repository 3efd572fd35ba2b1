"""Which sentences of a passage a person should look at first."""

import re

from decontam.engine.semantic.lexical import split

_sentence = re.compile(r"\S.*?(?:[.!?;](?=\s)|[。！？]|\n\s*|$)", re.DOTALL)
ENOUGH = 0.5


def closest(passage: str, item: str) -> list[tuple[int, int]]:
    """
    Character ranges of the sentences that share with the item at least half as many different words as the best one
    does; neighbours are joined. The whole passage where no sentence shares a word.
    """
    wanted = set(split(item))
    found = [match.span() for match in _sentence.finditer(passage)]
    shared = [len(wanted.intersection(split(passage[start:end]))) for start, end in found]
    best = max(shared, default=0)
    if not best:
        return [(0, len(passage))]
    spans: list[tuple[int, int]] = []
    follows = False
    for (start, end), count in zip(found, shared, strict=True):
        if count < ENOUGH * best:
            follows = False
            continue
        end = start + len(passage[start:end].rstrip())
        if follows:
            start = spans.pop()[0]
        spans.append((start, end))
        follows = True
    return spans
