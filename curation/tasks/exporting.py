"""Export a mixture: look which columns occur, write the files of every profile, publish them with their card."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Max

from curation import jobs
from curation.engine.cards import Build, Config, File, Input, card, croissant, manifest, manifest_hash
from curation.engine.cards import Source as CardSource
from curation.engine.configs import load
from curation.engine.errors import BadInput
from curation.engine.exporters import (
    PROVENANCE,
    Exporter,
    Skips,
    profile_named,
    provenance,
    shard_path,
    survey,
    write_parquet,
)
from curation.engine.exporting import (
    ExportConfig,
    added,
    all_skips,
    by_source,
    decontamination,
    fewer,
    fewer_licences,
    models,
    own_licences,
)
from curation.engine.mixing import Recipe
from curation.engine.store import Shard
from curation.gates import require_checks, verdicts
from curation.models import DECONTAMINATION, Event, Export, Mixture, Part, Project, Run, Source, Version
from curation.questions.samples import sample_rows
from curation.version import CODE


def start_export(project: Project, mixture: str, config: ExportConfig, *, user: Any = None) -> Run:
    """Refuse what lacks its checks, else start the export."""
    version = Version.objects.mixture(project, mixture)
    if not require_checks(version, project, config.override):
        config = replace(config, override="")
    inputs = {"mixture": version, "origins": version.run.output("origins")}
    return jobs.start(
        EXPORT, project=project, config=config, inputs=inputs, subject=version.dataset.name, user=user
    )


def shard_pairs(run: Run) -> Iterator[dict[str, Any]]:
    """A shard of the mixture and the shard that says which component gave its rows."""
    pairs = zip(run.input("mixture").shards(), run.input("origins").shards(), strict=True)
    return ({"shard": asdict(shard), "origins": asdict(origins)} for shard, origins in pairs)


def look(part: Part) -> dict[str, Any]:
    """Which optional columns occur, what is skipped or warned of, and the rows of each source and component."""
    config, shard = part.config(ExportConfig), Shard(**part.spec["shard"])
    found: dict[str, set[str]] = {name: set() for name in config.profiles}
    skips, warnings = (dict.fromkeys(config.profiles, Skips()) for _ in range(2))
    sources: Counter[str] = Counter()
    written: Counter[str] = Counter()
    own: list[tuple[str, str, int]] = []
    done = 0
    for batch in part.store.batches([shard]):
        for name in config.profiles:
            seen = survey(profile_named(name), batch, first=part.index == 0 and done == 0)
            found[name] |= seen.features
            skips[name] += seen.skips
            warnings[name] += seen.warnings
        sources.update(
            {v["values"]: v["counts"] for v in pc.value_counts(batch.column("source")).to_pylist()}
        )
        written.update(models(batch))
        own += own_licences(batch)
        part.progress(done := done + batch.num_rows, shard.rows)
    given: Counter[str] = Counter()
    for batch in part.store.batches([Shard(**part.spec["origins"])]):
        given.update(
            {str(v["values"]): v["counts"] for v in pc.value_counts(batch.column("component")).to_pylist()}
        )
    return {
        "features": {name: sorted(names) for name, names in found.items()},
        "skips": {name: asdict(told) for name, told in skips.items()},
        "warnings": {name: asdict(told) for name, told in warnings.items()},
        "sources": dict(sources),
        "own_licences": by_source(own),
        "models": dict(written),
        "components": dict(given),
    }


def exporters(run: Run) -> dict[str, Exporter]:
    """One per profile, laid out for the columns that occur in any shard."""
    looks = run.results(0)
    return {
        name: Exporter(profile_named(name), frozenset().union(*(look["features"][name] for look in looks)))
        for name in run.config["profiles"]
    }


def write_files(part: Part) -> dict[str, Any]:
    """One shard of the mixture as files of every profile and format, and its provenance."""
    shard, config = Shard(**part.spec["shard"]), part.config(ExportConfig)
    count = len(part.run.results(0))
    wanted = [(e, suffix) for e in exporters(part.run).values() for suffix in config.formats_of(e.profile)]
    files: list[dict[str, Any]] = []
    for step, (exporter, suffix) in enumerate(wanted):
        profile, made = exporter.profile.name, part.path("tmp/files", step, suffix)
        check = partial(exporter.check, suffix, tool_arguments=config.tool_arguments)
        rows = _read_first(_rows(part, shard, exporter, step, len(wanted) + 1), check)
        target = part.store.create(made)
        written = exporter.write(target, suffix, rows, tool_arguments=config.tool_arguments)
        path = shard_path("train", part.index, count, profile=profile, suffix=suffix)
        files.append({"at": made, "file": asdict(File(path=path, profile=profile, **asdict(written)))})
    files.append(_provenance(part, shard, count, len(files)))
    return {"files": files}


def _rows(part: Part, shard: Shard, exporter: Exporter, step: int, steps: int) -> Iterator[pa.RecordBatch]:
    done = step * shard.rows
    for batch in part.store.batches([shard]):
        yield exporter.to_batch(batch)[0]
        part.progress(done := done + batch.num_rows, steps * shard.rows)


def _read_first(
    rows: Iterator[pa.RecordBatch], check: Callable[[pa.RecordBatch], str]
) -> Iterator[pa.RecordBatch]:
    """The batches as they come; the first rows are read as those who load the file will."""
    for number, batch in enumerate(rows):
        if number == 0 and (problem := check(batch)):
            raise BadInput(
                f"{problem}. Its readers would not take it. The fault is in the program and not in the row; nothing "
                "was published."
            )
        yield batch


def _provenance(part: Part, shard: Shard, count: int, number: int) -> dict[str, Any]:
    components = [component["dataset"] for component in _recipe(part.run)["components"]]
    columns = ["id", "source", "parents", "licence", "fingerprint"]
    rows = pa.Table.from_batches(part.store.batches([shard], columns)).combine_chunks()
    origins = pa.Table.from_batches(part.store.batches([Shard(**part.spec["origins"])]))
    (batch,) = rows.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]
    known = Source.objects.filter(project=part.run.project).exclude(licence="")
    licences = dict(known.values_list("name", "licence"))
    told = provenance(batch, components, origins.column("component").to_numpy(), licences)
    made = part.path("tmp/files", number, "parquet")
    written = write_parquet(part.store.create(made), [told], PROVENANCE)
    path = f"provenance/{PurePosixPath(shard_path('train', part.index, count)).name}"
    return {"at": made, "file": asdict(File(path=path, **asdict(written)))}


def _recipe(run: Run) -> dict[str, Any]:
    recipe: dict[str, Any] = run.input("mixture").run.config
    return recipe


def publish_export(part: Part) -> dict[str, Any]:
    """Put every file in its place, then the card, then the manifest that names them all."""
    run, results = part.run, part.run.results(part.stage - 1)
    folder = f"{run.folder}/export-{part.attempt}"
    written = [file for result in results for file in result["files"]]
    number = _number(run)
    build = _build(run, number, tuple(File(**file["file"]) for file in written))
    for done, file in enumerate(written):
        part.store.copy(file["at"], f"{folder}/{file['file']['path']}")
        part.progress(done, len(written))
    texts = {"README.md": card(build, location="."), "croissant.json": croissant(build).decode()}
    texts |= _papers(run, build)
    if said := verdicts(run.input("mixture"), run.project, DECONTAMINATION):
        certificates = orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        texts["certificates.json"] = certificates.decode()
    also = []
    for path, text in texts.items():
        put = part.store.put(f"{folder}/{path}", text)
        also.append(File(path=path, rows=0, bytes=put.bytes, raw_bytes=put.bytes, sha256=put.sha256))
    made = manifest(build, also)
    part.store.put(f"{folder}/manifest.json", made.decode())
    return {
        "folder": folder,
        "number": number,
        "manifest_hash": manifest_hash(made),
        "skips": {config.profile: dict(config.skips.counts) for config in build.configs},
        "warnings": {config.profile: dict(config.warnings.counts) for config in build.configs},
        "files": [asdict(file) for file in build.files if file.profile],
    }


def _papers(run: Run, build: Build) -> dict[str, str]:
    """What some readers want beside the data, such as the `dataset_info.json` of LLaMA-Factory."""
    found: dict[str, str] = {}
    for name, exporter in exporters(run).items():
        if write := exporter.profile.papers:
            paths = [file.path for file in build.files if file.profile == name]
            found |= write(build.recipe.name, exporter.features, paths)
    return found


def _number(run: Run) -> int:
    """The next free number; the unique constraint settles who was first, and the loser tries again."""
    taken = Export.objects.filter(mixture__project=run.project, mixture__name=run.subject)
    return int(taken.aggregate(number=Max("number"))["number"] or 0) + 1


def _build(run: Run, number: int, files: tuple[File, ...]) -> Build:
    version, looks = run.input("mixture"), run.results(0)
    recipe = load(Recipe, _recipe(run))
    given = added(look["components"] for look in looks)
    components = version.run.inputs_of("components")
    inputs = [Input(str(v), v.content_hash, given.get(str(i), 0)) for i, v in enumerate(components)]
    configs = list(_configs(run, looks))
    for config in configs:
        if not sum(file.rows for file in files if file.profile == config.profile):
            told = "; ".join(f"{count:,} × {reason}" for reason, count in config.skips.counts.items())
            raise BadInput(
                f"No row of {version} fits the profile {config.profile}: {told or 'it has no rows'}."
            )
    removed = {
        f"rows of {v.subset_of} that {v} is without": v.subset_of.rows - v.rows
        for v in components
        if v.subset_of
    }
    if twice := version.facts.get("duplicates"):
        removed["rows that several components gave, kept once"] = twice
    return Build(
        recipe=recipe,
        number=number,
        rows=version.rows,
        inputs=tuple(inputs),
        sources=tuple(_sources(run.project, looks)),
        models=fewer(added(look["models"] for look in looks), "further models"),
        configs=tuple(configs),
        files=files,
        code=CODE,
        decontamination=decontamination(verdicts(version, run.project, DECONTAMINATION)),
        removed=removed,
        override=run.config["override"],
    )


def _configs(run: Run, looks: list[dict[str, Any]]) -> Iterator[Config]:
    """Each profile with what was skipped and warned of in any shard."""
    config = load(ExportConfig, run.config)
    found = exporters(run)
    shown = sample_rows(run.input("mixture"), found)
    for name, exporter in found.items():
        yield Config(
            name,
            exporter.schema,
            all_skips(look["skips"][name] for look in looks),
            all_skips(look["warnings"][name] for look in looks),
            inferred=exporter.inferred(config.formats_of(exporter.profile), config.tool_arguments),
            samples=shown.get(name, ()),
        )


def _sources(project: Project, looks: list[dict[str, Any]]) -> Iterator[CardSource]:
    rows = added(look["sources"] for look in looks)
    own = by_source(
        (source, licence, count)
        for look in looks
        for source, licences in look["own_licences"].items()
        for licence, count in licences.items()
    )
    own = {name: fewer_licences(licences) for name, licences in own.items()}
    known = {source.name: source for source in Source.objects.filter(project=project, name__in=rows)}
    for name, count in rows.items():
        source = known.get(name)
        if source is None:
            yield CardSource(name, "", "", None, count, own.get(name, {}))
        else:
            hub = source.location if source.kind == Source.Location.HUB else ""
            place, said = source.public_location, source.licence or None
            yield CardSource(name, place, source.revision, said, count, own.get(name, {}), hub)


def publish_row(run: Run) -> None:
    """The one step that publishes: the row that names the folder. The checks must still stand."""
    version = run.input("mixture")
    Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    overridden = require_checks(version, run.project, run.config["override"])
    (made,) = run.results(len(EXPORT.stages) - 1)
    export = Export.objects.create(
        mixture=Mixture.objects.get(project=run.project, name=run.subject),
        number=made["number"],
        version=version,
        run=run,
        folder=made["folder"],
        manifest_hash=made["manifest_hash"],
        profiles=list(run.config["profiles"]),
        override=run.config["override"],
        by=run.user,
    )
    run.summary = {**made, "export": str(export), "version": str(version)}
    why = {"override": export.override, "obstacles": overridden} if overridden else {}
    Event.objects.record("exported", export, project=run.project, by=run.user, **why)


def export_again(run: Run, renewed: jobs.Renewed, user: Any) -> Run:
    """
    Without the reason that let the earlier one pass: whoever gave it knew other rows. What a person has exported of the
    newer version in the meantime, with a reason of theirs, is taken.
    """
    version = renewed(run.input("mixture"))
    if done := Export.objects.published().filter(version=version).order_by("number").last():
        return done.run
    config = replace(load(ExportConfig, run.config), override="")
    return start_export(run.project, str(version), config, user=user)


EXPORT = jobs.register(
    jobs.Job(
        "export",
        (
            jobs.Stage("look", look, shard_pairs),
            jobs.Stage("write", write_files, shard_pairs),
            jobs.Stage("publish", publish_export),
        ),
        finish=publish_row,
        again=jobs.Again(("mixture",), export_again),
    )
)
