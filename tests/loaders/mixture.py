"""
What the loaders are given: conversations that lose something in a careless export, as files of every profile.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from curation.engine.exporters import PROFILES, Exporter, Profile, shard_path, survey
from curation.engine.records import Completion, Content, Message
from tests.curation.engine.making import batch_of

UNICODE = 'Grüße, 東京 ✨ नमस्ते مرحبا e\u0301 \u2028 <b>"\\n"</b>\n\n    four spaces\ttab '
FERRY = [
    Message("system", "Answer as a harbour master would."),
    Message("user", "When does the ferry leave?"),
    Message("assistant", "At six, if the fog lifts."),
    Message("user", "And if it does not?"),
]
CHATS = [
    Content((Message("user", "Name a river."), Message("assistant", "The Loire."))),
    Content((*FERRY, Message("assistant", "Then at seven."))),
    Content((Message("user", UNICODE), Message("assistant", UNICODE[::-1].strip()))),
    Content((Message("user", "Yes or no?"), Message("assistant", "No"))),
]

# Two tools whose arguments share no key and no type: as Arrow structs each would get the keys of the other. A third
# takes none, and does not say so.
WEATHER = {"city": "Reykjavík", "days": 3, "hourly": False}
SEARCH = {"terms": ["mill", "river"], "within": {"km": 2.5, "of": None}}
DESCRIBED = {"weather": ("city", "string"), "search": ("terms", "array")}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"What there is of {name}.",
            "parameters": {
                "type": "object",
                "properties": {asked: {"type": kind, "description": f"Which {asked}."}},
                "required": [asked],
            },
        },
    }
    for name, (asked, kind) in DESCRIBED.items()
]
TOOLS.append({"type": "function", "function": {"name": "now", "description": "What there is of now."}})


def calling(name: str, arguments: dict) -> Message:
    call = {"id": f"call-{name}", "type": "function", "function": {"name": name, "arguments": arguments}}
    return Message("assistant", None, tool_calls=json.dumps([call], ensure_ascii=False))


CALLS = [
    Content(
        (
            Message("user", "Will it rain?"),
            calling("weather", WEATHER),
            Message("tool", '{"rain": true}', name="weather"),
            Message("assistant", "It will.", thinking="The tool says rain."),
        ),
        tools=json.dumps(TOOLS),
    ),
    Content(
        (
            Message("user", "Where are the mills?"),
            calling("search", SEARCH),
            Message("tool", "[]", name="search"),
            Message("assistant", "There are none."),
        ),
        tools=json.dumps(TOOLS),
    ),
    CHATS[0],
]


def pair(prompt: Sequence[Message], better: str, worse: str) -> Content:
    answers = (("a", worse), ("b", better))
    given = tuple(Completion(key, (Message("assistant", text),)) for key, text in answers)
    return Content(tuple(prompt), given, chosen=1, rejected=0)


PAIRS = [
    pair([Message("user", "Name a river.")], "The Loire.", "Paris."),
    pair(FERRY, "Then at seven.", "I do not know, ask somebody else."),
    pair([Message("user", UNICODE)], "✨ merci", "no"),
]
PROBLEMS = [
    Content((Message("user", "What is 8 times 9?"),), ground_truth="72", verifier="gsm8k"),
    Content(
        (Message("system", "Think first."), Message("user", "What is 6 times 7?")),
        ground_truth="42",
        verifier="gsm8k",
    ),
    Content((Message("user", f"{UNICODE} What is 2 plus 2?"),), ground_truth="4", verifier="gsm8k"),
]
SOLUTION = ("Three times four is twelve.", "One more is thirteen.", "The answer is 14.")
STEPS = [
    Content(
        (Message("user", "What is 3 times 4, plus 1?"),),
        tuple(Completion(str(at), (Message("assistant", said),)) for at, said in enumerate(SOLUTION)),
        labels={"steps": "[true, true, false]"},
    )
]
SEEN = [
    Content(
        (Message("user", "<image>What is this?"), Message("assistant", "A mill.")), images=("seen/mill.png",)
    ),
    CHATS[0],
]
LONG = [
    Content((Message("user", "Say it again."), Message("assistant", "ferry 東京\n" * 90_000))),
    CHATS[0],
]  # 1 MB
MIXTURES = {
    "chats": CHATS,
    "seen": SEEN,
    "long": LONG,
    "calls": CALLS,
    "pairs": PAIRS,
    "problems": PROBLEMS,
    "steps": STEPS,
}
LEFT_OUT = {("calls", "openai_sft"): 1}  # the service has no field for thinking
ALIKE = {
    "chats": ("sft_messages", "sft_prompt_completion", "openai_sft", "llamafactory_sft", "alpaca"),
    "calls": ("sft_messages", "sft_prompt_completion", "openai_sft", "llamafactory_sft"),
    "pairs": (
        *("pref_explicit", "pref_implicit", "unpaired", "openai_dpo", "nemo_rl"),
        *("llamafactory_preference", "llamafactory_kto"),
    ),
    "problems": ("rlvr_open_instruct", "rlvr_verl", "rlvr_prompt", "prompts"),
    "steps": ("stepwise",),
    "seen": ("sft_messages",),
    "long": ("sft_messages",),
}


def written(folder: Path) -> Path:
    """
    The exports of every mixture below the folder, as a run lays them out: `<mixture>/<profile>/data/…`. In
    `objects` are the JSON lines whose calls hold objects.
    """
    for mixture, profiles in ALIKE.items():
        batch = batch_of(*MIXTURES[mixture])
        for name in profiles:
            _write(folder / mixture, PROFILES[name], batch)
    calls = batch_of(*CALLS)
    for name in ("sft_messages", "sft_prompt_completion"):
        _write(folder / "objects", PROFILES[name], calls, "object")
    return folder


def _write(root: Path, profile: Profile, batch: pa.RecordBatch, arguments: str = "string") -> None:
    exporter = Exporter(profile, survey(profile, batch).features)
    rows, skips = exporter.to_batch(batch)
    assert skips.total == LEFT_OUT.get((root.name, profile.name), 0), (profile.name, skips)
    paths = [shard_path("train", 0, 1, profile=profile.name, suffix=suffix) for suffix in profile.formats]
    for path, suffix in zip(paths, profile.formats, strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        exporter.write(root / path, suffix, [rows], tool_arguments=arguments)
    for path, text in profile.papers(root.name, exporter.features, paths).items() if profile.papers else ():
        (root / path).write_text(text)


def told(messages: Sequence[Message], tools: str | None = None, *, objects: bool = False) -> str:
    """
    What the chat template of `inside/tiny.py` makes of a conversation. Arguments that reach it as objects are
    written with spaces.
    """
    start = f"<|im_start|>tools\n{json.dumps(json.loads(tools))}<|im_end|>\n" if tools else ""
    return start + "".join(
        f"<|im_start|>{turn.role}\n"
        + (f"<think>{turn.thinking}</think>" if turn.thinking else "")
        + (turn.content or "")
        + "".join(_called(call["function"], objects) for call in json.loads(turn.tool_calls or "[]"))
        + "<|im_end|>\n"
        for turn in messages
    )


def _called(function: dict, objects: bool) -> str:
    separators = None if objects else (",", ":")
    arguments = json.dumps(function["arguments"], ensure_ascii=False, separators=separators)
    return f"<call>{function['name']} {arguments}</call>"


def answers(side: str) -> list[str]:
    """What the pairs' chosen or rejected answers add to their prompts in that template."""
    given = [content.completions[getattr(content, side)].messages for content in PAIRS]
    return [told(turns).removeprefix("<|im_start|>assistant\n") for turns in given]


def asked(messages: Sequence[Message]) -> str:
    """A prompt of the same template, up to where the answer begins."""
    return told(messages) + "<|im_start|>assistant\n"
