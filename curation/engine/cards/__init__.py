"""
What an export says about itself: `README.md` for people and the Hub, `croissant.json` and `manifest.json` for machines.

All are functions of the same facts and of nothing else (no clock, no run ids, no addresses), so that an equal export
has equal papers on any machine. Benchmarks appear as names and numbers: there is no field that could hold their text.
"""

from curation.engine.cards.croissant import croissant, croissant_at
from curation.engine.cards.facts import (
    Benchmark,
    Build,
    Config,
    Decontamination,
    File,
    Input,
    Source,
)
from curation.engine.cards.manifests import manifest, manifest_hash
from curation.engine.cards.readme import card
from curation.engine.cards.samples import showable

__all__ = [
    "Benchmark",
    "Build",
    "Config",
    "Decontamination",
    "File",
    "Input",
    "Source",
    "card",
    "croissant",
    "croissant_at",
    "manifest",
    "manifest_hash",
    "showable",
]
