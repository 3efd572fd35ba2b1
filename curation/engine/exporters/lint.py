"""
What the readers of a profile stumble over, though its rows have the right shape: looked for before anything is
written, counted in the manifest, shown on the page of the export.

What a reader cannot load at all is skipped by the profile; a warning is for what loads and then misleads. Lengths
count four bytes a token, since no tokenizer is chosen for an export.
"""

import ast
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.engine.exporters.choosing import Chosen, mask
from curation.engine.exporters.skips import Skips
from curation.engine.exporters.turns import Mask, Turns

BYTES_PER_TOKEN = 4
VERL_PROMPT = 512
FIRST_ROWS, FIRST_BYTES = 10, 200_000
VERIFIERS = {  # open_instruct/ground_truth_utils.py; LM judges are called general-…
    *(
        "gsm8k",
        "math",
        "strict_math",
        "ifeval",
        "ifeval_old",
        "flan",
        "string_matcher",
        "string_f1",
        "puzzle",
    ),
    *("re_search_f1", "re_search", "max_length", "up_to_max_length", "code", "passthrough", "rubric"),
}
NUMINA = ("aops_forum", "synthetic_math", "amc_aime", "synthetic_amc", "cn_k12", "olympiads")
SEARCH = ("nq", "triviaqa", "popqa", "hotpotqa", "2wikimultihopqa", "musique", "bamboogle")
SCORERS = {  # verl/utils/reward_score/__init__.py, and all that begins with aime
    *("openai/gsm8k", "lighteval/MATH", "DigitalLearningGmbH/MATH-lighteval", "HuggingFaceH4/MATH-500"),
    *("math_dapo", "math", "math_dapo_reasoning", "codecontests", "apps", "codeforces", "taco"),
    *("hiyouga/geometry3k", *(f"numina_{name}" for name in NUMINA), *(f"searchR1_{name}" for name in SEARCH)),
}


@dataclass(frozen=True, slots=True)
class Warn:
    """A sentence that goes on from "a row that", and which of the chosen rows it is true of."""

    sentence: str
    find: Callable[[Chosen], Mask]
    of_first_rows: bool = False


def warnings(checks: Sequence[Warn], chosen: Chosen, *, first: bool = False) -> Skips:
    """Counts and example ids by warning; checks of first rows are made for the `first` batch only."""
    found = Skips()
    for check in checks:
        if first or not check.of_first_rows:
            ids = chosen.ids.filter(pa.array(check.find(chosen), pa.bool_())).to_pylist()
            if ids:
                found += Skips({check.sentence: len(ids)}, {check.sentence: tuple(ids)})
    return found


def _spoken_order(chosen: Chosen) -> Mask:
    turns = chosen.turns[0]
    at, begins = turns.positions(), turns.places() == 0
    users, tools = (chosen.rows.pool.role(name)[at] for name in ("user", "tool"))
    asks, answers = users | tools, chosen.rows.pool.role("assistant")[at]
    follows = np.append(False, answers[:-1])[: len(at)] & ~begins
    after_ask = np.append(False, asks[:-1])[: len(at)] & ~begins
    starts = ~follows & ~after_ask  # the first turn, or the one behind a system turn
    wrong = (asks & after_ask) | (answers & follows) | (answers & starts)
    return turns.row_has(wrong)


def _is_system(chosen: Chosen, turns: Turns) -> Mask:
    pool = chosen.rows.pool
    found: Mask = (pool.role("system") | pool.role("developer"))[turns.positions()]
    return found


def _system_late(chosen: Chosen) -> Mask:
    turns = chosen.turns[0]
    return turns.row_has(_is_system(chosen, turns) & (turns.places() > 0))


def _no_system(chosen: Chosen) -> Mask:
    turns = chosen.turns[0]
    return ~turns.row_has(_is_system(chosen, turns) & (turns.places() == 0))


def _any(chosen: Chosen, marked: Mask) -> Mask:
    found = np.zeros(len(chosen.ids), bool)
    for turns in chosen.turns:
        found |= turns.any(marked)
    return found


def _empty_result(chosen: Chosen) -> Mask:
    pool = chosen.rows.pool
    content = pc.utf8_trim_whitespace(pc.fill_null(pool.column("content"), "x"))
    return _any(chosen, mask(pc.equal(content, "")))


def _learns_results(chosen: Chosen) -> Mask:
    return chosen.turns[1].any(chosen.rows.pool.role("tool"))


def _has_past(chosen: Chosen) -> Mask:
    """Instructions with something before them."""
    found: Mask = (chosen.turns[0].lengths > 2) | mask(pc.not_equal(chosen.columns["system"], ""))
    return found


def _null_arguments(chosen: Chosen) -> Mask:
    calls = chosen.field("tool_calls")
    found = np.zeros(len(calls), bool)
    if calls.null_count < len(calls):
        texts = calls.flatten().field("function").field("arguments")
        nulls = mask(pc.match_substring_regex(texts, r":\s*null\s*[,}]"))
        found[pc.list_parent_indices(calls).to_numpy()[nulls]] = True
    return _any(chosen, found)


def _scored_worse(chosen: Chosen) -> Mask:
    return mask(pc.less(chosen.columns["margin"], 0))


def _bytes(chosen: Chosen, turns: Turns) -> Any:
    sizes = pc.fill_null(pc.binary_length(chosen.field("content")), 0).to_numpy()[turns.positions()]
    before, ends = np.concatenate([[0], np.cumsum(sizes)]), np.cumsum(turns.lengths)
    return before[ends] - before[ends - turns.lengths]


def _long_prompt(chosen: Chosen) -> Mask:
    long: Mask = _bytes(chosen, chosen.turns[0]) > BYTES_PER_TOKEN * VERL_PROMPT
    return long


def _large(chosen: Chosen) -> Mask:
    sizes = sum(_bytes(chosen, turns) for turns in chosen.turns)
    found: Mask = (np.arange(len(chosen.ids)) < FIRST_ROWS) & (sizes[:FIRST_ROWS].sum() > FIRST_BYTES)
    return found


def _unknown_verifier(chosen: Chosen) -> Mask:
    return _each(chosen.columns["dataset"], lambda name: not _verifies(name))


def _verifies(name: str) -> bool:
    return name.lower() in VERIFIERS or name.lower().startswith("general-")


def _unknown_scorer(chosen: Chosen) -> Mask:
    return _each(
        chosen.columns["data_source"], lambda name: name not in SCORERS and not name.startswith("aime")
    )


def _each(column: pa.Array, test: Callable[[str], bool]) -> Mask:
    """The test for every value, made once for each different one."""
    coded = column.dictionary_encode()
    found: Mask = np.array([test(value) for value in coded.dictionary.to_pylist()], bool)[
        coded.indices.to_numpy()
    ]
    return found


def _truth_shape(chosen: Chosen) -> Mask:
    """Only of the verifiers that read more than a text."""
    names = pc.utf8_lower(chosen.columns["dataset"]).to_pylist()
    truths = chosen.columns["ground_truth"]
    return np.array(
        [name in SHAPES and not SHAPES[name](truths[i].as_py()) for i, name in enumerate(names)], bool
    )


def _value(text: str) -> Any:
    """JSON, or what Python would print, which open-instruct reads as well; None for neither."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _is_constraints(text: str) -> bool:
    given = _value(text)
    first = given[0] if isinstance(given, list) and given else given
    first = _value(first) if isinstance(first, str) else first
    return isinstance(first, dict) and {"instruction_id", "kwargs"} <= first.keys()


def _is_function(text: str) -> bool:
    given = _value(text)
    return isinstance(given, dict) and "func_name" in given


def _are_tests(text: str) -> bool:
    given = _value(text)
    return isinstance(given, list) and bool(given)


def _is_number(text: str) -> bool:
    try:
        return float(text.replace(",", "")) is not None
    except ValueError:
        return False


SHAPES: dict[str, Callable[[str], bool]] = {
    "ifeval": _is_constraints,
    "ifeval_old": _is_function,
    "code": _are_tests,
    "gsm8k": _is_number,
    "max_length": _is_number,
    "up_to_max_length": _is_number,
}

ALTERNATES = Warn("does not alternate between user and assistant: LLaMA-Factory leaves it out", _spoken_order)
SYSTEM_LATE = Warn("has a system turn that is not the first: most chat templates refuse it", _system_late)
NO_SYSTEM = Warn("does not begin with a system turn, as Megatron-LM's SFT wants it", _no_system)
EMPTY_RESULT = Warn("has a tool turn with an empty text", _empty_result)
LEARNS_RESULTS = Warn(
    "has a tool's result in its completion, which is learned like an answer", _learns_results
)
NULL_ARGUMENTS = Warn(
    "has tool arguments that are null, as a detour through Parquet structs leaves them", _null_arguments
)
HAS_PAST = Warn("has a system prompt or a history, which only LLaMA-Factory reads", _has_past)
SCORED_WORSE = Warn("was scored worse on its chosen side than on its rejected one", _scored_worse)
UNKNOWN_VERIFIER = Warn("names a verifier that open-instruct does not have", _unknown_verifier)
TRUTH_SHAPE = Warn("has a ground truth that its verifier in open-instruct cannot read", _truth_shape)
UNKNOWN_SCORER = Warn(
    "has a data_source that verl has no scorer for: it needs a reward function of yours", _unknown_scorer
)
LONG_PROMPT = Warn(
    f"has a prompt over {VERL_PROMPT} tokens (bytes / {BYTES_PER_TOKEN}), where verl stops unless told otherwise",
    _long_prompt,
)
LARGE = Warn(
    f"is among the first {FIRST_ROWS} of a file that hold over {FIRST_BYTES // 1000} kB: the Hub's viewer cuts them",
    _large,
    of_first_rows=True,
)
