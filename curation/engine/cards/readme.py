"""The text of README.md: what an export is, where it is from, what was done to it and what one may do with it."""

import json
from collections.abc import Iterator

from curation.engine.cards.facts import Build, Config, splits
from curation.engine.cards.front import front
from curation.engine.cards.samples import quoted
from curation.engine.cards.writing import bullets, count, part, table, text, words
from curation.engine.exporters import profile_named
from curation.engine.mixing import dump

NOT_COMPARED = "Not looked for: this export was not compared with any benchmark."
NO_SAMPLES = "None is shown: a row that was not compared with the benchmarks might be one of their items."


def card(build: Build, location: str = "path/to/this/folder") -> str:
    """The text of README.md. `location` is what a reader gives to `load_dataset`."""
    sections = {
        "": _opening(build),
        "Data": _data(build),
        "Load": _loading(build, location),
        "Sample rows": _samples(build),
        "Sources": _sources(build),
        "Licence": _licence(build),
        "Decontamination": _decontamination(build),
        "Left out": _left_out(build),
        "What readers may stumble over": _warnings(build),
        "How it was made": _recipe(build),
        "Limits": _limits(build),
    }
    parts = [f"## {title}\n\n{said}" if title else said for title, said in sections.items() if said]
    return f"{front(build)}\n" + "\n\n".join(parts) + "\n"


def _opening(build: Build) -> str:
    made = f"Built by Winnow {text(build.code)}; `manifest.json` lists every file with its sha256."
    what = (
        f"Export {build.number} of the mixture `{build.recipe.name}`: {count(build.rows, 'row')} from "
        f"{count(len(build.sources), 'source')}, seed {build.recipe.seed}."
    )
    opening = f"# {text(build.name)}\n\n{what} {made}"
    if build.about:
        opening += "\n\n" + text(build.about)
    if build.override:
        opening += f"\n\n**Exported without a passing check.** The reason given: {text(build.override)}"
    return opening


def _data(build: Build) -> str:
    rows = [
        (c.profile, split, sum(f.rows for f in own), len(own), sum(f.bytes for f in own), c.skips.total)
        for c in build.configs
        for split, own in splits(build.table(c.profile))
    ]
    about = bullets(f"`{c.profile}`: {profile_named(c.profile).title.lower()}" for c in build.configs)
    heads = ("Config", "Split", "Rows", "Files", "Bytes", "Rows skipped")
    beside = (
        "`provenance/` says of each row, by its id, its source, version and licence and what it was made of."
    )
    return f"{about}\n\n{table(heads, rows)}\n\n{beside}"


def _loading(build: Build, location: str) -> str:
    code = "\n".join(
        f'{config.profile} = load_dataset({json.dumps(location)}, "{config.profile}", split="{split}")'
        for config in build.listed
        for split, _ in splits(build.table(config.profile))[:1]
    )
    return f"```python\nfrom datasets import load_dataset\n\n{code}\n```"


def _samples(build: Build) -> str:
    """Rows that are no benchmark's, or why there are none."""
    shown = [config for config in build.configs if config.samples]
    if not shown:
        return NO_SAMPLES if build.decontamination is None else ""
    return "\n\n".join(_of_profile(config) for config in shown)


def _of_profile(config: Config) -> str:
    rows = [f"Row `{text(row['id'])}`:\n\n{quoted(row)}" for row in config.samples]
    return f"### {config.profile}\n\n" + "\n\n".join(rows)


def _sources(build: Build) -> str:
    heads = ("Source", "Location", "Revision", "Licence", "Rows", "Share")
    rows = [
        (s.name, s.location, s.revision, s.licence or "unknown, ask", s.rows, part_of(s.rows, build.rows))
        for s in build.sources
    ]
    written = [f"{text(name)} ({count(n, 'completion')})" for name, n in sorted(build.models.items())]
    by_models = f"\n\nWritten by models: {', '.join(written)}." if written else ""
    return table(heads, rows) + by_models


def part_of(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else ""


def _licence(build: Build) -> str:
    """What it inherits, from whom, and what that asks of a reader."""
    verdict = build.licence
    lines = [f"The whole inherits **{text(verdict.shown)}**, because {text(verdict.because)}."]
    lines += [f"**Contradiction.** {text(conflict)}" for conflict in verdict.conflicts]
    if len(verdict.found) > 1:
        lines.append(table(("Licence", "Rows"), list(verdict.found.items())))
    if verdict.asks:
        lines.append("It asks:\n\n" + bullets(text(one) for one in verdict.asks))
    return "\n\n".join(lines)


def _decontamination(build: Build) -> str:
    found = build.decontamination
    if found is None:
        return NOT_COMPARED
    heads = ("Benchmark", "Items", "Items hit", "Training rows", "Rows hit", "Rows removed")
    rows = [
        (b.name, b.items, part(b.items_hit, b.items), b.rows, part(b.rows_hit, b.rows), b.removed)
        for b in found.benchmarks
    ]
    lines = [f"Looked for: {words(found.looked_for)}. Not yet looked for: {words(found.not_looked_for)}."]
    if found.weak:
        weak = words(f"{n:,} ({why})" for why, n in sorted(found.weak.items()))
        lines.append(f"Weakly checked items: {weak}.")
    if found.certificates:
        lines.append("Certificates: " + ", ".join(f"`{text(one)}`" for one in found.certificates) + ".")
    return table(heads, rows) + "\n\n" + "\n\n".join(lines)


def _left_out(build: Build) -> str:
    rows = [("on the way", reason, count) for reason, count in sorted(build.removed.items())]
    for config in build.configs:
        rows += [(config.profile, reason, count) for reason, count in sorted(config.skips.counts.items())]
    return table(("Where", "Reason", "Rows"), rows) if rows else ""


def _warnings(build: Build) -> str:
    rows = [(c.profile, said, n) for c in build.configs for said, n in sorted(c.warnings.counts.items())]
    return table(("Config", "Finding", "Rows"), rows) if rows else ""


def _recipe(build: Build) -> str:
    inputs = [(one.dataset, one.content_hash, one.rows) for one in build.inputs]
    same = "The same recipe over versions with these content hashes gives the same files, byte for byte,"
    note = f"{same} with the versions of Winnow and pyarrow that `manifest.json` names."
    heads = ("Version", "Content hash", "Rows")
    return f"{table(heads, inputs)}\n\n{note}\n\n```yaml\n{dump(build.recipe)}```"


def _limits(build: Build) -> str:
    return bullets(_known_limits(build))


def _known_limits(build: Build) -> Iterator[str]:
    """What a reader should not take for granted, as far as it is known here."""
    verdict, found = build.licence, build.decontamination
    if verdict.ask:
        yield f"Ask about the licence of {words(verdict.ask)} before you publish or train on it."
    if verdict.conflicts:
        yield "Its licences contradict each other; it is not for publishing as one dataset."
    if found is None:
        yield "Scores on public benchmarks may be inflated: nobody compared it with them."
    elif found.not_looked_for:
        yield f"Contamination of these kinds was not looked for: {words(found.not_looked_for)}."
    if build.models:
        yield "Models wrote some texts: these are wrong at times, and the terms of the models may bind a trainer."
    if not build.languages:
        yield "Which languages it holds was not determined."
    yield "Nobody has verified what the rows say, or that they name no person."
