"""A row of an export: which profiles carry it, and its way back to a line of a file of a source."""

from dataclasses import dataclass

from curation.engine.errors import BadInput
from curation.models import Export
from curation.questions.stories import Step, find_row, story


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """`origin` is the place in the file of a `revision` of the source; all empty for what no import brought."""

    id: str
    source: str
    origin: str
    revision: str
    licence: str
    parents: list[str]
    profiles: list[str]
    steps: list[Step]


def exported_row(export: Export, record_id: str) -> ExportedRow:
    """By its id; BadInput where the mixture that was exported has no such row."""
    row = None if export.version.purged else find_row(export.version, record_id)
    if row is None:
        raise BadInput(
            f"{export} has no row {record_id[:80]}. Its ids are in the column id and in provenance/."
        )
    steps = story(export.mixture.project, export.version.dataset.name, record_id)
    began = next((step.detail for step in steps if "origin" in step.detail), {})
    here = {"mixture": export.mixture.name, "export": export.number}.items()
    profiles: list[str] = next((s.detail["profiles"] for s in steps if here <= s.detail.items()), [])
    return ExportedRow(
        id=record_id,
        source=row["source"],
        origin=began.get("origin") or "",
        revision=began.get("revision") or "",
        licence=row["licence"] or "",
        parents=row["parents"],
        profiles=profiles,
        steps=steps,
    )
