"""
Run the whole flow of a mixture again, where its sources are newer: each run through its own door, one when the one
before it is over. A refresh holds no worker while it waits, and stops with a sentence where a person is needed; taken
up again, it goes on from there. See docs/decisions/012-refresh.md.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from curation import jobs
from curation.engine.errors import BadConfig, BadInput, Refused, Waiting
from curation.models import Event, Line, Part, Project, Run, Version, Worker
from curation.questions.refreshing import newest_flow

WAITS = "waits_for"


@dataclass(frozen=True, slots=True)
class RefreshConfig:
    """
    The version whose flow is run again, the runs of that flow in their order, and for imports that were repeated
    already the run that did it (as pairs of keys).
    """

    version: str
    runs: tuple[int, ...]
    imported: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.runs:
            raise BadConfig("There is nothing to run again")


@transaction.atomic
def start_refresh(project: Project, mixture: str, *, user: Any = None) -> Run:
    """Refused where there is no flow, or it is being run again already; a second click waits for the first."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    version, steps = newest_flow(project, mixture)
    if Run.objects.active().filter(project=project, kind="refresh", subject=mixture).exists():
        raise Refused(f"The flow of {mixture} is being run again already.")
    imported = tuple((step.run.pk, step.newer.run_id) for step in steps if step.newer)
    config = RefreshConfig(str(version), tuple(step.run.pk for step in steps), imported)
    return jobs.start(
        REFRESH, project=project, config=config, inputs={"refreshed": version}, subject=mixture, user=user
    )


def replay(part: Part) -> dict[str, Any]:
    """Take the flow as far as it goes: start what can start, wait for what runs."""
    config = part.run.config
    made = dict(part.checkpoint["made"] if part.checkpoint else {})
    made |= {str(old): new for old, new in config["imported"]}
    flow = Flow(part, made, len(config["runs"]))
    for pk in config["runs"]:
        flow.take(Run.objects.select_related("project").get(pk=pk))
    return {"made": flow.made}


class Flow:
    """`made` maps each run that was dealt with to the one that repeats it, or to itself where nothing is newer."""

    def __init__(self, part: Part, made: dict[str, int], total: int) -> None:
        self.made, self._part, self._total = made, part, total

    def take(self, old: Run) -> None:
        """See one run through: repeated, finished and decided on, or passed over."""
        if str(old.pk) not in self.made:
            if not self._newer(old):
                self._note(old, old)
                return
            self._wait_for_profiles(old)
            self._repeat(old)
        new = Run.objects.select_related("project").get(pk=self.made[str(old.pk)])
        if new.pk != old.pk:
            self._require_done(new)
            self._settle(old, new)

    def renewed(self, version: Version) -> Version:
        """What a repeated run made instead of this version; the version itself where nothing is newer."""
        new = self.made.get(str(version.run_id), version.run_id)
        if new == version.run_id:
            return version
        outputs = Version.objects.filter(run=new, role=version.role).select_related("dataset__project", "run")
        found = outputs.first()
        if found is None:
            raise BadInput(f"Run {new} made nothing in the place of {version}")
        return found

    def _newer(self, old: Run) -> bool:
        again = jobs.JOBS[old.kind].again
        if again is None or not again.roles:
            return again is not None
        read = [one for role in again.roles for one in old.inputs_of(role)]
        return any(self.renewed(one).pk != one.pk for one in read)

    def _repeat(self, old: Run) -> None:
        """Its row and our note of it come together or not at all."""
        again = jobs.JOBS[old.kind].again
        assert again is not None
        with transaction.atomic():
            new = again.start(old, self.renewed, self._part.run.user)
            self._note(old, new)
            Line.objects.say(
                self._part.run, f"{new.kind} of {new.subject}: run {new.pk} in the place of {old.pk}"
            )

    def _note(self, old: Run, new: Run) -> None:
        self.made[str(old.pk)] = new.pk
        self._save()

    def _save(self, waits_for: int | None = None) -> None:
        self._part.save_checkpoint({"made": self.made, WAITS: waits_for}, len(self.made), self._total)

    def _wait_for_profiles(self, old: Run) -> None:
        """Strata and tokens go by profiles, which follow each version by runs of their own."""
        again = jobs.JOBS[old.kind].again
        roles = again.roles if again else ()
        read = [self.renewed(one) for role in roles for one in old.inputs_of(role)]
        if profile := Run.objects.active().filter(kind="profile", inputs__in=read).first():
            self._wait(profile)

    def _wait(self, run: Run) -> None:
        self._save(run.pk)
        self._part.wait()
        raise Waiting(f"{run} is not over yet")

    def _require_done(self, new: Run) -> None:
        if not new.over:
            self._wait(new)
        if new.status != Run.Status.DONE:
            raise BadInput(
                f"{new} ({new.subject}) {new.status}: {new.error or 'somebody stopped it'} Put that right, resume run "
                f"{new.pk}, then resume this one."
            )

    def _settle(self, old: Run, new: Run) -> None:
        """Stop where a person decides; where a source gave the same rows again, go on as if it had not been read."""
        again = jobs.JOBS[old.kind].again
        if again and (sentence := again.undecided(new, old)):
            raise Refused(f"{sentence}. Then resume this run.")
        if again and not again.roles and _same(old, new):
            self._note(old, old)


def _same(old: Run, new: Run) -> bool:
    """Whether an import gave the rows that it gave before."""
    before, now = (run.outputs.filter(role="records").first() for run in (old, new))
    return bool(before and now and before.said == now.said)


def tell(run: Run) -> None:
    """What came out in the place of the version that was asked about."""
    (result,) = run.results(0)
    version, repeated = (
        run.input("refreshed"),
        {old: new for old, new in result["made"].items() if int(old) != new},
    )
    new = result["made"].get(str(version.run_id), version.run_id)
    made = Version.objects.filter(run=new, role=version.role).select_related("dataset").first()
    run.summary = {
        "version": str(made),
        "refreshed": str(version),
        "repeated": len(repeated),
        "runs": repeated,
    }
    told = {"before": str(version), "after": str(made), "runs": len(repeated)}
    Event.objects.record("refreshed", made or version, project=run.project, by=run.user, **told)


def waits_for(run: Run) -> Run | None:
    """What a refresh waits for now."""
    part = run.parts.filter(stage=0).first()
    pk = part.checkpoint.get(WAITS) if part and part.checkpoint else None
    return Run.objects.select_related("project").filter(pk=pk).first() if pk else None


def carry_out_refresh(run: Run) -> Run:
    """
    See a refresh through to its end, or until it is paused, with all that it starts: wait while workers are there, and
    do the work here while none is.
    """
    with jobs.pulse.running():
        while (run := Run.objects.select_related("project").get(pk=run.pk)).status in Run.ACTIVE:
            if not (_worked(run) or _saw_to(waits_for(run))):
                time.sleep(min(0.2, settings.SILENCE / 10))
    return run


def _saw_to(other: Run | None) -> bool:
    """Whether something was done for the run that is waited for."""
    if other and other.over:
        return bool(Part.objects.wake(other))
    return other is not None and _worked(other)


def _worked(run: Run) -> bool:
    return not Worker.objects.serving(run.queue) and bool(jobs.work(run.pk))


REFRESH = jobs.register(jobs.Job("refresh", (jobs.Stage("replay", replay),), finish=tell))
