"""
What a recipe can draw from: its versions, what was measured of their rows, and the rows that duplicates leave out.

Versions never change, so what was counted of one is kept in this process by the hash of its contents: an editor that
asks again after every keystroke reads each version once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from curation.engine.errors import BadConfig, BadInput, Refused
from curation.engine.exploring import sheet
from curation.engine.mixing import (
    BYTES,
    NOTHING,
    Component,
    Duplicates,
    Gone,
    Measured,
    Recipe,
    Seen,
    Stock,
    Stratum,
    measured,
    plainly,
    stock,
)
from curation.models import Kind, Project, Version, store
from curation.questions.tokenizers import tokenizer_sha256

MIXABLE = (Kind.RECORDS, Kind.MIXTURE)
KEPT = 256  # versions whose counts are kept in a process


@dataclass(frozen=True, slots=True)
class _Held:
    """A version that a cache is asked about: equal where the contents are."""

    content: str
    version: Version = field(compare=False)


@dataclass(frozen=True, slots=True)
class Pool:
    """
    The versions of a recipe's components in their order; `measures` says of each row what strata and token counts go
    by, in the same rows and shards, and is None where nothing was measured or nobody asks.
    """

    recipe: Recipe
    versions: tuple[Version, ...]
    measures: tuple[Version | None, ...]
    duplicates: Version | None = None

    def gone(self) -> Gone:
        """The rows that are left out as duplicates of others in the pool."""
        if self.duplicates is None:
            return NOTHING
        return _duplicates(_held(self.duplicates)).gone(self._seen(version) for version in self.versions)

    def _seen(self, version: Version) -> Seen:
        assert self.duplicates is not None
        return _seen(_held(self.duplicates), _held(version))

    def stocks(self) -> dict[str, Stock]:
        """What each component has to give, by its dataset as the recipe writes it."""
        gone = self.gone()
        return {one.dataset: self.stock(place, gone) for place, one in enumerate(self.recipe.components)}

    def stock(self, place: int, gone: Gone) -> Stock:
        """BadInput where it was not measured yet."""
        component, version = self.recipe.components[place], self.versions[place]
        left_out = gone.within(self._seen(version)) if self.duplicates else 0
        if not needs_measures(self.recipe, component):
            return Stock(version.rows - left_out, left_out=left_out)
        measures = self.measures[place]
        if measures is None:
            raise BadInput(unmeasured(version, self.recipe.tokenizer))
        try:
            if not left_out:
                return _stock(_held(measures), component.strata)
            with sheet(store(), measures.shards()) as opened:
                return stock(opened, component.strata, gone.pairs.column("id"))
        except BadConfig as error:
            raise BadConfig(f"{version}: {error}") from None

    def rows(self, place: int) -> Iterator[Measured]:
        """Every row of a component, as its draw is asked about it."""
        measures, component = self.measures[place], self.recipe.components[place]
        if measures is None or not needs_measures(self.recipe, component):
            yield from plainly(batch.column("id") for batch in self.versions[place].batches(["id"]))
            return
        with sheet(store(), measures.shards()) as opened:
            yield from measured(opened, component.strata)


def pool(project: Project, recipe: Recipe) -> Pool:
    """What a recipe means today, with a number on every dataset. Refused where something cannot be mixed."""
    versions = [Version.objects.named(project, component.dataset) for component in recipe.components]
    for version in versions:
        if version.kind not in MIXABLE:
            raise Refused(not_mixable(version))
    duplicates = duplicates_named(project, recipe.dedupe)
    numbers = {one.dataset.name: one.number for one in [*versions, *([duplicates] if duplicates else [])]}
    found = measures_of(versions, recipe.tokenizer)
    pinned = recipe.pinned(numbers)
    return Pool(pinned, tuple(versions), tuple(found.get(one.pk) for one in versions), duplicates)


def not_mixable(version: Version) -> str:
    return f"{version} holds {version.kind.label}, and only records may be mixed."


def duplicates_named(project: Project, name: str | None) -> Version | None:
    if name is None:
        return None
    version = Version.objects.named(project, name)
    if version.kind != Kind.REMOVED:
        raise Refused(
            f"{version} holds {version.kind.label}; dedupe takes the removed rows of a deduplication, such as "
            "chats-duplicates@1."
        )
    return version


def needs_measures(recipe: Recipe, component: Component) -> bool:
    return bool(component.strata) or recipe.in_tokens(component)


def measures_of(versions: Iterable[Version], tokenizer: str = BYTES) -> dict[int, Version]:
    """
    By the key of each version what says of its rows how many tokens they have, and their other columns. What another
    file of the tokenizer's name counted is none: such tokens cannot be added up.
    """
    found = Version.objects.live().filter(
        dataset__kind=Kind.PROFILE,
        run__kind="profile" if tokenizer == BYTES else "tokens",
        run__run_inputs__version__in=list(versions),
        run__run_inputs__role="records",
    )
    if tokenizer != BYTES:
        found = found.filter(facts__tokenizer=tokenizer, facts__sha256=tokenizer_sha256(tokenizer))
    of = found.order_by("pk").values_list("run__run_inputs__version", "pk")
    chosen = dict(of)
    there = Version.objects.select_related("dataset__project").in_bulk(chosen.values())
    return {version: there[measures] for version, measures in chosen.items()}


def unmeasured(version: Version, tokenizer: str) -> str:
    if tokenizer == BYTES:
        return f"{version} has no profile yet; strata and tokens go by it, so wait for its profile run."
    return f"The tokens of {version} are not counted by {tokenizer} yet; count them first."


def _held(version: Version) -> _Held:
    return _Held(version.content_hash, version)


@lru_cache(maxsize=KEPT)
def _stock(measures: _Held, strata: tuple[Stratum, ...]) -> Stock:
    with sheet(store(), measures.version.shards()) as opened:
        return stock(opened, strata)


@lru_cache(maxsize=2)
def _duplicates(duplicates: _Held) -> Duplicates:
    return Duplicates.read(duplicates.version.batches())


@lru_cache(maxsize=32)
def _seen(duplicates: _Held, version: _Held) -> Seen:
    return _duplicates(duplicates).seen(batch.column("id") for batch in version.version.batches(["id"]))
