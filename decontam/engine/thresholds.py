"""Thresholds by benchmark, as people write them."""

from collections.abc import Iterable

from curation.engine.errors import BadConfig


def thresholds_from(lines: Iterable[str], sign: str = ":") -> dict[str, float]:
    """`quiz: 0.9` of each line that is not empty; BadConfig, naming the line, for what is none."""
    found: dict[str, float] = {}
    for line in filter(None, (line.strip() for line in lines)):
        benchmark, separated, share = (said.strip() for said in line.rpartition(sign))
        if not separated or not benchmark:
            raise BadConfig(f"{line!r} is no threshold: write benchmark{sign}share, like quiz{sign}0.9.")
        if benchmark in found:
            raise BadConfig(f"There are two thresholds for {benchmark}; write one.")
        found[benchmark] = _share(benchmark, share)
    return found


def _share(benchmark: str, said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise BadConfig(f"The threshold for {benchmark} is a share, from 0 to 1, not {said!r}.") from None
