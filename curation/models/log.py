from __future__ import annotations

from django.db import models

from curation.models.run import Run, storable


class LineQuerySet(models.QuerySet["Line"]):
    def say(self, run: Run, text: str, *, level: str = "info") -> None:
        """One line for whoever watches the run; long texts are cut."""
        self.create(run=run, level=level, text=storable(text[: Line.LONGEST]))

    def tail(self, run: Run, lines: int = 200) -> list[Line]:
        """The last lines of a run, oldest first."""
        return list(reversed(self.filter(run=run).order_by("-pk")[:lines]))


class Line(models.Model):
    """One line of the log of a run: stages that open and close, parts that fail, are retried or lost."""

    LONGEST = 1000

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    run = models.ForeignKey(Run, models.CASCADE, related_name="lines")
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=10, choices=Level, default=Level.INFO)
    text = models.CharField(max_length=LONGEST)

    objects = LineQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["run", "id"])]

    def __str__(self) -> str:
        return self.text
