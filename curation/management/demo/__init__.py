"""
The demo's data: three training sources and four benchmarks of our own writing, with contamination planted in them.

    demo = build(Path("demo"))
    demo.sources, demo.benchmarks      # files to import
    demo.planted                       # what a scan should find, and what the n-gram rule cannot
"""

from curation.management.demo.building import build
from curation.management.demo.nouns import Demo, DemoBenchmark, DemoSource, Kind, Planted

__all__ = ["Demo", "DemoBenchmark", "DemoSource", "Kind", "Planted", "build"]
