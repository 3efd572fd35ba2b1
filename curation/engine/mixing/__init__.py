"""
Mixtures: a recipe over dataset versions, and the rows that it chooses.

`recipe` and `component` say what is wanted, `writing` reads and writes that as YAML, `strata` sorts rows by what
their profile says, `planning` says what it all amounts to, `sampling` and `drawing` choose rows, `duplicates` leaves
rows out, `ordering` and `scattering` shuffle the others into shards. Rows are chosen and ordered by hashes of their
ids, never by positions: the same recipe over the same versions gives the same bytes whatever the batches, shards and
workers were.
A run takes three passes:

1. the `Stock` of each component → `plan`; its ids, measured where there are strata or tokens → `draw` (one `Cut` per
   stratum); then the ids of the chosen rows, copies included (`chosen_ids`) → `order_keys` → `boundaries`
2. each shard of each component: `Draw.copies` → `Scattered` (`order_keys` → `bucket`) → `pieces`, one per output shard
3. each output shard: `gather` its pieces

The same row may be reachable through two components (`ecqa` and `ecqa-clean`). It has the same id in both,
so the same order key, so both meet in the same output shard, where `gather` keeps the one of the component
that stands first in the recipe and counts the other. It is dropped and not refused, since two filtered views
of one source are an ordinary mixture; and not kept twice, since that would get round `max_repeats` and joins
are by id. The place in the recipe decides, as it is the only order that a reader of the recipe can see. A row
that both components repeat occurs as often as the one that repeats it most.
"""

from curation.engine.mixing.component import Component
from curation.engine.mixing.drawing import Draw, draw, plainly
from curation.engine.mixing.duplicates import GONE, NOTHING, Duplicates, Gone, IdSet, Seen
from curation.engine.mixing.ordering import Gathered, Piece, boundaries, bucket, gather, order_keys
from curation.engine.mixing.planning import Part, Share, amounts, plan, share_of, weighed
from curation.engine.mixing.recipe import BYTES, Recipe
from curation.engine.mixing.sampling import Cut, chosen_ids, cut, expand, sample_keys
from curation.engine.mixing.scattering import Scattered, pieces
from curation.engine.mixing.strata import ATTRIBUTE_NAMES, Measured, Stock, Stratum, measured, stock
from curation.engine.mixing.writing import dump, parse, to_yaml

__all__ = [
    "ATTRIBUTE_NAMES",
    "BYTES",
    "GONE",
    "NOTHING",
    "Component",
    "Cut",
    "Draw",
    "Duplicates",
    "Gathered",
    "Gone",
    "IdSet",
    "Measured",
    "Part",
    "Piece",
    "Recipe",
    "Scattered",
    "Seen",
    "Share",
    "Stock",
    "Stratum",
    "amounts",
    "boundaries",
    "bucket",
    "chosen_ids",
    "cut",
    "draw",
    "dump",
    "expand",
    "gather",
    "measured",
    "order_keys",
    "parse",
    "pieces",
    "plainly",
    "plan",
    "sample_keys",
    "share_of",
    "stock",
    "to_yaml",
    "weighed",
]
