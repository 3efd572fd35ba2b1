"""Find out again what a certificate says, here, without a verdict of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import pyarrow as pa

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadInput
from curation.models import Project, Run, Version
from decontam.engine.apply import ApplyConfig
from decontam.engine.preview import COLUMNS, VERDICTS, Preview, preview
from decontam.engine.rechecking import (
    OF_APPLYING,
    OF_SCANS,
    Compared,
    compare_counts,
    compare_lines,
    faults,
)
from decontam.engine.rules import columns_for, convictions, under
from decontam.engine.scan import ScanConfig
from decontam.questions.rules import thawed
from decontam.questions.taint import children_in
from decontam.tasks.scanning import BACKGROUND_OF, ELSEWHERE, SCAN


@dataclass(frozen=True, slots=True)
class Subjects:
    """The versions of a certificate as they are in this installation; `rulings` when it is one of applying."""

    subject: Version
    scanned: Version
    benchmarks: list[Version]
    elsewhere: list[Version]
    background: list[Version]
    rulings: Version | None


def subjects(project: Project, certificate: Mapping[str, Any]) -> Subjects:
    """By name and content, whatever the number. BadInput with a sentence for each that is missing or differs."""
    if wrong := faults(certificate):
        raise BadInput(wrong)
    missing: list[str] = []
    counts = certificate["counts"]
    found = Subjects(
        subject=_find(project, certificate["subject"], missing),
        scanned=_find(project, certificate["scanned"], missing),
        benchmarks=[_find(project, line, missing) for line in certificate["benchmarks"]],
        elsewhere=[_find(project, one, missing) for one in certificate.get("elsewhere", ())],
        background=[_find(project, one, missing) for one in certificate.get("background", ())],
        rulings=_find(project, {"version": "rulings", "content_hash": counts["rulings"]}, missing)
        if "rulings" in counts
        else None,
    )
    if missing:
        raise BadInput("\n".join(dict.fromkeys(missing)))
    return found


def _find(project: Project, said: Mapping[str, Any], missing: list[str]) -> Version:
    name, content = str(said["version"]).partition("@")[0], str(said["content_hash"])
    same = Version.objects.filter(dataset__project=project, dataset__name=name).select_related(
        "dataset__project"
    )
    if found := same.live().filter(content_hash=content).order_by("-number").first():
        return found
    if purged := same.filter(content_hash=content).first():
        missing.append(f"{purged} was purged: {(purged.tombstone or {}).get('reason')}")
    elif newest := same.live().order_by("-number").first():
        missing.append(
            f"No version of {name} has the content {content[:12]}…; the newest, {newest}, has "
            f"{newest.content_hash[:12]}…"
        )
    else:
        missing.append(f"There is no dataset {name} in project {project}; import it first.")
    return Version(rows=0)


def start_recheck(project: Project, certificate: Mapping[str, Any], *, user: Any = None) -> Run:
    """The scan of a certificate once more, with its settings."""
    found = subjects(project, certificate)
    config = _settings(ScanConfig, certificate["config"])
    inputs = {"training": found.scanned, "benchmarks": found.benchmarks, ELSEWHERE: found.elsewhere}
    inputs[BACKGROUND_OF] = found.background
    subject = found.scanned.dataset.name
    return jobs.start(RECHECK, project=project, config=config, inputs=inputs, subject=subject, user=user)


def _settings(kind: Any, config: Mapping[str, Any]) -> Any:
    """A certificate of applying has the settings of scan and applying side by side."""
    return load(kind, {one.name: config[one.name] for one in fields(kind) if one.name in config})


def compared(run: Run, certificate: Mapping[str, Any]) -> list[Compared]:
    """Every count of a certificate that needs no memory of how rulings stood, beside what the new scan found."""
    found, counts = subjects(run.project, certificate), certificate["counts"]
    rows = Compared("rows", certificate["subject"].get("rows"), found.subject.rows)
    lines = [rows, *compare_lines(certificate["benchmarks"], run.summary["lines"])]
    if found.rulings is None or "false_alarms" not in counts:
        said = {"matches": counts.get("matches"), "suppressed": certificate.get("suppressed", {})}
        return lines + compare_counts(said, run.summary, OF_SCANS)
    applied = _applied(run, found, _settings(ApplyConfig, certificate["config"]))
    emptied = counts.get("rows_emptied", 0)
    again = {
        name: getattr(applied, name)
        for name in ("matches", "suppressed", "false_alarms", "unruled_kept", "meaning_kept")
    }
    again |= {
        "rows_removed": applied.removed + emptied,
        "rows_tainted": applied.tainted,
        "rows_quarantined": applied.quarantined,
        "rows_removed_by_benchmark": applied.by_benchmark,
    }
    lines += compare_counts(counts, again, OF_APPLYING)
    lines.append(Compared("rows cut or emptied", counts.get("rows_cut", 0) + emptied, applied.cut))
    clean = [one["rows"] for one in certificate.get("outputs", []) if one.get("role") == "clean"]
    return [
        *lines,
        *(Compared("rows kept", rows, found.scanned.rows - again["rows_removed"]) for rows in clean),
    ]


def _applied(run: Run, found: Subjects, config: ApplyConfig) -> Preview:
    """What applying would do with the rulings and the rules as they were frozen."""
    assert found.rulings
    matches, (rulings, rules) = run.output("matches"), thawed(found.rulings)
    read = partial(matches.batches, list(dict.fromkeys([*COLUMNS, *columns_for(rules)])))
    said = convictions(read, rules) | rulings
    columns = [[row for row, _ in said], [item for _, item in said], list(said.values())]
    return preview(
        (batch.select(COLUMNS) for batch in under(read(), rules)),
        [pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=VERDICTS)],
        found.scanned.rows,
        config,
        matches.facts["lines"],
        children_in(found.scanned),
    )


def tell(run: Run) -> None:
    run.summary = run.output("matches").facts


RECHECK = jobs.register(jobs.Job("recheck", SCAN.stages, finish=tell))
