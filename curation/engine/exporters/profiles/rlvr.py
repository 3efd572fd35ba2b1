"""
Questions whose answers a program checks. Row shapes: open-instruct, open_instruct/ground_truth_utils.py; verl,
docs/preparation/prepare_data.rst; TRL, docs/source/grpo_trainer.md.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters import lint
from curation.engine.exporters.choosing import NO_MESSAGES, Draft, Rows
from curation.engine.exporters.profiles.conversations import IMAGES, Conversations
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.profiles.sft import CHATS, NO_USER, TOOLS, WITH_IMAGES
from curation.engine.exporters.skips import Verdicts

NO_TRUTH = "has no ground truth"
NO_VERIFIER = "names no verifier"
VERL = {"gsm8k": "openai/gsm8k", "math": "lighteval/MATH", "strict_math": "lighteval/MATH"}
ABILITY = {
    "gsm8k": "math",
    "math": "math",
    "strict_math": "math",
    "code": "code",
    "ifeval": "instruction following",
}
HEX = 13  # digits of an id that fit into the whole numbers of JSON and of float64
TEXT = pa.string()
REWARD = pa.struct([pa.field("style", TEXT), pa.field("ground_truth", TEXT)])
EXTRA = pa.struct([pa.field("split", TEXT), pa.field("index", pa.int64()), pa.field("id", TEXT)])
SCORED_BY = (pa.field("verifier", TEXT), pa.field("constraints", TEXT))


def questions(rows: Rows, verdicts: Verdicts) -> Draft:
    """
    The messages up to the last user turn: whatever follows it is an answer and not for the trainer to see.
    """
    messages = rows.pool.messages
    prompt = messages.until(rows.pool.role("user"))
    verdicts.skip(messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(prompt.lengths == 0, NO_USER)
    return Draft([prompt])


def checkable(rows: Rows, verdicts: Verdicts) -> Draft:
    """Those with something to check an answer against: the ground truth, else the constraints."""
    draft = questions(rows, verdicts)
    truth = pc.coalesce(_said(rows, "ground_truth"), _said(rows, "constraints"))
    verdicts.skip(truth.is_null().to_numpy(zero_copy_only=False), NO_TRUTH)
    return Draft(draft.turns, {"truth": truth})


def answered(rows: Rows, verdicts: Verdicts) -> Draft:
    draft = checkable(rows, verdicts)
    return Draft(draft.turns, {"answer": draft.columns["truth"]})


def verified(rows: Rows, verdicts: Verdicts) -> Draft:
    """Those whose verifier is named; open-instruct calls its name `dataset`."""
    draft, verifier = checkable(rows, verdicts), _said(rows, "verifier")
    verdicts.skip(verifier.is_null().to_numpy(zero_copy_only=False), NO_VERIFIER)
    return Draft(draft.turns, {"ground_truth": draft.columns["truth"], "dataset": verifier})


def scored_by_verl(rows: Rows, verdicts: Verdicts) -> Draft:
    """
    verl's five fields. `data_source` selects the scorer: what the record's notes name, else verl's name for the
    verifier, else the verifier, else the source. `index` tells rows apart, so it is made of the id.
    """
    draft, batch = checkable(rows, verdicts), rows.batch
    verifier = _said(rows, "verifier")
    lower = pc.utf8_lower(verifier)
    scorer = pc.coalesce(_filled(rows.note("meta", "data_source")), _named(lower, VERL), verifier)
    ability = pc.coalesce(_filled(rows.note("meta", "ability")), _named(lower, ABILITY), pa.scalar("general"))
    style, split = (pa.repeat(word, len(rows)) for word in ("rule", "train"))
    reward = pa.StructArray.from_arrays([style, draft.columns["truth"]], fields=list(REWARD))
    extra = pa.StructArray.from_arrays(
        [split, _numbers(batch.column("id")), batch.column("id")], fields=list(EXTRA)
    )
    columns = {"data_source": pc.coalesce(scorer, batch.column("source")), "ability": ability}
    return Draft(draft.turns, columns | {"reward_model": reward, "extra_info": extra})


def _said(rows: Rows, name: str) -> pa.Array:
    return _filled(rows.batch.column(name))


def _filled(texts: pa.Array) -> pa.Array:
    """The texts with null for blank ones, which name nothing and answer nothing."""
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), pa.scalar(None, TEXT), texts)


def _named(names: pa.Array, table: dict[str, str]) -> pa.Array:
    return pa.array(list(table.values()), TEXT).take(pc.index_in(names, pa.array(list(table), TEXT)))


def _numbers(ids: pa.Array) -> pa.Array:
    """Whole numbers from the first hex digits of ids."""
    if not len(ids):
        return pa.array([], pa.int64())
    digits = np.array(pc.utf8_slice_codeunits(ids, 0, HEX).to_pylist(), f"S{HEX}")
    codes = digits.view(np.uint8).reshape(len(ids), HEX).astype(np.int64)
    values = np.where(codes >= ord("a"), codes - ord("a") + 10, codes - ord("0"))
    return pa.array((values << np.arange(4 * (HEX - 1), -1, -4)).sum(axis=1))


RLVR = (
    Profile(
        "rlvr_open_instruct",
        "Prompts with ground truth for open-instruct",
        Group.REWARDS,
        "{messages, ground_truth, dataset, [tools], id}",
        ("open-instruct GRPO",),
        verified,
        Conversations(("messages",), (pa.field("ground_truth", TEXT), pa.field("dataset", TEXT))),
        "messages",
        CHATS,
        {"tools": "tools"},
        (lint.SYSTEM_LATE, lint.UNKNOWN_VERIFIER, lint.TRUTH_SHAPE, lint.NULL_ARGUMENTS, lint.LARGE),
    ),
    Profile(
        "rlvr_verl",
        "Prompts with ground truth for verl",
        Group.REWARDS,
        "{data_source, prompt, ability, reward_model: {style, ground_truth}, extra_info: {split, index, id}}",
        ("verl",),
        scored_by_verl,
        Conversations(
            ("prompt",),
            (
                pa.field("data_source", TEXT),
                pa.field("ability", TEXT),
                pa.field("reward_model", REWARD),
                pa.field("extra_info", EXTRA),
            ),
            extras=(),
            named=False,
        ),
        "prompt",
        CHATS - {"tools"},
        warn=(lint.SYSTEM_LATE, lint.UNKNOWN_SCORER, lint.LONG_PROMPT, lint.LARGE),
        formats=("parquet",),
    ),
    Profile(
        "rlvr_prompt",
        "Prompts with the answer to check against",
        Group.REWARDS,
        "{prompt, answer, [verifier], [constraints], [tools], id}",
        ("TRL GRPO", "OpenRLHF"),
        answered,
        Conversations(("prompt",), (pa.field("answer", TEXT),), (*SCORED_BY, TOOLS)),
        "prompt",
        CHATS,
        {"verifier": "verifier", "constraints": "constraints", "tools": "tools"},
        (lint.SYSTEM_LATE, lint.LONG_PROMPT, lint.LARGE),
    ),
)
PROMPTS = Profile(
    "prompts",
    "Prompts for reinforcement learning",
    Group.REWARDS,
    "{prompt, [answer], [verifier], [constraints], [tools], [images], id}",
    ("TRL GRPO, RLOO, online DPO", "OpenRLHF"),
    questions,
    Conversations(
        ("prompt",), extras=(pa.field("answer", TEXT), *SCORED_BY, TOOLS, pa.field("images", IMAGES))
    ),
    "prompt",
    WITH_IMAGES,
    {
        "answer": "ground_truth",
        "verifier": "verifier",
        "constraints": "constraints",
        "tools": "tools",
        "images": "images",
    },
    (lint.SYSTEM_LATE, lint.LARGE),
)
