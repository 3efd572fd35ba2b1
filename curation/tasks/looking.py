"""Look at a source before it is imported: its files, a sample of its rows, and a proposal of how they map."""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction

from curation import jobs
from curation.engine.configs import load
from curation.engine.errors import BadInput
from curation.engine.importing import common_reasons, estimated_rows
from curation.engine.looking import Sample, columns, spread, storable, take
from curation.engine.mapping import Mapping
from curation.engine.mapping.recognition import agreed
from curation.engine.readers import Options, SourceFile, looks_like_eval_split
from curation.engine.readers.places import Place
from curation.locations import Location, from_outside
from curation.models import Part, Project, Run, Source
from curation.questions.looks import LOOK
from curation.tasks.finding import Found, at_hand, discover, proposed, register, sampling

HUB_FILES = 8  # downloaded for a look; an import fetches the rest
TOLD = 100  # names and rejects in the summary


@dataclass(frozen=True, slots=True)
class LookConfig:
    """What is looked at, and how its files are read where that is not left to what they show."""

    location: str
    kind: str
    outside: bool = True
    revision: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        load(Options, self.options)

    @property
    def place(self) -> Place:
        return Place(self.kind, self.location, self.revision, self.outside)


def start_look(
    project: Project,
    name: str,
    location: Location,
    split_role: Source.SplitRole,
    *,
    revision: str = "",
    licence: str = "",
    benchmark_role: str = "",
    options: Table[str, Any] | None = None,
    user: Any = None,
) -> Run:
    """Register the source, as an import does, and start a look at it. `options` are fields of `Options`."""
    config = LookConfig(location.text, location.kind, location.outside, revision, dict(options or {}))
    fields = {"benchmark_role": benchmark_role} if benchmark_role else {}
    with transaction.atomic():
        source = register(project, name, location, split_role, licence=licence, by=user, **fields)
        return jobs.start(JOB, project=project, config=config, subject=source.name, user=user)


def look_again(
    source: Source, *, user: Any, revision: str = "", options: Table[str, Any] | None = None
) -> Run:
    """Look at a registered source where it is. Refused where pages and the API may not read that."""
    return start_look(
        source.project,
        source.name,
        from_outside(source.location, source.project),
        Source.SplitRole(source.split_role),
        revision=revision,
        options=options,
        user=user,
    )


def look_at(part: Part) -> dict[str, Any]:
    """Find the files, sample some of them, and say what a person needs to know to map the rows."""
    config = part.config(LookConfig)
    place, options = config.place, load(Options, config.options)
    found = discover(part, place, _some)
    files = at_hand(part, place, spread(found.files), found.revision)
    mapping, question = _proposal(place, files, options)
    read = sampling(place, mapping.options if mapping else agreed(files, sampling(place, options)))
    sample = take(files, read)
    path = part.path("sample", suffix="jsonl")
    part.store.put(path, sample.text.decode())
    told = {
        **_files(found),
        **_rows(sample),
        "mapping": mapping.as_dict() if mapping else None,
        "question": question,
        "estimated_rows": _estimated(found, files, read),
        "revision": found.revision,
        "licence": found.licence,
        "seen": found.seen,
        "sample": path,
    }
    return storable(told)  # type: ignore[no-any-return]


def _some(names: Sequence[str]) -> list[str]:
    return (
        [names[i * len(names) // HUB_FILES] for i in range(HUB_FILES)]
        if len(names) > HUB_FILES
        else list(names)
    )


def _proposal(place: Place, files: list[SourceFile], options: Options) -> tuple[Mapping | None, str]:
    """A mapping, or the sentence why there is none."""
    try:
        return proposed(place, files, options), ""
    except BadInput as question:
        return None, str(question)


def _files(found: Found) -> dict[str, Any]:
    words = [{"file": name, "word": word} for name in found.names if (word := looks_like_eval_split(name))]
    return {
        "files": len(found.names),
        "names": found.names[:TOLD],
        "bytes": found.size,
        "ignored": list(found.ignored[:TOLD]),
        "eval_split": words[:TOLD],
    }


def _rows(sample: Sample) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for reject in sample.rejects:
        reasons[reject.reason] = reasons.get(reject.reason, 0) + 1
    return {
        "rows": len(sample.rows),
        "rejected": len(sample.rejects),
        "left_out": sample.left_out,
        "reasons": common_reasons(reasons),
        "rejects": [asdict(reject) for reject in sample.rejects[:TOLD]],
        "columns": columns(sample.rows),
    }


def _estimated(found: Found, files: list[SourceFile], options: Options) -> int:
    """From the files at hand to all of them, by size."""
    size = sum(file.size for file in files) or 1
    return int(estimated_rows(files, options) * max(found.size / size, 1))


def tell(run: Run) -> None:
    """What was found out is small, and becomes the summary."""
    (run.summary,) = run.results(0)


JOB = jobs.register(jobs.Job(LOOK, (jobs.Stage("look", look_at),), finish=tell, queue="light"))
