"""What the verdict of a scan is, and what its certificate says."""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from curation.engine.units import Unit
from curation.models import DECONTAMINATION, Check, Kind, Run, Version
from decontam.engine import NgramConfig
from decontam.engine.apply import CONTAMINATED, FALSE_ALARM
from decontam.engine.detecting import Profile
from decontam.engine.report import certificate, only_meaning
from decontam.engine.rules import columns_for, convictions, under
from decontam.models import Ruling
from decontam.questions.certificates import made_by
from decontam.questions.rules import PAIR, standing_for


def judge_scan(run: Run) -> None:
    """
    A scanned version is clean when nothing was found in it but what people, or a rule of theirs, called a false alarm.
    What benchmarks have in common is told without a verdict: they are never mixed.
    """
    matches, training = run.output("matches"), run.input("training")
    run.summary = matches.facts
    if training.kind == Kind.BENCHMARK:
        return
    facts = matches.facts
    rows, close = _rows_that_count(run)
    tainted = facts["rows_tainted"]
    made = f"; {tainted:,} rows were made from removed ones" if tainted else ""
    hit = sum(1 for line in facts["lines"] if line["items_hit"])
    cleared = (
        f", {facts['training_rows_hit'] - rows:,} of them cleared"
        if rows < facts["training_rows_hit"]
        else ""
    )
    Check.objects.record(
        training,
        kind_of_check(run.config),
        passed=not (rows or tainted),
        run=run,
        against=run.inputs_of("benchmarks"),
        summary=(
            f"{facts['training_rows_hit']:,} rows match {hit} benchmarks{cleared}{made}{_waiting(close)}"
            f"{_wordless(facts['lines'])}"
        )[:300],
        detail=certificate(
            subject=identity(training),
            scanned=identity(training),
            lines=facts["lines"],
            config=run.config,
            methods=facts["methods"],
            counts={
                "matches": facts["matches"],
                "rows_that_count": rows,
                "rows_close_in_meaning": close,
                "rows_removed": 0,
            },
            recheck=recheck(training, facts, run.config),
            **made_by(run, facts),
        ),
    )


def _waiting(close: int) -> str:
    if not close:
        return ""
    wait = "row is close in meaning and waits" if close == 1 else "rows are close in meaning and wait"
    return f"; {close:,} {wait} for a person"


def _wordless(lines: Sequence[Mapping[str, Any]]) -> str:
    """Benchmarks of which nothing could be looked for: that no row matches them says little."""
    names = [line["version"] for line in lines if line["unchecked"] == line["items"]]
    if not names:
        return ""
    more = f" and {len(names) - 2:,} others" if len(names) > 2 else ""
    return f"; no item of {', '.join(names[:2])}{more} has a word that could be looked for"


def _rows_that_count(run: Run) -> tuple[int, int]:
    """
    Rows with a match that nobody ruled a false alarm, and that counts or was ruled contaminated; and rows without one
    that are close in meaning to an item, of which nobody has said anything. A rule that holds speaks as in applying.
    """
    matches, rules = run.output("matches"), standing_for(run)
    columns = ["record_id", "suppressed", "found_by", *PAIR]
    read = partial(matches.batches, list(dict.fromkeys([*columns, *columns_for(rules)])))
    said = convictions(read, rules)
    for verdict in (FALSE_ALARM, CONTAMINATED):
        said |= dict.fromkeys(Ruling.objects.pairs(run.project, verdict), verdict)
    if not said and not rules:
        return int(matches.facts["training_rows_hit"]), int(matches.facts["rows_close_in_meaning"])
    rows: set[str] = set()
    close: set[str] = set()
    for batch in under(read(), rules):
        for record_id, why, by, *pair in zip(
            *(column.to_pylist() for column in batch.select(columns).columns), strict=True
        ):
            verdict = said.get((pair[0], pair[1]), "")
            if verdict == CONTAMINATED:
                rows.add(record_id)
            elif not why and not verdict:
                (close if only_meaning(by) else rows).add(record_id)
    return len(rows), len(close - rows)


def kind_of_check(config: dict[str, Any]) -> str:
    """A scan that sees less than the plain rule over user turns is no decontamination check."""
    plain = NgramConfig()
    weaker = config["n"] > plain.n or config["threshold"] > plain.threshold or config["unit"] != Unit.USER
    return f"weaker {DECONTAMINATION}" if weaker else DECONTAMINATION


def identity(version: Version) -> dict[str, Any]:
    return {"version": str(version), "content_hash": version.content_hash, "rows": version.rows}


def recheck(version: Version, facts: dict[str, Any], config: dict[str, Any]) -> str:
    """The command that finds the facts of a scan out again."""
    against = " ".join(line["version"] for line in facts["lines"])
    settings = ["--n", config["n"], "--threshold", config["threshold"], "--unit", config["unit"]]
    settings += ["--profile", config.get("profile", Profile.PLAIN)]
    if config.get("encoder"):
        settings += ["--encoder", config["encoder"], "--false-alarms", config["false_alarms"]]
    for one in facts.get("background", ()):
        settings += ["--background", one["version"]]
    for benchmark, share in config.get("thresholds", {}).items():
        settings += ["--threshold-for", f"{benchmark}={share}"]
    said = shlex.join(str(one) for one in ["--project", version.dataset.project, *settings])
    return f"python manage.py scan {version} {said} --against {against}"
