"""
Recipes that were published with their models, as data: `recipes/*.yaml`, one mixture a file.

A line has the rows and the licence that the source named by `from` gives it; what no source gives is left out, and
`open` says what was not found or does not add up. The files hold names and numbers only, never rows.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from curation.engine.licences import Claim, Verdict, inherit

FOLDER = Path(__file__).with_name("recipes")
STAGES = {"sft": "supervised fine-tuning", "dpo": "preferences", "rlvr": "verifiable rewards"}
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One source of a mixture. `also` are other ids of the same data, `rows` None where no source says how many;
    `source` is the address of what says so, `said` what that is called.
    """

    name: str
    title: str
    source: str
    said: str = ""
    hub: str = ""
    also: tuple[str, ...] = ()
    licence: str = UNKNOWN
    rows: int | None = None

    @property
    def known_as(self) -> frozenset[str]:
        """What a source of a project may be called or be at to be meant."""
        names = [self.name, self.hub, *self.also]
        tails = [one.rpartition("/")[2] for one in (self.hub, *self.also)]
        return frozenset(name for one in (*names, *tails) if (name := plain(one)))

    @property
    def asked(self) -> str:
        """The query with which the form for sources is filled in."""
        return urlencode({"name": self.name, "where": self.hub, "licence": self.licence})


@dataclass(frozen=True, slots=True)
class Published:
    """A mixture as it was published; `hub` is where the whole of it is, where it is anywhere."""

    name: str
    title: str
    stage: str
    about: str
    sources: Mapping[str, str]
    lines: tuple[Line, ...]
    hub: str = ""
    licence: str = UNKNOWN
    rows: int | None = None
    open: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return STAGES[self.stage]

    @property
    def whole(self) -> Line:
        """All of it as one source."""
        said, source = next(iter(self.sources.items()))
        return Line(self.name, self.title, source, said, self.hub, (), self.licence, self.rows)

    @property
    def verdict(self) -> Verdict:
        """The licence that the lines add up to, whatever the whole was published under."""
        return inherit(Claim(line.title, line.licence, line.rows or 0) for line in self.lines)


def plain(name: str) -> str:
    """A name as it is compared: lower case, with dashes."""
    return re.sub(r"[^a-z0-9/]+", "-", name.lower()).strip("-")


@cache
def recipes() -> tuple[Published, ...]:
    """Every published recipe, by name."""
    files = sorted(FOLDER.glob("*.yaml"))
    return tuple(_published(file.stem, yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files)


def recipe(name: str) -> Published | None:
    return next((one for one in recipes() if one.name == name), None)


def _published(name: str, given: Mapping[str, Any]) -> Published:
    told = {
        key: given[key]
        for key in ("title", "stage", "about", "sources", "hub", "licence", "rows")
        if key in given
    }
    lines = tuple(_lines(given["lines"], given["sources"]))
    return Published(name=name, lines=lines, open=tuple(given.get("open", ())), **told)


def _lines(given: Iterable[Mapping[str, Any]], sources: Mapping[str, str]) -> Iterable[Line]:
    for one in given:
        told = {key: value for key, value in one.items() if key not in ("from", "also")}
        said = one["from"]
        yield Line(source=sources[said], said=said, also=tuple(one.get("also", ())), **told)
