"""What a scan takes over from an earlier one of the same rows; nothing, unless it was started by `start_rescan`."""

from collections.abc import Iterator

import pyarrow as pa

from curation.engine.units import OF_TURNS, joined
from curation.models import Run, Version
from decontam.engine.carrying import Places, carry_over, places, renaming
from decontam.engine.distinct import distinct

EARLIER, COMPARED = "earlier", "compared"


def earlier(run: Run) -> Version | None:
    """The matches that are taken over where their items are still there."""
    return next(iter(run.inputs_of(EARLIER)), None)


def compared(run: Run) -> list[Version]:
    """What the earlier scan compared with."""
    return run.inputs_of(COMPARED)


def known(versions: list[Version]) -> dict[str, Places]:
    """The items of some benchmarks, by name and fingerprint."""
    return {version.dataset.name: _places(version) for version in versions}


def taken_over(run: Run) -> Iterator[pa.RecordBatch]:
    """The database is asked at once and not by whoever reads the batches: DuckDB does so in a thread of its own."""
    matches = earlier(run)
    if matches is None:
        return iter(())
    renamed = renaming(known(compared(run)), known(run.inputs_of("benchmarks")))
    return carry_over(matches.batches(), renamed)


def new_items(run: Run) -> int:
    """How many items of the benchmarks no earlier scan has compared."""
    before, now = known(compared(run)), known(run.inputs_of("benchmarks"))
    return sum(
        len(ids)
        for benchmark, items in now.items()
        for fingerprint, ids in items.items()
        if fingerprint not in before.get(benchmark, {})
    )


def _places(version: Version) -> Places:
    table = pa.Table.from_batches(version.batches(["id", "fingerprint", *OF_TURNS, "meta"]))
    asked = pa.chunked_array([joined(of) for of in table.column("messages").chunks], pa.string())
    rows = pa.array(distinct(asked.combine_chunks(), table.column("meta").combine_chunks()))
    return places(*(table.column(name).take(rows).to_pylist() for name in ("id", "fingerprint")))
