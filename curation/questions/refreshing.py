"""The flow that a mixture came of, as runs that can be repeated on newer rows, the sources first."""

from dataclasses import dataclass

from curation import jobs
from curation.engine.errors import Refused
from curation.models import Export, Project, Run, Version
from curation.questions.mixers import mixture_version

IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Step:
    """A run of the flow; `newer` is what its source was imported as since."""

    run: Run
    newer: Version | None = None
    made: Version | None = None

    @property
    def imports(self) -> bool:
        return self.run.kind == IMPORT


def flow(version: Version) -> list[Step]:
    """
    Every run that rows of the mixture went through, in the order in which they ran, the export of it at the end.
    Benchmarks, profiles and whatever else is no row of training are not made anew.
    """
    found: dict[int, Run] = {}
    edge = {version.run_id}
    while edge:
        made = Run.objects.filter(pk__in=edge - found.keys()).select_related("project", "user")
        runs = [run for run in made if jobs.JOBS[run.kind].again]
        found |= {run.pk: run for run in runs}
        edge = {one for run in runs for one in _reads(run)} - found.keys()
    if export := _export(version):
        found[export.pk] = export
    return [_step(found[pk]) for pk in sorted(found)]


def _reads(run: Run) -> set[int]:
    """The runs that made what this one reads and would read anew."""
    again = jobs.JOBS[run.kind].again
    roles = again.roles if again else ()
    return set(run.run_inputs.filter(role__in=roles).values_list("version__run", flat=True))


def _export(version: Version) -> Run | None:
    exports = Export.objects.published().filter(version=version).select_related("run__project")
    export = exports.order_by("-number").first()
    return export.run if export else None


def _step(run: Run) -> Step:
    outputs = run.outputs.select_related("dataset__project")
    made = outputs.filter(role="records").first() or outputs.order_by("pk").first()
    if run.kind != IMPORT or made is None:
        return Step(run, made=made)
    newest = made.dataset.versions.live().filter(run__kind=IMPORT).select_related("dataset__project").first()
    return Step(run, newest if newest and newest.number > made.number else None, made)


def newest_flow(project: Project, mixture: str) -> tuple[Version, list[Step]]:
    """The newest version of a mixture and the flow that it came of. Refused where there is none to repeat."""
    version = mixture_version(project, mixture)
    if version is None:
        raise Refused(f"{mixture} is not built yet, so there is no flow to run again; build it first.")
    steps = flow(version)
    if not any(step.imports for step in steps):
        raise Refused(f"{version} came of no import, so there is no source to look at again.")
    return version, steps
