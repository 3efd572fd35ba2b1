"""
Mixtures: a recipe over dataset versions, and the rows that it chooses.

`recipe` says what is wanted and what that amounts to, `sampling` chooses rows, `ordering` shuffles them into
shards. All three go by hashes of record ids, never by positions: the same recipe over the same versions gives
the same bytes whatever the batches, shards and workers were. A run takes three passes:

1. ids of each component → `cut` (one `Cut` per component); then the ids of the chosen rows, copies included
   (`chosen_ids`) → `order_keys` → `boundaries`
2. each shard of each component: `Cut.copies` → `expand` → `order_keys` → `bucket` → pieces, one per output
   shard
3. each output shard: `gather` its pieces

The same row may be reachable through two components (`ecqa` and `ecqa-clean`). It has the same id in both,
so the same order key, so both meet in the same output shard, where `gather` keeps the one of the component
that stands first in the recipe and counts the other. It is dropped and not refused, since two filtered views
of one source are an ordinary mixture; and not kept twice, since that would get round `max_repeats` and joins
are by id. The place in the recipe decides, as it is the only order that a reader of the recipe can see. A row
that both components repeat occurs as often as the one that repeats it most.
"""

from curation.engine.mixing.ordering import Gathered, Piece, boundaries, bucket, gather, order_keys
from curation.engine.mixing.recipe import Component, Recipe, Share, dump, parse, plan
from curation.engine.mixing.sampling import Cut, chosen_ids, cut, expand, sample_keys

__all__ = [
    "Component",
    "Cut",
    "Gathered",
    "Piece",
    "Recipe",
    "Share",
    "boundaries",
    "bucket",
    "chosen_ids",
    "cut",
    "dump",
    "expand",
    "gather",
    "order_keys",
    "parse",
    "plan",
    "sample_keys",
]
