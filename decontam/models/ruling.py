from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from curation.engine.errors import BadConfig, BadInput, Refused
from curation.models import Event, Project, Run
from curation.models.project import OwnedQuerySet
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM

Pair = tuple[str, str]  # fingerprints of a row and of an item
RULED, SAID = 3, 4  # where a change of an act keeps the ruling, and what its maker said, as they were before


@dataclass(frozen=True, slots=True)
class Undone:
    """Numbers of the matches that are as they were before, and of those that somebody has ruled on since."""

    seqs: list[int]
    kept: list[int]

    @property
    def said(self) -> str:
        taken = f"The ruling on {len(self.seqs):,} matches was taken back."
        if not self.kept:
            return taken
        return f"{taken} {len(self.kept):,} were ruled on again since and stay as they are."


class ActQuerySet(OwnedQuerySet["Act"]):
    def newest(self, project: Project) -> int:
        """A number that grows with whatever changes the rulings of a project; 0 before anybody ruled."""
        return self.filter(project=project).aggregate(newest=models.Max("pk"))["newest"] or 0

    def to_undo(self, scan: Run, by: Any) -> Act:
        """The newest act of a user on a scan that still holds; BadInput when there is none."""
        holding = self.filter(scan=scan, by=by, undoes=None, undone_by=None)
        if act := holding.order_by("-pk").first():
            return act
        raise BadInput("There is nothing left to undo: no ruling of yours on this scan still holds.")

    def still_standing(self, before: Mapping[Pair, Any], kept: int) -> dict[Pair, Any]:
        """
        What was ruled (or said, as `kept` tells) of pairs before an act, or before that, where its maker has taken it
        back meanwhile.
        """
        found = dict(before)
        asked = found
        while acts := {ruled[-1] for ruled in asked.values() if ruled}:
            gone = self.filter(pk__in=acts).exclude(undone_by=None)
            earlier = {act.pk: {(one[1], one[2]): one[kept] for one in act.changes} for act in gone}
            asked = {
                pair: earlier[ruled[-1]][pair]
                for pair, ruled in asked.items()
                if ruled and ruled[-1] in earlier
            }
            found |= asked
        return found


class Act(models.Model):
    """
    One act of ruling, of one verdict on some pairs, or of taking such an act back. `changes` has `[seq, row, item,
    before, said]` for each pair, the ruling and the opinion that it replaced, so that undoing is exact; null for an act
    on more pairs than can be undone.
    """

    UNDOABLE = 2_000

    project = models.ForeignKey(Project, models.PROTECT, related_name="acts_of_ruling")
    scan = models.ForeignKey(Run, models.PROTECT, related_name="acts_of_ruling")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    verdict = models.CharField(max_length=12, blank=True)
    pairs = models.PositiveIntegerField()
    changes: Any = models.JSONField(null=True)
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")

    objects = ActQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project", "id"]), models.Index(fields=["scan", "by", "id"])]

    def __str__(self) -> str:
        return f"{self.pairs:,} pairs of {self.scan}: {self.verdict or 'taken back'}"


class OpinionManager(models.Manager["Opinion"].from_queryset(OwnedQuerySet["Opinion"])):  # type: ignore[misc]
    def keep(self, act: Act) -> None:
        """What an act has just ruled is what its maker says: copied where it lies, since acts can be very large."""
        said = "project_id, row_fingerprint, item_fingerprint, by_id, verdict, at, act_id"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO decontam_opinion ({said}) SELECT {said} FROM decontam_ruling WHERE act_id = %s "
                "ON CONFLICT (project_id, row_fingerprint, item_fingerprint, by_id) "
                "DO UPDATE SET verdict = excluded.verdict, at = excluded.at, act_id = excluded.act_id",
                [act.pk],
            )

    def _write(self, opinions: Iterable[Opinion]) -> None:
        self.bulk_create(
            opinions,
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["project", "row_fingerprint", "item_fingerprint", "by"],
            update_fields=["verdict", "at", "act"],
        )

    def on(self, project: int, pairs: Collection[Pair], by: Any) -> dict[Pair, Opinion]:
        """What one person said of some pairs, in one query."""
        found = _near(self.filter(project=project, by=by), pairs)
        return {pair: found[pair] for pair in pairs if pair in found}

    def of_all(self, project: int, pairs: Collection[Pair]) -> dict[Pair, list[Opinion]]:
        """What everybody said of some pairs, in one query, the first to say so first."""
        rows = {row for row, _ in pairs}
        found: dict[Pair, list[Opinion]] = {pair: [] for pair in pairs}
        for one in self.filter(project=project, row_fingerprint__in=rows).select_related("by").order_by("at"):
            found.get((one.row_fingerprint, one.item_fingerprint), []).append(one)
        return found

    def take_back(self, act: Act) -> None:
        """What an act's maker said of its pairs before, or nothing; what they said since stays."""
        held = {(one.row_fingerprint, one.item_fingerprint): one for one in self.filter(act=act)}
        before = {(one[1], one[2]): one[SAID] for one in act.changes if (one[1], one[2]) in held}
        earlier = Act.objects.still_standing(before, SAID)
        self.filter(pk__in=[held[pair].pk for pair, said in earlier.items() if not said]).delete()
        self._write(held[pair].as_before(said) for pair, said in earlier.items() if said)


class Opinion(models.Model):
    """
    What one person said last of a pair. The ruling on a pair is what was said last by anybody; opinions keep what each
    of several people said, so that one can see whether they agree.
    """

    project = models.ForeignKey(
        Project, models.PROTECT, related_name="opinions", db_index=False
    )  # the constraint's will do
    row_fingerprint = models.CharField(max_length=32)
    item_fingerprint = models.CharField(max_length=32)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, db_index=False)
    verdict = models.CharField(max_length=12)
    at = models.DateTimeField(default=timezone.now)
    act = models.ForeignKey(Act, models.PROTECT, null=True, related_name="opinions")

    objects = OpinionManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "row_fingerprint", "item_fingerprint", "by"], name="one_opinion_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.by}: {self.row_fingerprint} and {self.item_fingerprint}: {self.verdict}"

    def before(self) -> list[Any]:
        """As an act keeps what it replaced."""
        return [self.verdict, self.at.isoformat(), self.act_id]

    def as_before(self, kept: list[Any]) -> Opinion:
        """The same pair with what an act replaced."""
        self.verdict, at, self.act_id = kept
        self.at, self.pk = datetime.fromisoformat(at), None
        return self


class RulingManager(models.Manager["Ruling"].from_queryset(OwnedQuerySet["Ruling"])):  # type: ignore[misc]
    @transaction.atomic
    def rule(
        self, scan: Run, matches: Iterable[Mapping[str, Any]], verdict: str, *, by: Any, reason: str = ""
    ) -> int:
        """One verdict on some matches of a scan; it replaces what was ruled on the same pairs before."""
        if verdict not in Ruling.Verdict:
            raise BadConfig(f"There is no verdict {verdict!r}; choose {' or '.join(Ruling.Verdict)}.")
        pairs: dict[Pair, Mapping[str, Any]] = {}
        for match in matches:
            pairs.setdefault((match["row_fingerprint"], match["item_fingerprint"]), match)
        if not pairs:
            return 0
        _hold(scan.project_id)
        act = Act.objects.create(
            project=scan.project,
            scan=scan,
            by=by,
            verdict=verdict,
            pairs=len(pairs),
            changes=self._changes(scan.project_id, pairs, by),
        )
        self._write(
            Ruling(
                project=scan.project,
                row_fingerprint=row,
                item_fingerprint=item,
                benchmark=match["benchmark"],
                verdict=verdict,
                reason=reason,
                by=by,
                at=act.at,
                act=act,
            )
            for (row, item), match in pairs.items()
        )
        Opinion.objects.keep(act)
        self._tell("ruled", act, [match["seq"] for match in pairs.values()], reason=reason)
        return len(pairs)

    @transaction.atomic
    def undo(self, scan: Run, *, by: Any) -> Undone:
        """
        Take back the newest act of this user on this scan: its pairs are again what they were before, except those
        that were ruled on since. BadInput when nothing is left, Refused when the act was too large.
        """
        _hold(scan.project_id)
        act = Act.objects.to_undo(scan, by)
        if act.changes is None:
            raise Refused(
                f"Your last act ruled on {act.pairs:,} pairs at once, and at most {Act.UNDOABLE:,} are undone; "
                "rule on them again instead."
            )
        held = {(one.row_fingerprint, one.item_fingerprint): one for one in self.filter(act=act)}
        changed = {(row, item): (seq, before) for seq, row, item, before, _ in act.changes}
        taken = {pair: change for pair, change in changed.items() if pair in held}
        earlier = Act.objects.still_standing({pair: before for pair, (_, before) in taken.items()}, RULED)
        self.filter(pk__in=[held[pair].pk for pair, before in earlier.items() if not before]).delete()
        self._write(held[pair].as_before(before) for pair, before in earlier.items() if before)
        Opinion.objects.take_back(act)
        undoing = Act.objects.create(
            project=scan.project, scan=scan, by=by, pairs=len(taken), changes=act.changes, undoes=act
        )
        seqs = sorted(seq for seq, _ in taken.values())
        self._tell("unruled", undoing, seqs, verdict=act.verdict)
        return Undone(seqs, sorted(seq for pair, (seq, _) in changed.items() if pair not in taken))

    def _write(self, rulings: Iterable[Ruling]) -> None:
        self.bulk_create(
            rulings,
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["project", "row_fingerprint", "item_fingerprint"],
            update_fields=["verdict", "reason", "by", "at", "act"],
        )

    def _changes(
        self, project: int, pairs: Mapping[Pair, Mapping[str, Any]], by: Any
    ) -> list[list[Any]] | None:
        """
        The pairs of an act with what was ruled of each, and said by its maker, before; None when they are too many to
        be undone. Of a pair that has no ruling nobody says anything.
        """
        if len(pairs) > Act.UNDOABLE:
            return None
        before = {pair: ruling.before() for pair, ruling in self.on(project, pairs).items()}
        opinions = Opinion.objects.on(project, before, by) if before else {}
        said = {pair: opinion.before() for pair, opinion in opinions.items()}
        return [[match["seq"], *pair, before.get(pair), said.get(pair)] for pair, match in pairs.items()]

    def _tell(self, verb: str, act: Act, seqs: list[int], **detail: Any) -> None:
        told = {"verdict": act.verdict} | detail | {"pairs": act.pairs, "seqs": sorted(seqs)[:100]}
        Event.objects.record(verb, act.scan, project=act.project, by=act.by, **told)

    def on(self, project: int, pairs: Collection[Pair]) -> dict[Pair, Ruling]:
        """What is ruled of some pairs, in one query; pairs that nobody ruled are absent."""
        found = _near(self.filter(project=project).select_related("by"), pairs)
        return {pair: found[pair] for pair in pairs if pair in found}

    def of_item(self, project: Project, match: Mapping[str, Any], *, limit: int) -> list[Ruling]:
        """What was ruled last on other rows that quote the same item."""
        found = self.filter(project=project, item_fingerprint=match["item_fingerprint"])
        others = found.exclude(row_fingerprint=match["row_fingerprint"])
        return list(others.select_related("by").order_by("-at")[:limit])

    def pairs(self, project: Project, verdict: str) -> set[Pair]:
        """Fingerprints of the rows and items on which this was ruled."""
        ruled = self.filter(project=project, verdict=verdict)
        return set(ruled.values_list("row_fingerprint", "item_fingerprint"))


def _near(found: Any, pairs: Collection[Pair]) -> dict[Pair, Any]:
    """By pair, what a query finds of the rows of some pairs, in one query."""
    found = found.filter(row_fingerprint__in={row for row, _ in pairs})
    if len(pairs) == 1:  # a row can be ruled against very many items
        found = found.filter(item_fingerprint__in=[item for _, item in pairs])
    return {(one.row_fingerprint, one.item_fingerprint): one for one in found}


def _hold(project: int) -> None:
    """
    Rulings of a project are made one after the other, so that the order of acts is the order of commits; where rows
    cannot be locked, the transaction has locked the database.
    """
    if connection.features.has_select_for_update:
        Project.objects.select_for_update(no_key=True).get(pk=project)


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
    act = models.ForeignKey(Act, models.PROTECT, null=True, related_name="rulings")

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

    def before(self) -> list[Any]:
        """As an act keeps what it replaced."""
        return [self.verdict, self.reason, self.by_id, self.at.isoformat(), self.act_id]

    def as_before(self, kept: list[Any]) -> Ruling:
        """The same pair with what an act replaced."""
        self.verdict, self.reason, self.by_id, at, self.act_id = kept
        self.at, self.pk = datetime.fromisoformat(at), None
        return self
