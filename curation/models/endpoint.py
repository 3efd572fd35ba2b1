from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import models, transaction

from curation.engine.errors import BadInput, Refused
from curation.engine.llm import EndpointConfig, EndpointKind
from curation.engine.llm.config import LONGEST_MODEL, LONGEST_URL
from curation.models.event import Event
from curation.models.project import OwnedQuerySet, Project


class EndpointManager(models.Manager["Endpoint"].from_queryset(OwnedQuerySet["Endpoint"])):  # type: ignore[misc]
    """Endpoints come and go here alone, and each time it is an event."""

    @transaction.atomic
    def add(self, project: Project, config: EndpointConfig, *, by: Any) -> Endpoint:
        """Refused when the name is taken: the answers of a model are told by the name of its endpoint."""
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if self.filter(project=project, name=config.name).exists():
            raise Refused(f"There is an endpoint {config.name} already; remove it, or choose another name.")
        endpoint: Endpoint = self.create(project=project, by=by, **asdict(config))
        Event.objects.record("added", endpoint, project=project, by=by, **asdict(config))
        return endpoint

    @transaction.atomic
    def remove(self, endpoint: Endpoint, *, by: Any) -> None:
        """Nobody can ask it any more; what it answered stays."""
        Event.objects.record(
            "took away", endpoint, project=endpoint.project, by=by, base_url=endpoint.base_url
        )
        self.filter(pk=endpoint.pk).delete()

    def for_benchmark_text(self, project: Project, kind: str = EndpointKind.CHAT) -> list[Endpoint]:
        """Those of a kind that may be asked about benchmark items, by name."""
        found = self.filter(project=project, kind=kind, may_see_benchmark_text=True)
        return list(found.order_by("name"))

    def named(self, project: Project, name: str) -> Endpoint:
        """The endpoint of that name; BadInput when there is none."""
        if found := self.filter(project=project, name=name).first():
            return found  # type: ignore[no-any-return]
        names = self.filter(project=project).order_by("name").values_list("name", flat=True)
        raise BadInput(
            f"There is no endpoint {name!r} in project {project}. Endpoints here: {', '.join(names) or 'none yet'}."
        )


class Endpoint(models.Model):
    """Where a model is asked. The key is in the environment of the processes that ask, and nowhere else."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in EndpointKind])
    base_url = models.CharField(max_length=LONGEST_URL)
    model = models.CharField(max_length=LONGEST_MODEL)
    key_variable = models.CharField(max_length=100, blank=True)
    may_see_benchmark_text = models.BooleanField(default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    created = models.DateTimeField(auto_now_add=True)

    objects = EndpointManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="endpoint_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def has_key(self) -> bool:
        """It needs none, or this process knows it."""
        return not self.key_variable or self.key_variable in settings.ENDPOINT_KEYS

    def key(self) -> str:
        """The secret itself, for the request and nothing else. Refused where it is not set."""
        if not self.has_key:
            raise Refused(
                f"The endpoint {self} takes its key from {self.key_variable}, which is not set here; set it for "
                "the web server and every worker, and start them again."
            )
        return str(settings.ENDPOINT_KEYS[self.key_variable]) if self.key_variable else ""

    def require_benchmark_text_allowed(self) -> None:
        """The one rule of who is shown benchmark items. Refused unless an admin has said so."""
        if not self.may_see_benchmark_text:
            raise Refused(
                f"The endpoint {self} may not see benchmark text, and a benchmark that leaves the house is none "
                "any more. An admin can add an endpoint that may, under Settings."
            )


class ReplyQuerySet(OwnedQuerySet["Reply"]):
    def known(self, project: Project, keys: Collection[str]) -> dict[str, Any]:
        """What was answered to these requests in a project, by their hashes."""
        return dict(self.filter(project=project, key__in=set(keys)).values_list("key", "answer"))


class Reply(models.Model):
    """What a model answered, by the hash of what it was asked: paid for once, and kept as soon as it is there."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="replies")
    key = models.CharField(max_length=64)
    model = models.CharField(max_length=LONGEST_MODEL)
    answer = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="one_reply_per_request")]

    def __str__(self) -> str:
        return f"{self.model} on {self.key[:8]}"
