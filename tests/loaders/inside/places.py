"""Where the files of the tests are."""

from pathlib import Path


def at(files: Path, profile: str, mixture: str, suffix: str = "parquet") -> Path:
    return files / mixture / profile / "data" / f"train-00000-of-00001.{suffix}"
