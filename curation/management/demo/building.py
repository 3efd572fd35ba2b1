"""Writes the demo's files: the same bytes every time."""

import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curation.management.demo import background
from curation.management.demo.benchmarks import BENCHMARKS, Benchmark
from curation.management.demo.drafts import Draft, Flaw, planted
from curation.management.demo.nouns import Demo, DemoBenchmark, DemoSource, Planted
from curation.management.demo.texts import Dice, words

SEED = 20
RECIPE = """\
name: first-mix
seed: 7
components:
- dataset: kitchen-and-garden-clean
  fraction: 0.5
- dataset: lessons-clean
  fraction: 1.0
- dataset: workshop-clean
  fraction: 1.0
  cap: 300
"""
Row = dict[str, Any]


def build(folder: Path) -> Demo:
    """Write all sources and benchmarks below `folder`, over what is there."""
    for name in ("sources", "benchmarks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    told = {f"{bench.name}/{item['id']}": item[bench.text] for bench in BENCHMARKS for item in bench.items()}
    leaks = planted(told)
    written = [
        _source(plan, [draft for name, draft in leaks if name == plan.name], folder) for plan in SOURCES
    ]
    return Demo(
        sources=tuple(source for source, _ in written),
        benchmarks=tuple(_benchmark(bench, folder) for bench in BENCHMARKS),
        planted=tuple(entry for _, ledger in written for entry in ledger),
        recipe=RECIPE,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """How a source is made. Its `flaws` go into ordinary rows; `row` gives a draft its columns."""

    name: str
    file: str
    licence: str
    title: str
    prefix: str
    drafts: Callable[[Dice], list[Draft]]
    flaws: tuple[Flaw, ...]
    row: Callable[[str, Draft], Row]
    pack: Callable[[Sequence[str]], bytes]


def _source(plan: Plan, leaks: list[Draft], folder: Path) -> tuple[DemoSource, list[Planted]]:
    dice = Dice(SEED)
    drafts = _flawed(dice.shuffled([*plan.drafts(dice), *leaks]), plan.flaws)
    lines, ledger = [], []
    for number, draft in enumerate(drafts, 1):
        own = f"{plan.prefix}-{1 if draft.flaw is Flaw.REPEATED else number:04}"
        lines.append(_line(plan.row(own, draft), draft.flaw))
        if draft.kind:
            items = (item.split("/") for item in draft.items)
            ledger += [Planted(draft.kind, plan.name, own, benchmark, item) for benchmark, item in items]
    path = folder / "sources" / plan.file
    path.write_bytes(plan.pack(lines))
    rejected = len(plan.flaws)
    return DemoSource(plan.name, path, plan.licence, plan.title, len(lines) - rejected, rejected), ledger


def _flawed(drafts: list[Draft], flaws: tuple[Flaw, ...]) -> list[Draft]:
    """Give each flaw to an innocent row; the last flaw to the last one, far behind what recognition samples."""
    innocent = [place for place, draft in enumerate(drafts) if not draft.kind]
    step = (len(innocent) - 1) // len(flaws)
    for nth, flaw in enumerate(flaws, 1):
        place = innocent[-1] if nth == len(flaws) else innocent[nth * step]
        drafts[place] = replace(drafts[place], flaw=flaw)
    return drafts


def _line(row: Row, flaw: Flaw | None) -> str:
    line = json.dumps(row, ensure_ascii=False)
    return line[: len(line) * 2 // 3] if flaw is Flaw.BROKEN else line


def _chat(own: str, draft: Draft) -> Row:
    said = [*draft.said[:-1], ""] if draft.flaw is Flaw.EMPTY else draft.said
    roles = ("user", "assistant")
    turns = [{"role": roles[place % 2], "content": text} for place, text in enumerate(said)]
    return {"id": own, "messages": None if draft.flaw is Flaw.MISSING else turns}


def _lesson(own: str, draft: Draft) -> Row:
    instruction, output = draft.said
    return {
        "id": own,
        "instruction": "" if draft.flaw is Flaw.EMPTY else instruction,
        "input": "" if draft.flaw is Flaw.EMPTY else draft.input,
        "output": None if draft.flaw is Flaw.MISSING else output,
    }


def _pair(own: str, draft: Draft) -> Row:
    prompt, chosen = draft.said
    dice = Dice(int(own.rpartition("-")[2]))
    return {
        "id": own,
        "prompt": None if draft.flaw is Flaw.MISSING else prompt,
        "chosen": chosen,
        "rejected": chosen if draft.flaw is Flaw.SAME else draft.rejected,
        "chosen_score": dice.pick((3, 4, 4, 5, 5)),
        "rejected_score": dice.pick((1, 1, 1, 2, 2)),
    }


def _jsonl(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _array(lines: Sequence[str]) -> bytes:
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _packed(lines: Sequence[str]) -> bytes:
    """Gzip without a name and a time, which would differ from run to run."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as stream:
        stream.write(_jsonl(lines))
    return packed.getvalue()


SOURCES = (
    Plan(
        name="kitchen-and-garden",
        file="kitchen-and-garden.jsonl",
        licence="CC-BY-4.0",
        title="Chats about cooking and growing food",
        prefix="kg",
        drafts=background.kitchen_and_garden,
        flaws=(Flaw.EMPTY, Flaw.BROKEN, Flaw.MISSING, Flaw.REPEATED),
        row=_chat,
        pack=_jsonl,
    ),
    Plan(
        name="lessons",
        file="lessons.json",
        licence="CC0-1.0",
        title="Exercises and explanations for schools",
        prefix="les",
        drafts=background.lessons,
        flaws=(Flaw.EMPTY, Flaw.MISSING),
        row=_lesson,
        pack=_array,
    ),
    Plan(
        name="workshop",
        file="workshop.jsonl.gz",
        licence="ODC-By-1.0",
        title="Tools and code, with a better and a worse reply",
        prefix="ws",
        drafts=background.workshop,
        flaws=(Flaw.SAME, Flaw.MISSING),
        row=_pair,
        pack=_packed,
    ),
)


def _benchmark(bench: Benchmark, folder: Path) -> DemoBenchmark:
    items = bench.items()
    path = folder / "benchmarks" / f"{bench.name}.jsonl"
    path.write_bytes(_jsonl([json.dumps(bench.shape(item), ensure_ascii=False) for item in items]))
    short = sum(len(words(item[bench.text])) < 8 for item in items)
    return DemoBenchmark(bench.name, path, bench.role, bench.title, len(items), short)
