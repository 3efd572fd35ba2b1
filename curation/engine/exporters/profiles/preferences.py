"""
Answers that were compared or judged. Row shapes: TRL, docs/source/dataset_formats.md; open-instruct,
open_instruct/dataset_transformation.py; NeMo-RL, nemo_rl/data/datasets/preference_datasets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters import lint
from curation.engine.exporters.choosing import (
    ANSWERED_TWICE,
    NO_MESSAGES,
    NO_SUCH_COMPLETION,
    NOT_ANSWERED,
    Chosen,
    Draft,
    Rows,
    mask,
    records_of,
)
from curation.engine.exporters.profiles.conversations import (
    ID,
    IMAGES,
    OPTIONAL,
    Conversations,
    Features,
    messages,
)
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.profiles.sft import CHATS, TOOLS, WITH_IMAGES
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import Ints, Mask, Turns, list_array

NO_PAIR = "has no chosen and rejected completion"
SAME = "chosen and rejected say the same"
NOT_JUDGED = "has no pair, and no single completion that is labelled desirable or not"
SCORES = ("score", "overall_score", "rating", "reward")
MARGIN = pa.field("margin", pa.float64())


def pairs(rows: Rows, verdicts: Verdicts) -> Draft:
    """The messages as prompt, and what the chosen and the rejected completion add to them."""
    prompt = rows.pool.messages
    chosen, rejected = (rows.pool.completion(rows.index(side)) for side in ("chosen", "rejected"))
    verdicts.skip(prompt.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.out_of_range("chosen") | rows.out_of_range("rejected"), NO_SUCH_COMPLETION)
    verdicts.skip(~(rows.given("chosen") & rows.given("rejected")), NO_PAIR)
    verdicts.skip(rows.ends_with(prompt, "assistant"), ANSWERED_TWICE)
    verdicts.skip(
        ~(rows.ends_with(chosen, "assistant") & rows.ends_with(rejected, "assistant")), NOT_ANSWERED
    )
    verdicts.skip(rows.pool.same(chosen, rejected), SAME)
    return Draft([prompt, chosen, rejected], {"margin": margin(rows)})


def whole_pairs(rows: Rows, verdicts: Verdicts) -> Draft:
    """Both conversations in full."""
    draft = pairs(rows, verdicts)
    prompt, *sides = draft.turns
    return Draft([prompt.then(side) for side in sides], draft.columns)


def margin(rows: Rows) -> pa.Array:
    """How much better the chosen completion was scored, by the first of `SCORES` that both have."""
    found = pa.nulls(len(rows), pa.float64())
    sides = [rows.pool.completion_at(rows.index(side)) for side in ("chosen", "rejected")]
    for name in SCORES:
        score = rows.pool.score(name)
        best, worst = (score.take(pa.array(at, mask=at < 0)) for at in sides)
        found = pc.coalesce(found, pc.subtract(best, worst))
    return found


def judged(rows: Rows, verdicts: Verdicts) -> Draft:
    """Two rows for a pair, the chosen one first, and one for a single completion with `labels.desirable`."""
    pool, verdict = rows.pool, rows.note("labels", "desirable")
    paired = rows.given("chosen") & rows.given("rejected")
    single = ~paired & (pool.completions == 1) & mask(pc.is_in(verdict, pa.array(["true", "false"])))
    verdicts.skip(pool.messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.out_of_range("chosen") | rows.out_of_range("rejected"), NO_SUCH_COMPLETION)
    verdicts.skip(~paired & ~single, NOT_JUDGED)
    verdicts.skip(rows.ends_with(pool.messages, "assistant"), ANSWERED_TWICE)
    first = pool.completion(np.where(single, 0, rows.index("chosen")))
    second = pool.completion(np.where(paired, rows.index("rejected"), -1))
    verdicts.skip(paired & pool.same(first, second), SAME)
    row, is_second = _twice(paired)
    answer = Turns(
        np.where(is_second[:, None], second.first[row], first.first[row]),
        np.where(is_second[:, None], second.count[row], first.count[row]),
    )
    verdicts.skip(records_of(row, ~rows.ends_with(answer, "assistant"), len(rows)), NOT_ANSWERED)
    good = np.where(paired[row], ~is_second, mask(pc.equal(verdict, "true"))[row])
    return Draft([pool.messages.at(row), answer], {"label": pa.array(good, pa.bool_())}, row)


def _twice(paired: Mask) -> tuple[Ints, Mask]:
    """The records, paired ones twice, and which of these rows are the second of their record."""
    row = np.repeat(np.arange(len(paired)), np.where(paired, 2, 1))
    return row, np.append(False, row[1:] == row[:-1])[: len(row)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """NeMo-RL's preferences: the context, and completions with their rank, 0 for the best."""

    @property
    def optional(self) -> Features:
        return frozenset(one.name for one in OPTIONAL)

    def occurring(self, chosen: Chosen) -> Features:
        return frozenset(one.name for one in OPTIONAL if chosen.has_field(one.name))

    def schema(self, features: Features) -> pa.Schema:
        kind = pa.list_(pa.struct(Conversations(()).fields(features)))
        ranked = pa.struct([pa.field("rank", pa.int64()), pa.field("completion", kind)])
        return pa.schema([pa.field("context", kind), pa.field("completions", pa.list_(ranked)), ID])

    def columns(self, chosen: Chosen, features: Features) -> Mapping[str, pa.Array]:
        fields, (context, best, worst) = Conversations(()).fields(features), chosen.turns
        both = Turns(
            np.hstack([best.first, worst.first]).reshape(-1, 1),
            np.hstack([best.count, worst.count]).reshape(-1, 1),
        )
        ranks = pa.array(np.tile(np.arange(2), len(context)))
        kind = self.schema(features).field("completions").type.value_type
        completions = list_array(
            [ranks, messages(chosen, both, fields)], list(kind), np.full(len(context), 2, np.int64)
        )
        return dict(chosen.columns) | {
            "context": messages(chosen, context, fields),
            "completions": completions,
        }


PREFERENCES = (
    Profile(
        "pref_explicit",
        "Preference pairs with their prompt",
        Group.PREFERENCES,
        "{prompt, chosen, rejected, [margin], [tools], [images], id}",
        ("TRL DPO, CPO, ORPO", "OpenRLHF", "Unsloth"),
        pairs,
        Conversations(("prompt", "chosen", "rejected"), extras=(MARGIN, TOOLS, pa.field("images", IMAGES))),
        "prompt",
        WITH_IMAGES,
        {"tools": "tools", "images": "images"},
        (lint.SYSTEM_LATE, lint.SCORED_WORSE, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS, lint.LARGE),
    ),
    Profile(
        "pref_implicit",
        "Preference pairs as two whole conversations",
        Group.PREFERENCES,
        "{chosen, rejected, [margin], [tools], id}",
        ("open-instruct DPO", "TRL Reward", "OpenRLHF", "Axolotl", "torchtune"),
        whole_pairs,
        Conversations(("chosen", "rejected"), extras=(MARGIN, TOOLS)),
        "chosen",
        CHATS,
        {"tools": "tools"},
        (lint.SYSTEM_LATE, lint.SCORED_WORSE, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS, lint.LARGE),
    ),
    Profile(
        "unpaired",
        "Answers that were judged one by one",
        Group.PREFERENCES,
        "{prompt, completion, label, [tools], id}, two rows for a pair",
        ("TRL KTO, BCO",),
        judged,
        Conversations(("prompt", "completion"), (pa.field("label", pa.bool_()),)),
        "prompt",
        CHATS,
        {"tools": "tools"},
        (lint.SYSTEM_LATE, lint.LEARNS_RESULTS, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS, lint.LARGE),
    ),
)
NEMO_RL = Profile(
    "nemo_rl",
    "Preference pairs with ranks for NeMo-RL",
    Group.PREFERENCES,
    "{context, completions: [{rank, completion}], id}",
    ("NeMo-RL DPO",),
    pairs,
    Ranked(),
    "context",
    CHATS - {"tools"},
    warn=(lint.SYSTEM_LATE, lint.SCORED_WORSE, lint.EMPTY_RESULT, lint.NULL_ARGUMENTS),
    formats=("jsonl",),
)
