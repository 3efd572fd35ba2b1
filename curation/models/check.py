from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django.db import models, transaction

from curation.models.dataset import Dataset, Version
from curation.models.event import Event
from curation.models.project import OwnedQuerySet
from curation.models.run import Run


def _chains(versions: Iterable[Version]) -> dict[int, list[int]]:
    """For each version itself and what it is a subset of, and so on, as keys; a query a step."""
    within = {version.pk: version.subset_of_id for version in versions}
    asked = list(within)
    while missing := {whole for whole in within.values() if whole is not None} - within.keys():
        within |= dict(Version.objects.filter(pk__in=missing).values_list("pk", "subset_of"))
    chains: dict[int, list[int]] = {}
    for pk in asked:
        at: int | None = pk
        while at is not None:
            chains.setdefault(pk, []).append(at)
            at = within[at]
    return chains


def _newest(levels: Iterable[list[Check]]) -> list[Check]:
    """Of checks from the version itself up to the whole, newest first, those that say something not yet said."""
    found: list[Check] = []
    answered: set[int] = set()
    for check in chain.from_iterable(levels):
        asked = {other.dataset_id for other in check.against.all()}
        if asked - answered or not (asked or found):
            found.append(check)
            answered |= asked
    return found


class CheckQuerySet(OwnedQuerySet["Check"]):
    owner_path = "version__dataset__project"

    def standing(self, version: Version, kind: str) -> list[Check]:
        """The standing checks of one version and one kind; see `standing_of`."""
        return self.standing_of([version], [kind])[version.pk, kind]

    def standing_of(
        self, versions: Iterable[Version], kinds: Iterable[str]
    ) -> dict[tuple[int, str], list[Check]]:
        """
        The newest verdict on every dataset that a version was ever checked against, by version and kind. A row subset
        inherits what was found out about the whole, where it was not checked itself.
        """
        kinds, chains = list(kinds), _chains(versions)
        known = self.filter(version__in={pk for line in chains.values() for pk in line}, kind__in=kinds)
        found: dict[tuple[int, str], list[Check]] = {}
        for check in (
            known.select_related("version__dataset", "run").prefetch_related("against").order_by("-pk")
        ):
            found.setdefault((check.version_id, check.kind), []).append(check)
        return {
            (pk, kind): _newest(found.get((at, kind), []) for at in line)
            for pk, line in chains.items()
            for kind in kinds
        }

    @transaction.atomic
    def record(
        self, version: Version, kind: str, *, passed: bool, run: Run, against: Iterable[Version], **said: Any
    ) -> Check:
        """A new verdict; born stale when what it was checked against is not the newest any more."""
        others = list(against)
        asked = {other.dataset_id for other in others}
        locked = Dataset.objects.select_for_update().filter(pk__in=asked).order_by("pk")
        newest = {dataset.pk: dataset.newest() for dataset in list(locked)}
        contents = {key: version.said for key, version in newest.items() if version}
        outdated = any(contents.get(other.dataset_id) != other.said for other in others)
        verdict = Check.Status.PASSED if passed else Check.Status.FAILED
        status = Check.Status.STALE if outdated else verdict
        check = self.create(version=version, kind=kind, status=status, run=run, **said)
        check.against.set(others)
        project = version.dataset.project
        Event.objects.record("checked", check, project=project, by=run.user, status=status, run=run.pk)
        return check

    def outdate(self, dataset: Dataset, *, by: Any) -> None:
        """A dataset has a new version: what was checked against an earlier one has to be checked again."""
        relying = self.filter(against__dataset=dataset).exclude(status=Check.Status.STALE).distinct()
        for check in relying.select_related("version__dataset__project"):
            self.filter(pk=check.pk).update(status=Check.Status.STALE)
            project = check.version.dataset.project
            Event.objects.record("outdated", check, project=project, by=by, because=dataset.name)


class Check(models.Model):
    """A verdict about a version. `Project.required_checks` names the kinds that an export needs."""

    class Status(models.TextChoices):
        PASSED = "passed"
        FAILED = "failed"
        STALE = "stale"

    version = models.ForeignKey(Version, models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status)
    run = models.ForeignKey(Run, models.PROTECT, related_name="checks")
    against: models.ManyToManyField[Version, Any] = models.ManyToManyField(
        Version, related_name="relied_on_by"
    )
    summary = models.CharField(max_length=300)
    detail: Any = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)

    objects = CheckQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["version", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.version}: {self.status}"
