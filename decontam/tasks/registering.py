"""Register a benchmark of the catalogue: an import like any other, of which everything is known already."""

from typing import Any

from curation.engine.errors import BadConfig, Refused
from curation.locations import from_outside
from curation.models import Project, Run, Source
from curation.tasks.importing import start_import
from decontam.catalogue import Entry


def start_registration(project: Project, entry: Entry, role: str, *, user: Any = None) -> Run:
    """
    Import it from the Hub under the name that the catalogue gives it. Refused where a source has that name, and where
    no source says which part of the dataset holds the items: a train split is no benchmark.
    """
    if role not in Source.BenchmarkRole.values:
        raise BadConfig(f"A benchmark is {' or '.join(Source.BenchmarkRole.values)}, not {role!r}.")
    if project.sources.filter(name=entry.key).exists():
        raise Refused(f"There is a source {entry.key} already; open it to read it again.")
    if not entry.one_part:
        raise Refused(
            f"Which part of {entry.hub} holds the items of {entry.title} alone is not known; register it from "
            "the form, which looks at its files before anything is imported."
        )
    return start_import(
        project,
        entry.key,
        location=from_outside(entry.location, project),
        split_role=Source.SplitRole.EVAL,
        licence=entry.licence,
        mapping=entry.mapping,
        benchmark_role=role,
        user=user,
    )
