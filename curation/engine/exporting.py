"""Facts of an export that are gathered shard by shard, and how they come together."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.cards import Benchmark, Decontamination
from curation.engine.errors import BadConfig
from curation.engine.exporters import FORMATS, Profile, Skips, profile_named
from curation.engine.licences import licence

TOOL_ARGUMENTS = ("string", "object")
MOST_NAMES = 50  # of models, and of licences of single rows, that a card tells apart


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """
    Which profiles, in which formats; `override` is the reason for exporting without a passing check.
    `tool_arguments` says what JSON lines hold of tools and the arguments of calls: JSON texts ("string"), as Parquet
    does, or the values themselves ("object"), where the reader of a profile leaves the choice.
    """

    profiles: Sequence[str]
    formats: Sequence[str] = ("parquet",)
    override: str = ""
    tool_arguments: str = "string"

    def __post_init__(self) -> None:
        found = [profile_named(name) for name in self.profiles]
        if not self.profiles or not self.formats:
            raise BadConfig("An export needs at least one profile and one format.")
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise BadConfig(f"There is no format {', '.join(unknown)}; there are {', '.join(FORMATS)}.")
        for what, given in (("profiles", self.profiles), ("formats", self.formats)):
            if len(set(given)) < len(given):
                raise BadConfig(f"The {what} name something twice.")
        if self.tool_arguments not in TOOL_ARGUMENTS:
            raise BadConfig(f"Tool arguments are written as string or object, not as {self.tool_arguments}.")
        for profile in found:
            if not self.formats_of(profile):
                raise BadConfig(
                    f"{profile.name} is written as {' or '.join(profile.formats)} only, as its readers want it; "
                    f"the export asks for {', '.join(self.formats)}."
                )

    def formats_of(self, profile: Profile) -> list[str]:
        """The formats that a profile is written in: those asked for that it allows."""
        return [name for name in self.formats if name in profile.formats]


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, summed and in the order of the names."""
    total = sum((Counter(count) for count in counts), Counter())
    return dict(sorted(total.items()))


def own_licences(batch: pa.RecordBatch) -> list[tuple[str, str, int]]:
    """How many rows of each source carry a licence of their own, by licence."""
    own = pa.Table.from_batches([batch]).select(["source", "licence"]).filter(pc.field("licence").is_valid())
    counted = own.group_by(["source", "licence"]).aggregate([([], "count_all")]).to_pylist()
    return [(row["source"], row["licence"], row["count_all"]) for row in counted]


def by_source(counted: Iterable[Sequence[Any]]) -> dict[str, dict[str, int]]:
    """What `own_licences` of all batches come to."""
    total: dict[str, Counter[str]] = {}
    for source, own, rows in counted:
        total.setdefault(source, Counter())[own] += rows
    return {source: dict(sorted(licences.items())) for source, licences in sorted(total.items())}


def fewer(
    counts: Mapping[str, int], rest: str, keep: Callable[[str], bool] = lambda _: False
) -> dict[str, int]:
    """
    The `MOST_NAMES` most frequent names and those to `keep`, and the others together as `rest`: names come out of
    rows, and a card is for people.
    """
    order = sorted(counts, key=lambda name: (-counts[name], name))
    gone = {name for name in order[MOST_NAMES:] if not keep(name)}
    kept = {name: count for name, count in counts.items() if name not in gone}
    if gone:
        kept[rest] = kept.get(rest, 0) + sum(counts[name] for name in gone)
    return dict(sorted(kept.items()))


def fewer_licences(counts: Mapping[str, int]) -> dict[str, int]:
    """Every licence that is known here, for what it asks is not to be lost, and the most frequent of the others."""
    return fewer(counts, "further-licences", lambda name: licence(name).known)


def models(batch: pa.RecordBatch) -> dict[str, int]:
    """How many completions each named model wrote."""
    written = batch.column("completions").flatten().field("model").drop_null()
    return {one["values"]: one["counts"] for one in pc.value_counts(written).to_pylist() if one["values"]}


def all_skips(parts: Iterable[Mapping[str, Any]]) -> Skips:
    return sum((Skips(**part) for part in parts), Skips())


def decontamination(certificates: Sequence[Mapping[str, Any]]) -> Decontamination | None:
    """
    The table of a card, from certificates as checks carry them: one line per scanned version and benchmark.

    Only names and numbers are taken over; None when nothing was looked for.
    """
    if not certificates:
        return None
    benchmarks, weak = [], dict[tuple[str, str], int]()
    for certificate in certificates:
        removed = certificate["counts"].get("rows_removed_by_benchmark", {})
        for line in certificate["benchmarks"]:
            benchmarks.append(
                Benchmark(
                    name=f"{line['version']} in {certificate['scanned']['version']}",
                    items=line["items"],
                    items_hit=line["items_hit"],
                    rows=line["rows"],
                    rows_hit=line["rows_hit"],
                    removed=removed.get(line["benchmark"], 0),
                )
            )
            weak[f"shorter than {certificate['config']['n']} words", line["version"]] = line["weakly_checked"]
            weak["without any word", line["version"]] = line["unchecked"]
    return Decontamination(
        benchmarks=tuple(benchmarks),
        looked_for=_named(certificates, "methods"),
        not_looked_for=_named(certificates, "not_looked_for"),
        weak=added({reason: count} for (reason, _), count in weak.items() if count),
        certificates=tuple(sorted(certificate_hash(certificate) for certificate in certificates)),
    )


def certificate_hash(certificate: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(certificate, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _named(certificates: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for certificate in certificates for name in certificate[key]))
