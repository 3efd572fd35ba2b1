"""Mixer lists of open-instruct: which datasets of a project a list means, and the list that a mixture would be."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from curation.engine.mixing import Recipe
from curation.engine.mixing.mixer_list import Entry, amount_of, matched, read_mixer_list, write_mixer_list
from curation.engine.mixing.planning import Share
from curation.models import Export, Kind, Mixture, Project, Version
from curation.questions.pools import MIXABLE

ROWS_OF = ("sft_messages", "pref_implicit", "rlvr_open_instruct")  # profiles that open-instruct reads


@dataclass(frozen=True, slots=True)
class Found:
    """A list that was read: its entries, the dataset of each name, and what a reader should know."""

    entries: list[Entry]
    datasets: dict[str, str]
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        return [entry.name for entry in self.entries if entry.name not in self.datasets]


def read_mixer(project: Project, text: str) -> Found:
    """BadConfig where the text is no list; what is missing or stands there twice is told."""
    entries = read_mixer_list(text)
    datasets = matched(entries, _known(project))
    notes = [entry.note for entry in entries if entry.note]
    kept: dict[str, Entry] = {}
    for entry in entries:
        meant = datasets.get(entry.name, entry.name)
        if meant in kept:
            notes.append(
                f"{entry.name} stands there twice; a recipe lists a dataset once, so only the first is taken."
            )
        kept.setdefault(meant, entry)
    found = Found(list(kept.values()), datasets, notes)
    if found.missing:
        found.notes.append(
            f"Not in this project: {', '.join(found.missing)}. Choose a dataset for each, or import it first."
        )
    return found


def _known(project: Project) -> dict[str, str]:
    """What datasets go by: their names, and where what they were imported from lies."""
    known = project.datasets.filter(kind__in=MIXABLE)
    by_name = dict(known.values_list("name", "name"))
    imported = known.exclude(source=None).exclude(source__location="")
    return dict(imported.values_list("source__location", "name")) | by_name


def mixer_config(mixture: Mixture, version: Version) -> str:
    """What to give open-instruct for a built mixture: the files of its newest export, and the names it was made of."""
    return "\n".join([*_of_export(mixture, version), *_of_recipe(version)]) + "\n"


def _of_export(mixture: Mixture, version: Version) -> Iterator[str]:
    exports = Export.objects.published().filter(mixture=mixture, version=version).select_related("run")
    export = exports.order_by("-number").first()
    files = [file for file in export.run.summary["files"] if file["profile"] in ROWS_OF] if export else []
    if not export or not files:
        yield f"# {version} has no export that open-instruct reads; export it as {' or '.join(ROWS_OF)}."
        return
    yield f"# The rows of {version}, from the files of export {export.number}, downloaded into one folder:"
    profile = files[0]["profile"]
    chosen = [file["path"] for file in files if file["profile"] == profile]
    jsonl = [path for path in chosen if path.endswith(".jsonl")]
    yield write_mixer_list(dict.fromkeys(jsonl or chosen, "1.0"))


def _of_recipe(version: Version) -> Iterator[str]:
    recipe = Recipe.of(version.run.config)
    shares = [Share(**share) for share in version.facts["shares"]]
    amounts = {
        component.dataset: amount_of(component, share)
        for component, share in zip(recipe.components, shares, strict=True)
    }
    yield "# The same amounts of the datasets that it was made of, drawn by open-instruct itself (other rows):"
    yield write_mixer_list(amounts)


def mixture_version(project: Project, name: str) -> Version | None:
    """The newest version of a mixture."""
    own = Version.objects.live().filter(dataset__project=project, dataset__name=name)
    return own.filter(dataset__kind=Kind.MIXTURE).select_related("run", "dataset").order_by("-number").first()
