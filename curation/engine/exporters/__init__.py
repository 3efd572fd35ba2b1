"""
Exports: records as files that trainers load unchanged.

`profiles` turns batches of records into batches of rows, `files` writes them, `provenance` says where each
row is from. An export takes two passes over a mixture: a `survey` of every batch, whose features are united,
then `Exporter.to_batch`.
"""

from curation.engine.exporters.files import Written, shard_path, write_jsonl, write_parquet
from curation.engine.exporters.profiles import (
    FORMATS,
    PROFILES,
    Exporter,
    Features,
    Group,
    Profile,
    Survey,
    profile_named,
    survey,
)
from curation.engine.exporters.provenance import PROVENANCE, provenance
from curation.engine.exporters.skips import Skips

__all__ = [
    "FORMATS",
    "PROFILES",
    "PROVENANCE",
    "Exporter",
    "Features",
    "Group",
    "Profile",
    "Skips",
    "Survey",
    "Written",
    "profile_named",
    "provenance",
    "shard_path",
    "survey",
    "write_jsonl",
    "write_parquet",
]
