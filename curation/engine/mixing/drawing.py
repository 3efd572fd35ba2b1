"""Which rows of a component are drawn: one `Cut` for each of its strata and one for the rest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.engine.mixing.duplicates import IdSet
from curation.engine.mixing.planning import Part, Share
from curation.engine.mixing.sampling import Counts, Cut, RowSampler, TokenSampler
from curation.engine.mixing.strata import Measured, Stock


@dataclass(frozen=True, slots=True)
class Draw:
    """
    How often each row of a component occurs: by the cut of its stratum, and never where it is gone. Small and
    JSON-ready (`Draw(**json)` gives an equal one), so that the parts of a run can apply it to their shards.
    """

    cuts: tuple[Cut, ...]

    def __post_init__(self) -> None:
        cuts = tuple(one if isinstance(one, Cut) else Cut(**one) for one in self.cuts)
        object.__setattr__(self, "cuts", cuts)

    def copies(self, rows: Measured, gone: IdSet | None = None) -> Counts:
        """How often each of these rows occurs, int64, in their order."""
        counts = self.cuts[0].copies(rows.ids)
        for place, cut in enumerate(self.cuts[1:], 1):
            counts = np.where(rows.stratum == place, cut.copies(rows.ids), counts)
        if gone:
            counts[gone.holds(rows.ids)] = 0
        return counts


def plainly(ids: Iterable[pa.Array]) -> Iterator[Measured]:
    """Rows without strata, whose tokens nobody asks for."""
    for some in ids:
        none = np.zeros(len(some), np.int64)
        yield Measured(some, none, none)


def draw(
    rows: Iterable[Measured], share: Share, stock: Stock, *, seed: int, gone: IdSet | None = None
) -> Draw:
    """
    The draw that gives what `share` says, of rows in any order and batching. `stock` is what there is without the rows
    that are gone. Reads nothing where every row occurs equally often.
    """
    samplers = [
        TokenSampler(seed, share.dataset, part.tokens, have[1])
        if part.tokens is not None
        else RowSampler(seed, share.dataset, part.rows, have[0])
        for part, have in _wanted(share, stock)
    ]
    if any(not isinstance(one, RowSampler) or one.rest for one in samplers):
        for batch in rows:
            _add(samplers, batch, gone)
    return Draw(tuple(one.cut() for one in samplers))


def _wanted(share: Share, stock: Stock) -> Iterator[tuple[Part, tuple[int, int]]]:
    if share.strata:
        yield from zip(share.strata, stock.strata, strict=True)
    else:
        yield Part("", share.available, share.rows, share.tokens), (stock.rows, stock.tokens or 0)


def _add(samplers: Sequence[RowSampler | TokenSampler], rows: Measured, gone: IdSet | None) -> None:
    stays = ~gone.holds(rows.ids) if gone else np.ones(len(rows.ids), bool)
    for place, sampler in enumerate(samplers):
        mine = stays & (rows.stratum == place) if len(samplers) > 1 else stays
        sampler.add(rows.ids.filter(pa.array(mine)), rows.tokens[mine])
