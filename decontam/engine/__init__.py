"""Decontamination as a library: benchmarks in, matches with their evidence out."""

from decontam.engine.config import NgramConfig
from decontam.engine.index import MATCHES, BenchmarkIndex

__all__ = ["MATCHES", "BenchmarkIndex", "NgramConfig"]
