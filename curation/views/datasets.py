from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from curation.access import ProjectRequest, curating, viewing
from curation.asked import number as key
from curation.models import Check, Export, Kind, RunInput, Version
from curation.questions.differences import differences
from curation.questions.stories import ROWS
from curation.tasks.profiling import start_profile

BESIDE = (
    Kind.PROFILE, Kind.CAUSES, Kind.COMMON, Kind.ORIGINS, Kind.MATCHES, Kind.VERDICTS, Kind.CLUSTERS, Kind.REMOVED,
    Kind.REJECTS, Kind.RULINGS,
)  # fmt: skip


@require_GET
@viewing
def datasets(request: ProjectRequest) -> HttpResponse:
    """The newest version of everything: what is trained on first, what was made beside it below."""
    newest = Version.objects.newest().filter(dataset__project=request.project)
    found = newest.select_related("dataset__project", "dataset__source", "run").order_by("dataset__name")
    versions = list(found.prefetch_related("checks"))
    main = [version for version in versions if version.kind in (Kind.RECORDS, Kind.MIXTURE)]
    beside = [version for version in versions if version.kind in BESIDE]
    return render(request, "curation/datasets.html", {"versions": main, "beside": beside})


@require_GET
@viewing
def dataset(request: ProjectRequest, name: str) -> HttpResponse:
    """The newest version, for links that name none."""
    found = get_object_or_404(request.project.datasets, name=name)
    version = found.newest() or found.versions.order_by("-number").first()
    if version is None:
        raise Http404
    return redirect(version)


def version_of(request: ProjectRequest, name: str, number: int) -> Version:
    """A version of the project, with what its pages say in their heads."""
    own = Version.objects.filter(dataset__project=request.project, dataset__name=name, number=number)
    return get_object_or_404(own.select_related("dataset__project", "dataset__source", "run__project"))


def head(version: Version, tab: str) -> dict[str, Any]:
    """What the head and the tabs of a version need."""
    versions = version.dataset.versions.select_related("dataset__project").order_by("-number")[:50]
    return {
        "version": version,
        "tab": tab,
        "explored": version.kind in ROWS,
        "versions": list(versions),
        "shards": [] if version.purged else version.shards(),
        "uses": _uses(version).count(),
        "checks_count": version.checks.count(),
    }


def _uses(version: Version) -> QuerySet[RunInput]:
    """Where it was read; that its columns were looked at is no use of it."""
    return RunInput.objects.filter(version=version).exclude(run__kind="profile")


@require_GET
@viewing
def version_checks(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Verdicts about the version, the standing ones apart from those that newer ones replaced."""
    version = version_of(request, name, number)
    standing = [
        check for kind in request.project.required_checks for check in Check.objects.standing(version, kind)
    ]
    every = version.checks.select_related("run__project", "version__dataset__project").order_by("-pk")
    context = head(version, "checks") | {"standing": standing, "checks": list(every[:100])}
    return render(request, "curation/version_checks.html", context)


@require_GET
@viewing
def version_files(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """The shards with their hashes, and the columns that they have."""
    version = version_of(request, name, number)
    columns = {} if version.purged else version.manifest().columns
    return render(request, "curation/version_files.html", head(version, "files") | {"columns": columns})


@require_GET
@viewing
def version_uses(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Which runs read it, what they made of it, and the exports that came of that."""
    version = version_of(request, name, number)
    found = (
        _uses(version)
        .select_related("run__project", "run__user")
        .prefetch_related("run__outputs__dataset__project")
    )
    exports = Export.objects.filter(run__run_inputs__version=version).select_related("mixture__project")
    context = head(version, "uses") | {"edges": list(found.order_by("-run")[:100]), "exports": list(exports)}
    return render(request, "curation/version_uses.html", context)


@require_GET
@viewing
def version_compare(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Row by row with another version of the dataset, the one before unless asked otherwise."""
    version = version_of(request, name, number)
    context = head(version, "compare")
    asked = key(request.GET.get("with", ""))
    others = version.dataset.versions.live().exclude(pk=version.pk).select_related("dataset__project")
    wanted = others.filter(number__lt=number) if asked is None else others.filter(number=asked)
    other = wanted.order_by("-number").first()
    if other and version.kind in ROWS and not version.purged:
        context |= {"other": other, "differences": differences(other, version)}
    return render(request, "curation/version_compare.html", context)


@require_POST
@curating
def profile_version(request: ProjectRequest, name: str, number: int) -> HttpResponse:
    """Look at every row once, so that its columns can be explored."""
    return redirect(start_profile(version_of(request, name, number), user=request.user))
