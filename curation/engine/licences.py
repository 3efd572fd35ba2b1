"""
Licences: what they ask of whoever publishes a mixture, and which one the mixture inherits.

The ids are those of the Hub (huggingface.co/docs/hub/repositories-licenses), and SPDX spellings and what people
write are brought to them. A few terms that the Hub has no id for are known by a name of their own. What a licence
asks is reduced to what decides here: attribution, share-alike, non-commercial, no derivatives, terms of its own.
This is a reading aid, not legal advice: it says which source decides and why, so that a person can look there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

UNKNOWN = "unknown"
OTHER = "other"
LONGEST_NAME = 60
NAMED_SOURCES = 3


@dataclass(frozen=True, slots=True)
class Licence:
    """
    `alike` is the family that works made of it must stay in, `terms` what it asks beyond the usual. `rank` orders
    licences that ask the same of a dataset: the higher one has the longer conditions or the later version.
    """

    id: str
    rank: int = 0
    attribution: bool = True
    alike: str = ""
    non_commercial: bool = False
    no_derivatives: bool = False
    terms: str = ""
    on_hub: bool = True
    known: bool = True

    @property
    def demands(self) -> frozenset[str]:
        """What it asks, in words that can be compared."""
        asked = {
            "attribution": self.attribution,
            "non-commercial": self.non_commercial,
            "no derivatives": self.no_derivatives,
            f"share-alike ({self.alike})": bool(self.alike),
            f"terms of {self.id}": bool(self.terms) or not self.known,
        }
        return frozenset(what for what, holds in asked.items() if holds)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    So many rows of a source are under a licence, as its owner wrote it; None where nobody has said. Rows 0 are rows
    that nobody has counted yet.
    """

    source: str
    licence: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The licence a mixture inherits: `id` for the Hub, `name` where that is "other", and the rows it is for. `asks` are
    the obligations of all licences together, `conflicts` what cannot be had at once, `ask` sources to ask about.
    """

    id: str
    because: str
    name: str = ""
    asks: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    found: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The name a person reads: "other" says nothing."""
        return self.name or self.id

    @property
    def why(self) -> str:
        """As a sentence without its full stop."""
        return f"{self.shown}, because {self.because}"


def _family(*names: str, **about: object) -> list[Licence]:
    return [Licence(name, rank=rank, **about) for rank, name in enumerate(names)]  # type: ignore[arg-type]


NO_OTHER_MODELS = "the outputs may not be used to improve other large language models"
LLAMA_NAME = (
    "a model trained on it has a name that begins with “Llama”, and the notice “Built with Llama” is shown"
)
KNOWN = {
    one.id: one
    for one in (
        *_family("unlicense", "wtfpl", "pddl", "cc0-1.0", attribution=False),
        *_family("isc", "mit", "zlib", "ncsa", "postgresql", "bsd", "bsd-2-clause", "bsd-3-clause"),
        *(Licence(name, rank=20 + rank) for rank, name in enumerate(("ecl-2.0", "ms-pl", "apache-2.0"))),
        *(Licence(name, rank=30) for name in ("cdla-permissive-1.0", "cdla-permissive-2.0", "etalab-2.0")),
        *(Licence(name, rank=40 + rank) for rank, name in enumerate(("cc-by-2.0", "cc-by-2.5", "cc-by-3.0"))),
        Licence("cc-by-4.0", rank=43),
        Licence("odc-by", rank=39),
        *_family("cc-by-sa-3.0", "cc-by-sa-4.0", alike="cc-by-sa"),
        *_family("odbl", alike="odbl"),
        *_family("cdla-sharing-1.0", alike="cdla-sharing"),
        *_family("gfdl", alike="gfdl"),
        *_family("lgpl", "lgpl-2.1", "lgpl-3.0", alike="lgpl"),
        *_family("gpl", "gpl-2.0", "gpl-3.0", alike="gpl"),
        *_family("agpl-3.0", alike="agpl"),
        *_family("mpl-2.0", alike="mpl"),
        *_family("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", non_commercial=True),
        *_family(
            "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", non_commercial=True, alike="cc-by-nc-sa"
        ),
        *_family("cc-by-nd-4.0", no_derivatives=True),
        *_family("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", non_commercial=True, no_derivatives=True),
        *_family("llama2", "llama3", terms=NO_OTHER_MODELS),
        *_family("llama3.1", "llama3.2", "llama3.3", "llama4", terms=LLAMA_NAME),
        *_family("gemma", terms="its use policy and its notice are passed on"),
        *_family("openrail", "bigscience-openrail-m", terms="its restrictions of use are passed on"),
        *_family("openai-terms", terms="the outputs may not be used to build competing models", on_hub=False),
        *_family("ai2-impact-lr", terms="its restrictions of use are passed on", on_hub=False),
        *_family(
            "qwen",
            terms="a model trained on it says “Built with Qwen” or “Improved using Qwen”",
            on_hub=False,
        ),
    )
}
ALIASES = {
    "apache": "apache-2.0",
    "apache2": "apache-2.0",
    "apache-2": "apache-2.0",
    "bsd-3": "bsd-3-clause",
    "bsd-2": "bsd-2-clause",
    "cc0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "public-domain": "cc0-1.0",
    "gpl-3": "gpl-3.0",
    "odc-by-1.0": "odc-by",
    "odcby": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "gfdl-1.3": "gfdl",
    "llama-2": "llama2",
    "llama-3": "llama3",
    "llama-3.1": "llama3.1",
    "llama-3.2": "llama3.2",
    "llama-3.3": "llama3.3",
    "openai": "openai-terms",
    "openai-terms-of-use": "openai-terms",
    "openai-terms-of-service": "openai-terms",
    "impact-lr": "ai2-impact-lr",
    "ai2-impact-low-risk": "ai2-impact-lr",
}
NOT_SAID = frozenset(
    ("", UNKNOWN, OTHER, "none", "no", "n-a", "na", "unspecified", "not-specified", "not-said")
)
NOISE = {"the", "a", "license", "licence", "licensed", "under", "version", "international", "unported"}
NOISE |= {"generic", "community", "only", "or", "later", "deed", "gnu"}
WORDS = {
    "attribution": "by",
    "noncommercial": "nc",
    "sharealike": "sa",
    "noderivatives": "nd",
    "noderivs": "nd",
    "v2": "2.0",
    "v2.0": "2.0",
    "v3": "3.0",
    "v3.0": "3.0",
    "v4": "4.0",
    "v4.0": "4.0",
}
BARE_CC = re.compile(r"cc-by(-nc)?(-nd|-sa)?")


def licence(said: str | None) -> Licence:
    """The licence somebody means; one with `known` false where these words are the name of none."""
    words = re.findall(r"[a-z0-9.]+", (said or "").lower().replace("creative commons", "cc"))
    slug = "-".join(WORDS.get(word, word) for word in words if word not in NOISE).strip("-.")
    slug = ALIASES.get(slug, f"{slug}-4.0" if BARE_CC.fullmatch(slug) else slug)
    if slug in KNOWN:
        return KNOWN[slug]
    if slug in NOT_SAID:
        return Licence(UNKNOWN, known=False, attribution=False)
    return Licence(slug[:LONGEST_NAME].strip("-."), known=False, on_hub=False)


def inherit(claims: Iterable[Claim]) -> Verdict:
    """
    The licence of rows under several: the one that asks the most wins where it asks all that the others ask, else
    "other", named after all that count. Nothing is guessed for what nobody said: then it is "unknown".
    """
    parts, rows, sources = _sums(claims)
    if not parts:
        return Verdict(UNKNOWN, "there are no rows")
    every = frozenset().union(*(one.demands for one in parts.values()))
    covering = [one for one in parts.values() if one.demands >= every]
    conflicts = tuple(_conflicts(parts, rows, sources))
    counted = dict(sorted(rows.items()))
    if UNKNOWN in rows:
        silent = sources[UNKNOWN]
        many = f" ({rows[UNKNOWN]:,} rows)" if rows[UNKNOWN] else ""
        because = f"nobody has said the licence of {_named(silent)}{many}; ask"
        return Verdict(UNKNOWN, because, "", _asks(parts), conflicts, tuple(silent), counted)
    if not covering:
        most = _maximal(parts)
        name = "-and-".join(most)[:LONGEST_NAME].strip("-.")
        told = " and ".join(_because(one, rows, sources) for one in most)
        because = f"no single licence covers it: {told}"
        return Verdict(OTHER, because, name, _asks(parts), conflicts, found=counted)
    won = max(covering, key=lambda one: (one.rank, one.id))
    deciding = "every row is" if len(rows) == 1 else _counted(won.id, rows, sources)
    because = f"{deciding} under it"
    name = "" if won.on_hub else won.id
    return Verdict(OTHER if name else won.id, because, name, _asks(parts), conflicts, found=counted)


def _sums(claims: Iterable[Claim]) -> tuple[dict[str, Licence], dict[str, int], dict[str, list[str]]]:
    """The licences, and their rows and sources, by licence id."""
    parts: dict[str, Licence] = {}
    rows: dict[str, int] = {}
    sources: dict[str, list[str]] = {}
    for claim in claims:
        one = licence(claim.licence)
        parts[one.id] = one
        rows[one.id] = rows.get(one.id, 0) + claim.rows
        if claim.source not in sources.setdefault(one.id, []):
            sources[one.id].append(claim.source)
    return parts, rows, sources


def _because(one: str, rows: Mapping[str, int], sources: Mapping[str, list[str]]) -> str:
    return f"{_counted(one, rows, sources)} under {one}"


def _counted(one: str, rows: Mapping[str, int], sources: Mapping[str, list[str]]) -> str:
    names = _named(sources[one])
    if not rows[one]:
        return f"{names} {'is' if len(sources[one]) == 1 else 'are'}"
    return f"1 row of {names} is" if rows[one] == 1 else f"{rows[one]:,} rows of {names} are"


def _named(names: list[str]) -> str:
    more = len(names) - NAMED_SOURCES
    return ", ".join(names[:NAMED_SOURCES]) + (f" and {more} more" if more > 0 else "")


def _maximal(parts: Mapping[str, Licence]) -> list[str]:
    """Of what is there, the licences that no other one asks more than."""
    found = parts.values()
    return sorted(one.id for one in found if not any(one.demands < other.demands for other in found))


def _asks(parts: Mapping[str, Licence]) -> tuple[str, ...]:
    """What whoever publishes or trains on it has to do, the licences it comes from named."""
    found = sorted(parts.values(), key=lambda one: one.id)
    credited = [one.id for one in found if one.attribution and one.known]
    lines = [f"Name the authors and keep their notices ({', '.join(credited)})."] if credited else []
    if closed := [one.id for one in found if one.non_commercial]:
        lines.append(f"No commercial use ({', '.join(closed)}).")
    lines += [
        f"Publish what is made of it under {one.alike} as well ({one.id})." for one in found if one.alike
    ]
    if whole := [one.id for one in found if one.no_derivatives]:
        lines.append(f"Pass it on unchanged only ({', '.join(whole)}).")
    lines += [f"Under {one.id}, {one.terms}." for one in found if one.terms]
    strange = [one.id for one in found if not one.known and one.id != UNKNOWN]
    lines += [f"Read the terms of {name}, which is no licence known here." for name in strange]
    return tuple(lines)


def _conflicts(
    parts: Mapping[str, Licence], rows: Mapping[str, int], sources: Mapping[str, list[str]]
) -> Iterable[str]:
    """What cannot be had at once, as sentences."""
    alike = {one.alike: one.id for one in parts.values() if one.alike}
    if len(alike) > 1:
        both = " and ".join(_because(one, rows, sources) for one in sorted(alike.values()))
        yield f"Two share-alike licences each want the whole under themselves: {both}."
    closed = [one for one in parts.values() if one.non_commercial]
    for one in parts.values():
        if one.alike and not one.non_commercial and closed:
            yield (
                f"{one.id} wants the whole to be free for commercial use, which {closed[0].id} forbids: "
                f"{_because(closed[0].id, rows, sources)}."
            )
    if len(parts) > 1 or any(len(names) > 1 for names in sources.values()):
        for one in parts.values():
            if one.no_derivatives:
                told = _because(one.id, rows, sources)
                yield f"{one.id} allows no work made of it, and a mixture is one: {told}."
