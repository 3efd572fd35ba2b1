"""
Solutions step by step, each step judged, for process reward models (TRL, docs/source/prm_trainer.md; Axolotl,
`stepwise_supervised`). A record holds the steps as completions in their order, none of them chosen, and the verdicts
as a JSON list of booleans in `labels["steps"]`, or in `meta["labels"]`, where an import of such a file keeps them.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters import lint
from curation.engine.exporters.choosing import NO_MESSAGES, Chosen, Draft, Rows
from curation.engine.exporters.profiles.conversations import ID
from curation.engine.exporters.profiles.plain import Plain
from curation.engine.exporters.profiles.profile import Group, Profile
from curation.engine.exporters.skips import Verdicts
from curation.engine.exporters.turns import Turns

NOT_STEPS = "has no list of true and false, one for each of its completions"
NOT_ONE_QUESTION = "has a prompt of several turns, and this profile has one text"
NOT_ONE_TURN = "has a completion that is not one assistant turn"
SCHEMA = pa.schema(
    [
        pa.field("prompt", pa.string()),
        pa.field("completions", pa.list_(pa.string())),
        pa.field("labels", pa.list_(pa.bool_())),
        ID,
    ]
)
VERDICTS = SCHEMA.field("labels").type


def judged_steps(rows: Rows, verdicts: Verdicts) -> Draft:
    pool = rows.pool
    told = pc.coalesce(rows.note("labels", "steps"), rows.note("meta", "labels"))
    labels = pa.array([_verdicts(text) for text in told.to_pylist()], VERDICTS)
    counts = pc.fill_null(pc.list_value_length(labels), 0).to_numpy()
    user = rows.ends_with(pool.messages, "user")
    verdicts.skip(pool.messages.lengths == 0, NO_MESSAGES)
    verdicts.skip(rows.given("chosen") | (counts == 0) | (counts != pool.completions), NOT_STEPS)
    verdicts.skip(~user | (pool.messages.lengths > 1), NOT_ONE_QUESTION)
    steps = pool.steps
    others = steps.any(~pool.role("assistant")) | (steps.lengths != pool.completions)
    verdicts.skip(others | _uneven(rows), NOT_ONE_TURN)
    return Draft([pool.messages, steps], {"labels": labels})


def _uneven(rows: Rows) -> Any:
    """Rows with a completion of no turns or of several."""
    lengths = pc.list_value_length(rows.batch.column("completions").flatten().field("messages")).to_numpy()
    of = pc.list_parent_indices(rows.batch.column("completions")).to_numpy()
    found = np.zeros(len(rows), bool)
    found[of[lengths != 1]] = True
    return found


def _verdicts(text: str | None) -> list[bool] | None:
    try:
        given = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, list) and all(isinstance(one, bool) for one in given) else None


def _columns(chosen: Chosen) -> Mapping[str, pa.Array]:
    prompt, steps = chosen.turns
    content = chosen.field("content")
    return {
        "prompt": content.take(pa.array(prompt.positions())),
        "completions": _lists(content.take(pa.array(steps.positions())), steps),
    }


def _lists(texts: pa.Array, turns: Turns) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(turns.lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts)


STEPWISE = Profile(
    "stepwise",
    "Solutions judged step by step",
    Group.REWARDS,
    "{prompt, completions, labels, id}",
    ("TRL PRM", "Axolotl"),
    judged_steps,
    Plain(SCHEMA, _columns),
    lambda row: [{"role": "user", "content": row["prompt"]}],
    frozenset(),
    warn=(lint.LARGE,),
)
