"""
Deduplication as a library: texts in, what stays and what goes for which row out.

    found = deduplicate(texts, ids, sources, DedupeConfig(threshold=0.8))
    found.kept, found.clusters, found.removed, found.facts

At size a job runs the same stages part by part, each from tables to tables (`library` shows them in order): signing a
shard, ordering all rows, pairing by ranges of bands, gathering the texts of a shard that are to be compared, verifying
a part of the pairs, settling, the same for a second pass, and resolving. Whatever grows with the number of rows lies
in Parquet and in DuckDB, which has a memory limit and a folder, but for eight bytes a row in `resolving`.
"""

from decontam.engine.dedupe.config import DedupeConfig, Keep, Key
from decontam.engine.dedupe.library import Deduplicated, deduplicate, deduplicate_shards
from decontam.engine.dedupe.lookup import Lookup
from decontam.engine.dedupe.resolving import CLUSTERS, KEPT_MAP

__all__ = [
    "CLUSTERS",
    "KEPT_MAP",
    "DedupeConfig",
    "Deduplicated",
    "Keep",
    "Key",
    "Lookup",
    "deduplicate",
    "deduplicate_shards",
]
