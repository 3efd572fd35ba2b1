"""
Conversations to imitate. Row shapes: TRL, docs/source/dataset_formats.md; open-instruct,
open_instruct/dataset_transformation.py; verl, verl/utils/dataset/multiturn_sft_dataset.py.
"""

import numpy as np
import pyarrow as pa

from curation.engine.exporters import lint
from curation.engine.exporters.choosing import (
    ANSWERED_TWICE,
    NO_MESSAGES,
    NO_SUCH_COMPLETION,
    NOT_ANSWERED,
    Draft,
    Rows,
)
from curation.engine.exporters.profiles.conversations import IMAGES, Conversations
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import Turns

NONE_CHOSEN = "has completions, but none is chosen"
NO_USER = "has no user turn"
TEXT = ("text-generation",)
CHATS = frozenset(("tools", "tool_calls", "thinking", "name"))
WITH_IMAGES = CHATS | {"images"}
TOOLS = pa.field("tools", pa.string())


def conversation(rows: Rows, verdicts: Verdicts) -> Draft:
    """The whole conversation, with the chosen completion where there is one."""
    messages, chosen = rows.pool.messages, rows.given("chosen")
    whole = messages.then(rows.pool.completion(rows.index("chosen")))
    answered = rows.ends_with(whole, "assistant")
    verdicts.skip(messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.out_of_range("chosen"), NO_SUCH_COMPLETION)
    verdicts.skip(chosen & rows.ends_with(messages, "assistant"), ANSWERED_TWICE)
    verdicts.skip(~chosen & ~answered & (rows.pool.completions > 0), NONE_CHOSEN)
    verdicts.skip(~answered, NOT_ANSWERED)
    return Draft([whole])


def asked_and_answered(rows: Rows, verdicts: Verdicts) -> Draft:
    """
    The same in two: the chosen completion is the answer, and where there is none, all that follows the last user
    turn, as only that is learned from.
    """
    conversation(rows, verdicts)
    messages = rows.pool.messages
    asked = messages.until(rows.pool.role("user"))
    verdicts.skip(asked.lengths == 0, NO_USER)
    chosen = rows.given("chosen")
    prompt = Turns(messages.first, np.where(chosen[:, None], messages.count, asked.count))
    answer = messages.beyond(prompt).then(rows.pool.completion(rows.index("chosen")))
    return Draft([prompt, answer])


SFT = (
    Profile(
        "sft_messages",
        "Conversations for supervised fine-tuning",
        Group.FINE_TUNING,
        "{messages, [tools], [images], id}",
        ("TRL SFT", "open-instruct", "Axolotl", "OpenRLHF", "verl", "Unsloth", "torchtune", "NeMo-RL"),
        conversation,
        Conversations(("messages",), extras=(TOOLS, pa.field("images", IMAGES))),
        "messages",
        WITH_IMAGES,
        {"tools": "tools", "images": "images"},
        (
            lint.ALTERNATES,
            lint.SYSTEM_LATE,
            lint.NO_SYSTEM,
            lint.EMPTY_RESULT,
            lint.NULL_ARGUMENTS,
            lint.LARGE,
        ),
        tasks=TEXT,
    ),
    Profile(
        "sft_prompt_completion",
        "Prompts and their answers, learned from the answers only",
        Group.FINE_TUNING,
        "{prompt, completion, [tools], id}",
        ("TRL SFT", "OpenRLHF"),
        asked_and_answered,
        Conversations(("prompt", "completion")),
        "prompt",
        CHATS,
        {"tools": "tools"},
        (lint.SYSTEM_LATE, lint.LEARNS_RESULTS, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS, lint.LARGE),
        tasks=TEXT,
    ),
)
