"""What is said when a source is registered, imported and read; the rules stay in locations, tasks and configs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from curation.asked import plain
from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.names import check_name
from curation.locations import Location, from_outside, keep_upload, upload_name
from curation.models import Project, Run, Source
from curation.models.source import check_licence
from curation.tasks.looking import start_look

LICENCES = (
    "apache-2.0",
    "bsd-3-clause",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "gpl-3.0",
    "mit",
    "odc-by",
    "openrail",
    "other",
    "unknown",
)
LONGEST_REVISION = 200
SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar", " ": "space"}
CHOICES = {"": "as the file shows", "yes": "yes", "no": "no"}
SAID = {"yes": True, "no": False}


@dataclass
class Registration:
    """A source while it is being registered. `again` names the one that is to be read from elsewhere."""

    name: str = ""
    licence: str = ""
    split_role: str = Source.SplitRole.TRAIN
    benchmark_role: str = Source.BenchmarkRole.DEV
    where: str = ""
    upload: str = ""
    revision: str = ""
    again: str = ""
    error: str = ""

    @classmethod
    def begun(cls, query: QueryDict, source: Source | None) -> Registration:
        if source:
            return cls(
                source.name,
                source.licence,
                source.split_role,
                source.benchmark_role or Source.BenchmarkRole.DEV,
                "" if source.kind == Source.Location.UPLOAD else source.location,
                again=source.name,
            )
        told = {name: plain(query.get(name)) for name in ("name", "licence", "where", "revision")}
        used = _one_of(Source.SplitRole, query.get("role"), Source.SplitRole.TRAIN)
        held = _one_of(Source.BenchmarkRole, query.get("benchmark_role"), Source.BenchmarkRole.DEV)
        return cls(split_role=used, benchmark_role=held, **told)

    @classmethod
    def posted(cls, post: QueryDict, source: Source | None) -> Registration:
        said = {name: plain(post.get(name)) for name in ("name", "licence", "where", "upload", "revision")}
        draft = cls(**said, again=source.name if source else "")
        draft.name = draft.again or draft.name
        draft.split_role = (
            source.split_role
            if source
            else _one_of(Source.SplitRole, post.get("split_role"), Source.SplitRole.TRAIN)
        )
        draft.benchmark_role = plain(post.get("benchmark_role")) or Source.BenchmarkRole.DEV
        return draft

    @property
    def is_benchmark(self) -> bool:
        return self.split_role == Source.SplitRole.EVAL

    @property
    def uploaded(self) -> str:
        return upload_name(self.upload)

    def located(self, project: Project, file: Any) -> Location:
        """Where the rows are. An uploaded file is kept first, so that it stays whatever else is wrong."""
        if file and self.where:
            raise BadInput("There is a file and there is an address; give one of the two.")
        if file:
            kept = keep_upload(project, file, file.name or "upload")
            self.upload = kept.text
            return kept
        if not self.where and not self.upload:
            raise BadInput("Choose a file, or say where the rows are.")
        return from_outside(self.where or self.upload, project)

    def start(self, project: Project, *, user: Any, file: Any = None, options: Any = None) -> Run:
        """Register it and look at its rows. Raises DataError with the first thing that is wrong."""
        self.check()
        if not self.again and project.sources.filter(name=self.name).exists():
            raise Refused(
                f"There is a source {self.name} already. Choose another name, or open it and read it from elsewhere."
            )
        return start_look(
            project,
            self.name,
            self.located(project, file),
            Source.SplitRole(self.split_role),
            revision=self.revision,
            licence=self.licence,
            benchmark_role=self.benchmark_role if self.is_benchmark else "",
            options=options,
            user=user,
        )

    def check(self) -> None:
        """What can be said without the rows, before a large file is taken in."""
        check_name(self.name, "The name of a source")
        if self.name == "new":
            raise BadConfig("“new” is the address of this form; choose another name.")
        check_licence(self.licence)
        if len(self.revision) > LONGEST_REVISION:
            raise BadConfig(
                f"A revision is a branch, a tag or a commit: at most {LONGEST_REVISION} characters"
            )
        if self.is_benchmark and self.benchmark_role not in Source.BenchmarkRole.values:
            raise BadConfig(f"A benchmark is {' or '.join(Source.BenchmarkRole.values)}")


def _one_of(choices: Any, text: str | None, otherwise: str) -> str:
    return text if text and text in choices.values else otherwise


def reading(post: QueryDict) -> dict[str, Any]:
    """How delimited files are to be read; what is left open is left out."""
    options: dict[str, Any] = {
        name: SAID[text] for name in ("header", "quoted") if (text := post.get(name, "")) in SAID
    }
    if delimiter := post.get("delimiter", ""):
        options["delimiter"] = "\t" if delimiter == "\\t" else delimiter
    return options


def require_confirmed(source: Source, look: Run | None, confirmed: bool) -> None:
    """Rows of an evaluation split are no training data, unless somebody says that they are."""
    if source.is_benchmark or confirmed or look is None:
        return
    for found in look.summary.get("eval_split", []):
        raise Refused(
            f"{found['file']} looks like an evaluation split (“{found['word']}”), and training on it would leak it. "
            "Confirm that it is training data, or register it as a benchmark."
        )
