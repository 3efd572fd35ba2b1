"""A certificate against what was found again, line by line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "winnow-certificate/1"
OF_BENCHMARKS = (
    "items",
    "items_hit",
    "rows",
    "rows_hit",
    "matches",
    "weakly_checked",
    "unchecked",
    "close_in_meaning",
    "methods",
)
OF_SCANS = ("matches", "suppressed")
OF_APPLYING = (
    "matches",
    "suppressed",
    "false_alarms",
    "unruled_kept",
    "meaning_kept",
    "rows_removed",
    "rows_tainted",
    "rows_quarantined",
    "rows_removed_by_benchmark",
)


@dataclass(frozen=True, slots=True)
class Compared:
    """One count: what the certificate says, and what was found."""

    what: str
    said: Any
    found: Any

    @property
    def equal(self) -> bool:
        return bool(self.said == self.found)


def faults(certificate: Any) -> str:
    """Why this is no certificate that can be found out again; empty when it is one."""
    if not isinstance(certificate, Mapping) or certificate.get("format") != FORMAT:
        return f"This is no certificate of the format {FORMAT}."
    needed = {
        "subject": Mapping,
        "scanned": Mapping,
        "benchmarks": list,
        "config": Mapping,
        "counts": Mapping,
    }
    wrong = [name for name, kind in needed.items() if not isinstance(certificate.get(name), kind)]
    if wrong:
        return f"The certificate lacks {', '.join(wrong)}; it was written otherwise or changed since."
    named = [certificate["subject"], certificate["scanned"], *certificate["benchmarks"]]
    if not all(isinstance(one, Mapping) and {"version", "content_hash"} <= one.keys() for one in named):
        return "A version in the certificate has no name or no content hash."
    return ""


def compare_lines(said: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> list[Compared]:
    """Every count of every benchmark."""
    again = {line["benchmark"]: line for line in found}
    lines = []
    for line in said:
        other = again.pop(str(line.get("benchmark", "")), {})
        lines += [
            Compared(f"{line['version']}: {name.replace('_', ' ')}", line[name], other.get(name))
            for name in OF_BENCHMARKS
            if name in line
        ]
    return lines


def compare_counts(said: Mapping[str, Any], found: Mapping[str, Any], names: Iterable[str]) -> list[Compared]:
    """The counts of these names that the certificate has."""
    return [Compared(name.replace("_", " "), said[name], found.get(name)) for name in names if name in said]
