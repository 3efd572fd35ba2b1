"""Which versions of a project a form offers."""

from curation.models import Kind, Project, Version


def names_of(project: Project, *kinds: Kind) -> list[tuple[str, str]]:
    """Newest versions first, by name and number, with their rows."""
    found = Version.objects.live().filter(dataset__project=project, dataset__kind__in=kinds)
    ordered = found.select_related("dataset").order_by("dataset__name", "-number")
    return [(str(version), f"{version}, {version.rows:,} rows") for version in ordered]
