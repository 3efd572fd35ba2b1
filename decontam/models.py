from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from curation.models import Event, Project, Run
from curation.models.project import OwnedQuerySet
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM


class RulingManager(models.Manager["Ruling"].from_queryset(OwnedQuerySet["Ruling"])):  # type: ignore[misc]
    @transaction.atomic
    def rule(
        self, scan: Run, matches: Iterable[Mapping[str, Any]], verdict: str, *, by: Any, reason: str = ""
    ) -> int:
        """One verdict on some matches of a scan; it replaces what was ruled on the same pairs before."""
        pairs = {(m["row_fingerprint"], m["item_fingerprint"]): m for m in matches}
        rulings = [
            Ruling(
                project=scan.project,
                row_fingerprint=row,
                item_fingerprint=item,
                benchmark=match["benchmark"],
                verdict=verdict,
                reason=reason,
                by=by,
            )
            for (row, item), match in pairs.items()
        ]
        self.bulk_create(
            rulings,
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["project", "row_fingerprint", "item_fingerprint"],
            update_fields=["verdict", "reason", "by", "at"],
        )
        seqs = sorted(match["seq"] for match in pairs.values())[:100]
        Event.objects.record(
            "ruled",
            scan,
            project=scan.project,
            by=by,
            verdict=verdict,
            pairs=len(pairs),
            seqs=seqs,
            reason=reason,
        )
        return len(pairs)

    def false_alarms(self, project: Project) -> set[tuple[str, str]]:
        """Pairs of row and item fingerprint that were cleared."""
        cleared = self.filter(project=project, verdict=Ruling.Verdict.FALSE_ALARM)
        return set(cleared.values_list("row_fingerprint", "item_fingerprint"))


class Ruling(models.Model):
    """What a person decided about a training row and a benchmark item; it holds for every scan that pairs them."""

    class Verdict(models.TextChoices):
        CONTAMINATED = CONTAMINATED
        FALSE_ALARM = FALSE_ALARM

    project = models.ForeignKey(Project, models.PROTECT, related_name="rulings")
    row_fingerprint = models.CharField(max_length=32)
    item_fingerprint = models.CharField(max_length=32)
    benchmark = models.CharField(max_length=120)
    verdict = models.CharField(max_length=12, choices=Verdict)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    objects = RulingManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "row_fingerprint", "item_fingerprint"], name="one_ruling"
            )
        ]

    def __str__(self) -> str:
        return f"{self.row_fingerprint} and {self.item_fingerprint}: {self.verdict}"

    def row(self) -> dict[str, str]:
        """As it is frozen."""
        return {
            "row_fingerprint": self.row_fingerprint,
            "item_fingerprint": self.item_fingerprint,
            "verdict": self.verdict,
            "reason": self.reason,
            "by": self.by.get_username(),
            "at": self.at.isoformat(),
        }
