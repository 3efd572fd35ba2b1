"""What a scan looks for and judges by, kept per process: every part of a scan needs the same tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.errors import BadInput
from curation.engine.units import ITEM_COLUMNS, ItemPart, item_parts
from curation.models import Version
from decontam.engine.background import Background
from decontam.engine.carrying import Places, unlike
from decontam.engine.detecting import Detector, Profile
from decontam.engine.distinct import distinct
from decontam.engine.evidence import Items
from decontam.engine.near import NearIndex
from decontam.engine.precision import Precision, PrecisionConfig
from decontam.engine.scan import ScanConfig
from decontam.tasks.earlier import known

SHORTEST_PART = 8  # words of an answer or a passage that is looked for: "42" and "yes" are everywhere
IDS = ["id", "fingerprint"]


@dataclass(frozen=True, slots=True)
class Benchmarks:
    detector: Detector
    items: dict[str, Items]

    @property
    def prompts(self) -> dict[str, Any]:
        """What is looked for by its meaning."""
        return {
            key: found.texts for key, found in self.items.items() if key == found.benchmark and len(found)
        }

    def judged_by(self, thresholds: Mapping[str, float]) -> PrecisionConfig:
        """A threshold for a benchmark holds for every part of its items."""
        said = {
            key: thresholds[found.benchmark]
            for key, found in self.items.items()
            if found.benchmark in thresholds
        }
        return PrecisionConfig(thresholds=said)


def items_of(version: Version, profile: str = Profile.DEFAULT) -> dict[str, Items]:
    """
    What is looked for: under the name of the benchmark its prompts (whole items under the plain rule), answers and
    passages that are long enough each under a name of their own. Rows that ask the same are one item.
    """
    batches = list(version.batches(IDS + ITEM_COLUMNS))
    if not sum(batch.num_rows for batch in batches):
        raise BadInput(f"{version} has no items")
    table, name = pa.Table.from_batches(batches), version.dataset.name
    each = [item_parts(batch) for batch in batches]
    told = {part: pa.chunked_array([of[part] for of in each]).combine_chunks() for part in ItemPart}
    rows = pa.array(distinct(told[ItemPart.WHOLE], table.column("meta").combine_chunks()))
    ids, fingerprints = (table.column(column).take(rows).to_pylist() for column in IDS)

    def items(part: ItemPart, texts: Any) -> Items:
        return Items(ids, fingerprints, texts, part, name)

    first = ItemPart.WHOLE if profile == Profile.PLAIN else ItemPart.PROMPT
    found = {name: items(first, told[first].take(rows))}
    for part in (ItemPart.ANSWER, ItemPart.PASSAGE):
        said = pc.fill_null(told[part].take(rows), "")
        long = pc.greater_equal(pc.count_substring_regex(said, r"\w+"), SHORTEST_PART)
        if first is ItemPart.PROMPT and pc.any(long).as_py():
            found[f"{name} {part}"] = items(part, pc.if_else(long, said, ""))
    return found


def index_for(versions: list[Version], config: ScanConfig, before: Sequence[Version] = ()) -> Benchmarks:
    """What a scan with this config looks for: all items, without those of `before`. Kept per process by contents."""
    key = str([[[(of.dataset.name, of.content_hash) for of in some] for some in (versions, before)], config])
    if (held := _kept.get(key)) is None:
        _kept.clear()
        held = _kept[key] = _built(versions, config, list(before))
    return held


def judging(
    looked_for: Benchmarks,
    thresholds: Mapping[str, float],
    key: str,
    backgrounds: Callable[[], tuple[Background, Background]],
) -> Precision:
    """Kept per process, for the detector and what is common here and elsewhere; `key` stands for the latter two."""
    detector, config = looked_for.detector, looked_for.judged_by(thresholds)
    if _judging.get("for") != (detector, config, key):
        _judging.clear()
        own, others = backgrounds()
        precision = Precision(detector, own, config, others)
        _judging.update({"for": (detector, config, key), "precision": precision})
    return _judging["precision"]  # type: ignore[no-any-return]


_kept: dict[Any, Benchmarks] = {}
_judging: dict[str, Any] = {}


def _built(versions: list[Version], config: ScanConfig, before: list[Version]) -> Benchmarks:
    items = {key: found for version in versions for key, found in items_of(version, config.profile).items()}
    of_before = known(before)
    items = {
        key: _without(found, of_before[found.benchmark]) if found.benchmark in of_before else found
        for key, found in items.items()
    }
    looked_for = {key: found.texts for key, found in items.items() if len(found)}
    others = [NearIndex.build(looked_for)] if config.profile != Profile.PLAIN else []
    return Benchmarks(Detector.build(looked_for, config.ngram, config.profile, others), items)


def _without(items: Items, before: Places) -> Items:
    new = unlike(items.fingerprints, before)
    ids, fingerprints = (pa.array(some).filter(new).to_pylist() for some in (items.ids, items.fingerprints))
    return replace(items, ids=ids, fingerprints=fingerprints, texts=items.texts.filter(new))
