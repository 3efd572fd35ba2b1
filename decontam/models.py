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
from decontam.engine.actions import Action
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM, ApplyConfig
from decontam.engine.apply import Policy as Counting

Pair = tuple[str, str]  # fingerprints of a row and of an item


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

    def still_standing(self, before: Mapping[Pair, Any]) -> dict[Pair, Any]:
        """What was ruled of pairs before an act, or before that, where its maker has taken it back meanwhile."""
        found = dict(before)
        asked = found
        while acts := {ruled[-1] for ruled in asked.values() if ruled}:
            gone = self.filter(pk__in=acts).exclude(undone_by=None)
            earlier = {act.pk: {tuple(pair): ruled for _, *pair, ruled in act.changes} for act in gone}
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
    before]` for each pair, so that undoing is exact; null for an act on more pairs than can be undone.
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
            changes=self._changes(scan.project_id, pairs),
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
        changed = {tuple(pair): (seq, before) for seq, *pair, before in act.changes}
        taken = {pair: change for pair, change in changed.items() if pair in held}
        earlier = Act.objects.still_standing({pair: before for pair, (_, before) in taken.items()})
        self.filter(pk__in=[held[pair].pk for pair, before in earlier.items() if not before]).delete()
        self._write(held[pair].as_before(before) for pair, before in earlier.items() if before)
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

    def _changes(self, project: int, pairs: Mapping[Pair, Mapping[str, Any]]) -> list[list[Any]] | None:
        """The pairs of an act with what was ruled of each before; None when they are too many to be undone."""
        if len(pairs) > Act.UNDOABLE:
            return None
        before = {pair: ruling.before() for pair, ruling in self.on(project, pairs).items()}
        return [[match["seq"], *pair, before.get(pair)] for pair, match in pairs.items()]

    def _tell(self, verb: str, act: Act, seqs: list[int], **detail: Any) -> None:
        told = {"verdict": act.verdict} | detail | {"pairs": act.pairs, "seqs": sorted(seqs)[:100]}
        Event.objects.record(verb, act.scan, project=act.project, by=act.by, **told)

    def on(self, project: int, pairs: Collection[Pair]) -> dict[Pair, Ruling]:
        """What is ruled of some pairs, in one query; pairs that nobody ruled are absent."""
        rows = {row for row, _ in pairs}
        near = self.filter(project=project, row_fingerprint__in=rows).select_related("by")
        if len(pairs) == 1:  # a row can be ruled against very many items
            near = near.filter(item_fingerprint__in=[item for _, item in pairs])
        found = {(ruling.row_fingerprint, ruling.item_fingerprint): ruling for ruling in near}
        return {pair: found[pair] for pair in pairs if pair in found}

    def of_item(self, project: Project, match: Mapping[str, Any], *, limit: int) -> list[Ruling]:
        """What was ruled last on other rows that quote the same item."""
        found = self.filter(project=project, item_fingerprint=match["item_fingerprint"])
        others = found.exclude(row_fingerprint=match["row_fingerprint"])
        return list(others.select_related("by").order_by("-at")[:limit])

    def false_alarms(self, project: Project) -> set[Pair]:
        """Pairs of row and item fingerprint that were cleared."""
        cleared = self.filter(project=project, verdict=Ruling.Verdict.FALSE_ALARM)
        return set(cleared.values_list("row_fingerprint", "item_fingerprint"))


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


class PolicyManager(models.Manager["Policy"].from_queryset(OwnedQuerySet["Policy"])):  # type: ignore[misc]
    def config(self, project: Project, **said: Any) -> ApplyConfig:
        """How a project applies its scans, with what is said here and now (None is not said) in its place."""
        saved = self.filter(project=project).first()
        usual = {name: getattr(saved, name) for name in Policy.SAVED} if saved else {}
        return ApplyConfig(**usual | {name: value for name, value in said.items() if value is not None})

    @transaction.atomic
    def save_for(self, project: Project, config: ApplyConfig, *, by: Any) -> Policy:
        """From now on this is what is proposed when a scan of the project is applied."""
        said = {name: getattr(config, name) for name in Policy.SAVED}
        policy, _ = self.update_or_create(project=project, defaults=said | {"by": by, "at": timezone.now()})
        Event.objects.record("set policy", policy, project=project, by=by, **said)
        return policy  # type: ignore[no-any-return]


class Policy(models.Model):
    """What a project does with rows that count unless a curator says otherwise; the rules are in `ApplyConfig`."""

    SAVED = ("policy", "dev", "unseen", "source_above", "max_removed")

    project = models.OneToOneField(Project, models.PROTECT, related_name="policy")
    policy = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Counting])
    dev = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Action])
    unseen = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Action])
    source_above = models.FloatField()
    max_removed = models.FloatField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    objects = PolicyManager()

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return f"the policy of {self.project}"
