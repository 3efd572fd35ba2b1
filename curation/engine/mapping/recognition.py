"""
Recognise the shape of rows from a sample, so that published data imports without a mapping.

Each rule looks at names and values and answers with the fields of a mapping, or nothing; the first answer
counts. A wrong guess is worse than a question: what fits no rule is refused with the columns that were seen.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from curation.engine.errors import BadInput
from curation.engine.mapping.escapes import are_escapes
from curation.engine.mapping.seen import Seen
from curation.engine.mapping.spec import ANY_SHAPE, SHAPES, Mapping, Path, Shape
from curation.engine.readers import Format, Options, Row, SourceFile, sample, settled
from curation.engine.readers.items import Reject

Fields = dict[str, Path | None]
Answer = tuple[Shape, Fields] | None
SAMPLE = 1000
DIALECTS = 20
LETTERS = frozenset("ABCDEFGHIJ")
BESIDE = ("system", "tools", "images", "licence")  # taken up whatever the shape


def recognise(rows: Sequence[dict[str, object]], options: Options | None = None) -> Mapping:
    """
    The mapping that rows like these need. Raises BadInput that names the columns when no known shape fits.

    `options` are how the rows were read; they become part of the mapping.
    """
    seen = Seen(rows)
    for rule in RULES:
        if answer := rule(seen):
            shape, columns = answer
            found = {role: path for role, path in columns.items() if path}
            needed, optional, _ = SHAPES[shape]
            for role in BESIDE:
                if role not in found and (name := seen.any(role)):
                    found[role] = name
            allowed = {*needed, *optional, *ANY_SHAPE}
            kept = {role: path for role, path in found.items() if role in allowed}
            return Mapping(shape, kept, seen.own_id(), options=options or Options())
    raise BadInput(_question(seen))


def propose(files: Sequence[SourceFile], options: Options | None = None) -> Mapping:
    """
    The mapping for these files, from about 1,000 of their rows: how they are read, escapes, shape and own id.

    Raises BadInput when there is no usable row, or no known shape fits.
    """
    settled_options = agreed(files, options or Options())
    items = sample(files, SAMPLE, settled_options)
    rows = [item.data for item in items if isinstance(item, Row)]
    if not rows:
        first = next((item for item in items if isinstance(item, Reject)), None)
        why = f"; the first: {first.file}, row {first.line}, {first.reason}" if first else ""
        raise BadInput(f"There is no row to look at in {len(files):,} files{why}")
    mapping = recognise(rows, settled_options)
    tabbed = any(file.format is Format.TSV for file in files) and not settled_options.quoted
    if tabbed and are_escapes(cell for row in rows for cell in row.values() if isinstance(cell, str)):
        return replace(mapping, unescape=True)
    return mapping


def agreed(files: Iterable[SourceFile], options: Options) -> Options:
    """What all delimited files agree on; what they do not stays open, to be looked at file by file."""
    tables = [file for file in files if file.format in (Format.CSV, Format.TSV) and file.size][:DIALECTS]
    found = [settled(file, options) for file in tables]
    for name in ("header", "delimiter", "quoted"):
        if len(values := {getattr(each, name) for each in found}) == 1:
            options = replace(options, **{name: values.pop()})
    return options


def _unpaired(seen: Seen) -> Answer:
    label = seen.column("label")
    if not label or not all(
        isinstance(v, bool) or str(v).lower() in ("true", "false") for v in seen.values(label)
    ):
        return None
    if talk := seen.talk("messages"):
        return Shape.UNPAIRED, {"prompt": talk, "label": label}
    prompt, completion = seen.column("prompt"), seen.column("completion")
    both = prompt and completion
    return (Shape.UNPAIRED, {"prompt": prompt, "completion": completion, "label": label}) if both else None


def _preference(seen: Seen) -> Answer:
    chosen, rejected = seen.column("chosen"), seen.column("rejected")
    if not chosen or not rejected:
        return None
    sides: Fields = {"chosen": chosen, "rejected": rejected}
    sides |= {
        role: seen.any(role) for role in ("chosen_score", "rejected_score", "chosen_model", "rejected_model")
    }
    if seen.are_transcripts(chosen) and seen.are_transcripts(rejected):
        return Shape.HH, sides
    if seen.are_whole(chosen) and seen.are_whole(rejected):
        return Shape.PREFERENCE_FULL, {**sides, "prompt": seen.column("prompt")}
    prompt, extra = seen.column("prompt") or seen.talk("messages"), seen.any("input")
    if not prompt:
        prompt, extra = seen.talk("input") or seen.text("input"), None
    asked: Fields = {"prompt": prompt, "input": extra, "history": seen.any("history")}
    return (Shape.PREFERENCE, {**asked, **sides}) if prompt else None


def _candidates(seen: Seen) -> Answer:
    prompt = seen.column("prompt") or seen.column("input") or seen.talk("context")
    several: Path | None = seen.column("completions") or seen.numbered()
    if not prompt or not several:
        return None
    extra = seen.any("input") if prompt != seen.column("input") else None
    truth = seen.truth()
    return Shape.CANDIDATES, {"prompt": prompt, "completions": several, "input": extra, "ground_truth": truth}


def _rlvr(seen: Seen) -> Answer:
    truth = seen.truth()
    prompt = seen.talk("messages") or seen.talk("prompt") or seen.text("prompt") or seen.text("input")
    if not truth or not prompt or seen.answer() or seen.column("code"):
        return None
    checked: Fields = {role: seen.any(role) for role in ("verifier", "constraints")}
    return Shape.RLVR, {"prompt": prompt, "ground_truth": truth, **checked}


def _conversation(seen: Seen) -> Answer:
    talk = seen.talk("messages")
    if talk is None:
        return None
    return (Shape.SHAREGPT if seen.has_key(talk, "from") else Shape.MESSAGES), {"messages": talk}


def _self_instruct(seen: Seen) -> Answer:
    instruction, instances = seen.named("instruction"), seen.column("instances")
    return (
        (Shape.SELF_INSTRUCT, {"prompt": instruction, "instances": instances})
        if instruction and instances
        else None
    )


def _alpaca(seen: Seen) -> Answer:
    instruction = seen.named("instruction")
    if not instruction:
        return None
    asked: Fields = {role: seen.any(role) for role in ("input", "context", "history")}
    completion = seen.answer()
    if not completion and not asked["input"]:
        return None
    return Shape.ALPACA, {"prompt": instruction, "completion": completion, **asked}


def _turns(seen: Seen) -> Answer:
    turns = seen.column("turns")
    strings = turns and all(
        isinstance(v, list) and all(isinstance(t, str) for t in v) for v in seen.values(turns)
    )
    return (Shape.TURNS, {"turns": turns}) if strings else None


def _question_answer(seen: Seen) -> Answer:
    question = seen.text("question")
    answer, truth = seen.answer(), seen.truth()
    if not question or not answer:
        return None
    if seen.named("solution") and seen.named("answer"):  # worked solution and final answer, as in NuminaMath
        answer, truth = seen.named("solution"), seen.named("answer")
    asked: Fields = {"prompt": question, "context": seen.any("context")}
    return Shape.QUESTION_ANSWER, {**asked, "completion": answer, "ground_truth": truth}


def _prompt_completion(seen: Seen) -> Answer:
    prompt = seen.talk("prompt") or seen.text("prompt") or seen.text("input") or seen.named("text")
    completion, code = seen.answer(), seen.column("code")
    if code and completion and completion == seen.named("output") and seen.named("input"):
        return None  # a function, its input and its output: what is asked is neither of them
    completion, truth = completion or code, seen.truth()
    both = prompt and completion
    return (
        (Shape.PROMPT_COMPLETION, {"prompt": prompt, "completion": completion, "ground_truth": truth})
        if both
        else None
    )


def _prompt(seen: Seen) -> Answer:
    prompt = seen.talk("prompt") or seen.text("prompt") or seen.text("question")
    return (Shape.PROMPT, {"prompt": prompt, "context": seen.any("context")}) if prompt else None


def _text(seen: Seen) -> Answer:
    document = seen.text("text")
    if not document or seen.named("role"):  # a flat list of turns is no list of documents
        return None
    return (Shape.TRANSCRIPT if seen.are_transcripts(document) else Shape.TEXT), {"text": document}


def _unnamed(seen: Seen) -> Answer:
    """Files without a header: one column is text, two or three are question, answer and reason (FLAN)."""
    width = seen.unnamed()
    if width == 1:
        return Shape.TEXT, {"text": "column_1"}
    if width in (2, 3):
        return Shape.QUESTION_ANSWER, {"prompt": "column_1", "completion": "column_2"}
    last = f"column_{width}"
    if width > 3 and all(value in LETTERS for value in seen.values(last)):  # choices and a letter, as in MMLU
        return Shape.QUESTION_ANSWER, {"prompt": "column_1", "completion": last}
    return None


RULES: tuple[Callable[[Seen], Answer], ...] = (
    _unpaired,
    _preference,
    _candidates,
    _rlvr,
    _conversation,
    _self_instruct,
    _alpaca,
    _turns,
    _question_answer,
    _prompt_completion,
    _prompt,
    _text,
    _unnamed,
)


def _question(seen: Seen) -> str:
    names = ", ".join(f'"{name}"' for name in seen.names[:20]) or "none"
    if inner := seen.wrapped():
        return (
            f'The rows seem to lie inside "{inner}" of one object: write them as a JSON array or JSON lines'
        )
    a, b = (*seen.names, "question", "answer")[:2]
    return (
        f"No known shape fits the columns {names}. Say which column plays which role, for example "
        f'{{"shape": "prompt_completion", "fields": {{"prompt": "{a}", "completion": "{b}"}}}}; '
        f"the shapes are {', '.join(Shape)}"
    )
