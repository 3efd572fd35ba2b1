"""Import a source: find its files, read them shard by shard, settle repeated ids, publish."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import transaction

from curation import jobs
from curation.engine.errors import Refused
from curation.engine.importing import (
    BATCH_BYTES,
    BATCH_ROWS,
    MAX_REJECTED,
    REJECTS,
    SHARD_BYTES,
    Cursor,
    ImportConfig,
    Mark,
    check_rejected,
    common_reasons,
    digest_of,
    estimated_rows,
    groups,
    reject_batch,
    repeated,
    size_of,
    source_file,
)
from curation.engine.mapping import Mapping
from curation.engine.readers import Reject, SourceFile, looks_like_eval_split
from curation.engine.records import SCHEMA, Record, to_batch
from curation.engine.store import SHARD_ROWS, Shard
from curation.locations import Location, from_outside, from_shell
from curation.models import Event, Kind, Line, Part, Project, Run, Source, shell_user
from curation.tasks.finding import at_hand, discover, proposed, register, sampling, within_limits

COMMIT = re.compile(r"[0-9a-f]{40}")
CHANGED = "The files are not the ones that were looked at: they changed in between"


def start_import(
    project: Project,
    name: str,
    *,
    location: str | Location,
    split_role: Source.SplitRole,
    revision: str = "",
    licence: str = "",
    mapping: dict[str, Any] | None = None,
    recognise: bool = False,
    confirmed: bool = False,
    max_rejected: float = MAX_REJECTED,
    look: Run | None = None,
    user: Any = None,
    **fields: Any,
) -> Run:
    """
    Register the source (or take it up again) and start its import. A location as plain text is what the shell may
    give; pages and the API give a `Location`. Without a mapping the one that is saved with the source is used again,
    as long as its location stays; `recognise` looks at the rows anew. After a `look` the run says when its files are
    no longer those that were looked at, and a Hub dataset is read at the commit that was.
    """
    where = from_shell(location) if isinstance(location, str) else location
    known = Source.objects.filter(project=project, name=name, location=where.text).first()
    saved = known.mapping if known and not recognise else None
    config = ImportConfig(
        location=where.text,
        kind=where.kind,
        outside=where.outside,
        revision=revision or (look.summary.get("revision", "") if look else ""),
        seen=look.summary.get("seen", "") if look else "",
        benchmark=split_role == Source.SplitRole.EVAL,
        mapping=mapping or saved or None,
        confirmed=confirmed,
        max_rejected=max_rejected,
    )
    with transaction.atomic():
        source = register(project, name, where, split_role, licence=licence, by=user, **fields)
        return jobs.start(IMPORT, project=project, config=config, subject=source.name, user=user)


def import_again(source: Source, **asked: Any) -> Run:
    """Import a registered source from where it is. Refused where pages and the API may not read that."""
    return start_import(
        source.project,
        source.name,
        location=from_outside(source.location, source.project),
        split_role=Source.SplitRole(source.split_role),
        **asked,
    )


def find_files(part: Part) -> dict[str, Any]:
    """List the files and settle how they are read; an eval split is no training source unless confirmed."""
    config = part.config(ImportConfig)
    found = discover(part, config.place)
    if not config.benchmark and not config.confirmed:
        _refuse_eval_splits(found.files)
    files = at_hand(part, config.place, found.files, found.revision)
    mapping = Mapping.from_dict(config.mapping) if config.mapping else proposed(config.place, files)
    if changed := bool(config.seen) and config.seen != found.seen:
        Line.objects.say(part.run, CHANGED, level=Line.Level.WARNING)
    return {
        "files": [asdict(file) for file in found.files],
        "ignored": list(found.ignored),
        "mapping": mapping.as_dict(),
        "revision": found.revision,
        "licence": found.licence,
        "changed": CHANGED if changed else "",
        "rows": estimated_rows(files, sampling(config.place, mapping.options)),
    }


def _refuse_eval_splits(files: list[SourceFile]) -> None:
    for file in files:
        if word := looks_like_eval_split(file.name):
            raise Refused(
                f"{file.name} looks like an evaluation split (“{word}”), and training on it would leak it. "
                "Register it with `benchmark`, or confirm that it is training data (--confirm-eval-split)."
            )


def _found(run: Run) -> dict[str, Any]:
    (found,) = run.results(0)
    return found  # type: ignore[no-any-return]


def plan_groups(run: Run) -> Iterator[dict[str, Any]]:
    found = _found(run)
    chunks = groups([source_file(file) for file in found["files"]])
    size = sum(file["size"] for file in found["files"]) or 1
    for chunk in chunks:
        share = sum(file.size for file in chunk) / size
        yield {"files": [asdict(file) for file in chunk], "rows": int(found["rows"] * share)}


def read_files(part: Part) -> dict[str, Any]:
    """Read a group of files. After every shard there is a checkpoint, from which a next attempt goes on."""
    found, place = _found(part.run), part.config(ImportConfig).place
    mapping = Mapping.from_dict(found["mapping"])
    mapping = replace(mapping, options=within_limits(place, mapping.options))
    listed = [source_file(file) for file in part.spec["files"]]
    files = at_hand(part, place, listed, found["revision"])
    mark = Mark(**(part.checkpoint or {}))
    cursor = Cursor(part.run.subject, files, mapping, mark.file, mark.items, whole=place.outside)
    items = iter(cursor)
    while not cursor.over:
        mark = _write_shard(part, mark, cursor, items)
        done = mark.rows + mark.rejected
        part.save_checkpoint(asdict(mark), done, done if cursor.over else max(done, part.spec["rows"]))
    hashes = [{"name": file.name, "size": file.size, "sha256": _sha256(file.path)} for file in files]
    return {**asdict(mark), "files": hashes}


def _write_shard(part: Part, mark: Mark, cursor: Cursor, items: Iterator[Record | Reject]) -> Mark:
    rejects: list[Reject] = []
    number = len(mark.shards)

    def batches() -> Iterator[pa.RecordBatch]:
        waiting: list[Record] = []
        rows = size = total = 0
        for made in items:
            if isinstance(made, Reject):
                rejects.append(made)
                if len(rejects) == SHARD_ROWS:
                    break
                continue
            waiting.append(made)
            size += size_of(made)
            if len(waiting) == BATCH_ROWS or size >= BATCH_BYTES:
                yield to_batch(waiting)
                rows, total, size, waiting = rows + len(waiting), total + size, 0, []
                done = mark.rows + mark.rejected + rows + len(rejects)
                part.progress(done, max(done, part.spec["rows"]))
                if rows >= SHARD_ROWS or total >= SHARD_BYTES:
                    return
        yield to_batch(waiting)

    shard = part.write("records", SCHEMA, batches(), number)
    rejected = part.write("rejects", REJECTS, [reject_batch(rejects)], number) if rejects else None
    return Mark(
        file=cursor.file,
        items=cursor.items,
        shards=(*mark.shards, asdict(shard)),
        rejects=(*mark.rejects, *([asdict(rejected)] if rejected else [])),
        reasons=dict(Counter(mark.reasons) + Counter(reject.reason for reject in rejects)),
    )


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish_records(part: Part) -> dict[str, Any]:
    """One record per id: the first stays, later ones join the rejected rows. Then all of it becomes visible."""
    run, config = part.run, part.config(ImportConfig)
    results, found = run.results(part.stage - 1), _found(run)
    shards = [Shard(**shard) for result in results for shard in result["shards"]]
    rejects = [Shard(**shard) for result in results for shard in result["rejects"]]
    reasons = sum((Counter(result["reasons"]) for result in results), Counter())
    shards, again = _without_repeated(part, shards)
    if again:
        rejects.append(part.write("rejects", REJECTS, [reject_batch(again)]))
        reasons.update(reject.reason for reject in again)
    rows = sum(shard.rows for shard in shards)
    check_rejected(rows, reasons, config.max_rejected)
    files = [file for result in results for file in result["files"]]
    facts = {
        "rows": rows,
        "rejected": sum(reasons.values()),
        "reasons": common_reasons(reasons),
        "files": len(files),
        "ignored": found["ignored"],
        "mapping": found["mapping"],
        "revision": found["revision"] or _revision(files),
        "licence": found["licence"],
        **({"changed": found["changed"]} if found.get("changed") else {}),
    }
    kind = Kind.BENCHMARK if config.benchmark else Kind.RECORDS
    if config.benchmark:
        facts["fingerprints"] = _fingerprints(part, shards)
    part.publish("records", run.subject, kind, SCHEMA, [s for s in shards if s.rows], facts=facts)
    if rejects:
        part.publish("rejects", f"{run.subject}-rejects", Kind.REJECTS, REJECTS, rejects)
    return facts


def _fingerprints(part: Part, shards: list[Shard]) -> str:
    """The items of a benchmark are the same when these are, whatever file they came in."""
    digest = hashlib.sha256()
    for batch in part.store.batches(shards, ["fingerprint"]):
        digest.update("".join(batch.column("fingerprint").to_pylist()).encode())
    return digest.hexdigest()


def _revision(files: list[dict[str, Any]]) -> str:
    """What pins local files: the hash over their names and contents."""
    return digest_of([file["name"], file["sha256"]] for file in files)


def _without_repeated(part: Part, shards: list[Shard]) -> tuple[list[Shard], list[Reject]]:
    again = repeated(batch.column("id") for batch in part.store.batches(shards, ["id"]))
    kept, rejects, start = [], [], 0
    for number, shard in enumerate(shards):
        here = again[(again >= start) & (again < start + shard.rows)] - start
        start += shard.rows
        if len(here):
            table = pa.Table.from_batches(part.store.batches([shard]), SCHEMA)
            rejects += [_repeated_reject(row) for row in table.take(pa.array(here)).to_pylist()]
            stay = np.setdiff1d(np.arange(shard.rows), here)
            shard = part.write("records", SCHEMA, table.take(pa.array(stay)).to_batches(), number)
        kept.append(shard)
    return kept, rejects


def _repeated_reject(row: dict[str, Any]) -> Reject:
    file, _, line = dict(row["meta"])["origin"].rpartition("#")
    first = row["messages"][0]["content"] or ""
    return Reject(file, int(line), "its id occurs in an earlier row", first[:200])


def pin_source(run: Run) -> None:
    """The source remembers what was read and how; its dataset knows its source."""
    version = run.output("records")
    source = Source.objects.select_for_update().get(project=run.project, name=run.subject)
    facts = version.facts
    source.pin(revision=facts["revision"], mapping=facts["mapping"], licence=facts["licence"], by=run.user)
    version.dataset.source = source
    version.dataset.save(update_fields=["source"])
    rejects = run.outputs.filter(role="rejects").first()
    rejected = str(rejects) if rejects else None
    run.summary = {"version": str(version), **facts, "licence": source.licence, "rejects": rejected}
    Event.objects.record("imported", version, project=run.project, by=run.user, rows=version.rows)


def import_anew(run: Run, _renewed: jobs.Renewed, user: Any) -> Run:
    """
    The source as it is now, read as it was read then: a Hub dataset at its newest commit. What the shell may read,
    only the shell reads again.
    """
    source, config = Source.objects.get(project=run.project, name=run.subject), run.config
    shell = user is not None and user.pk == shell_user().pk
    return start_import(
        run.project,
        source.name,
        location=source.location if shell else from_outside(source.location, run.project),
        split_role=Source.SplitRole(source.split_role),
        revision="" if COMMIT.fullmatch(config["revision"]) else config["revision"],
        mapping=config["mapping"],
        confirmed=config["confirmed"],
        max_rejected=config["max_rejected"],
        user=user,
    )


IMPORT = jobs.register(
    jobs.Job(
        "import",
        (
            jobs.Stage("find", find_files),
            jobs.Stage("read", read_files, plan_groups),
            jobs.Stage("publish", publish_records),
        ),
        finish=pin_source,
        again=jobs.Again((), import_anew),
    )
)
