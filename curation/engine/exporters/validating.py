"""
Whether rows are what a profile's reader takes: its schema written down again, from the reader's side and row by row,
knowing nothing of how the rows were made. For tests, for the first rows of every export, and for files from elsewhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from curation.engine.errors import BadConfig
from curation.engine.records import ROLES

Row = Mapping[str, Any]
Problems = Iterator[str]

THOUGHT = re.compile(r"\A<think>\n.*?\n</think>\n\n", re.DOTALL)
OPENAI_KEYS = {"role", "content", "name", "tool_calls", "tool_call_id", "weight"}


def problems(profile: str, row: Row) -> list[str]:
    """What is wrong with a row of a profile, as sentences that go on from "a row"; [] where nothing is."""
    if profile not in READERS:
        raise BadConfig(f"There is no reader of {profile}; there are {', '.join(READERS)}")
    found: list[str] = []
    try:
        found.extend(READERS[profile](row))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        found.append(f"lacks something or has it in another type ({type(error).__name__}: {error})")
    return found


def validate(profile: str, rows: Iterable[Row]) -> list[tuple[int, str]]:
    """The problems of many rows, each with the number of its row, from 0."""
    return [(number, problem) for number, row in enumerate(rows) for problem in problems(profile, row)]


# conversations


def _turns(turns: Any, what: str, ends: str = "") -> Problems:
    if not isinstance(turns, list) or not turns:
        yield f"has {what} that is no list of turns, or an empty one"
        return
    for number, turn in enumerate(turns, 1):
        where = f"{what}, turn {number}"
        if turn["role"] not in ROLES:
            yield f"has {where} of the role {turn['role']}"
        content, calls = turn.get("content"), turn.get("tool_calls")
        if not isinstance(content, str) and not (content is None and calls):
            yield f"has {where} without content or tool calls"
        yield from _calls(calls, where)
    if ends and turns[-1]["role"] != ends:
        yield f"has {what} that does not end with {ends}"


def _calls(calls: Any, where: str, *, values: bool = True) -> Problems:
    for call in calls or ():
        arguments = call["function"]["arguments"]
        if not isinstance(call["function"]["name"], str):
            yield f"has {where} with a call of no name"
        if not isinstance(arguments, str) and not (values and isinstance(arguments, dict)):
            yield f"has {where} with arguments that are neither text nor an object"
        if isinstance(arguments, str) and not isinstance(_json(arguments), dict):
            yield f"has {where} with arguments that are no JSON object"


def _tools(tools: Any) -> Problems:
    given = _json(tools) if isinstance(tools, str) else tools
    if given is not None and not (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
        yield "has tools that are no list of objects"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ""


def _texts(row: Row, *names: str) -> Problems:
    for name in names:
        if not isinstance(row[name], str):
            yield f"has {name} that is no text"


def _conversation(row: Row) -> Problems:
    yield from _turns(row["messages"], "messages", "assistant")
    yield from _tools(row.get("tools"))
    if not all(isinstance(image, str) for image in row.get("images") or ()):
        yield "has images that are no references"


def _in_two(row: Row) -> Problems:
    yield from _turns(row["prompt"], "prompt")
    yield from _turns(row["completion"], "completion", "assistant")
    yield from _tools(row.get("tools"))


# preferences


def _pair(row: Row) -> Problems:
    yield from _turns(row["prompt"], "prompt")
    yield from _two_sides(row)
    if row["prompt"][-1]["role"] == "assistant":
        yield "has a prompt that ends with assistant"


def _two_sides(row: Row) -> Problems:
    yield from _turns(row["chosen"], "chosen", "assistant")
    yield from _turns(row["rejected"], "rejected", "assistant")
    yield from _tools(row.get("tools"))
    if row["chosen"] == row["rejected"]:
        yield "has the same on both sides"
    if not isinstance(row.get("margin"), float | int | None):
        yield "has a margin that is no number"


def _whole_pair(row: Row) -> Problems:
    yield from _two_sides(row)
    if row["chosen"][0] != row["rejected"][0]:
        yield "has sides that begin differently"


def _judged(row: Row) -> Problems:
    yield from _in_two(row)
    if not isinstance(row["label"], bool):
        yield "has a label that is not true or false"


def _ranked(row: Row) -> Problems:
    yield from _turns(row["context"], "context")
    if [one["rank"] for one in row["completions"]] != [0, 1]:
        yield "has ranks other than 0 and 1, and DPO takes exactly two completions"
    for one in row["completions"]:
        yield from _turns(one["completion"], "a completion", "assistant")


# rewards


def _question(row: Row, column: str = "prompt") -> Problems:
    yield from _turns(row[column], column, "user")
    yield from _tools(row.get("tools"))


def _open_instruct(row: Row) -> Problems:
    yield from _question(row, "messages")
    if "dataset_source" in row or "prompt" in row:
        yield "has a column that open-instruct keeps for itself (dataset_source, prompt)"
    for name in ("ground_truth", "dataset"):
        if not isinstance(row[name], str | list) or (not row[name] and name == "dataset"):
            yield f"has {name} that is neither text nor a list"


def _verl(row: Row) -> Problems:
    yield from _question(row)
    yield from _texts(row, "data_source", "ability")
    yield from _texts(row["reward_model"], "style", "ground_truth")
    if row["reward_model"]["style"] not in ("rule", "model"):
        yield "has a reward_model.style that is neither rule nor model"
    if not isinstance(row["extra_info"]["index"], int) or not isinstance(row["extra_info"]["split"], str):
        yield "has an extra_info without index and split"


def _answered(row: Row) -> Problems:
    yield from _question(row)
    yield from _texts(row, "answer")


def _stepwise(row: Row) -> Problems:
    yield from _texts(row, "prompt")
    if not all(isinstance(step, str) for step in row["completions"]):
        yield "has completions that are no texts"
    if not all(isinstance(label, bool) for label in row["labels"]):
        yield "has labels that are not true or false"
    if len(row["labels"]) != len(row["completions"]) or not row["labels"]:
        yield "has not one label for each step"


# OpenAI


def _openai(row: Row) -> Problems:
    if unknown := sorted(row.keys() - {"messages", "tools", "parallel_tool_calls"}):
        yield f"has the unknown key {unknown[0]}"
    yield from _openai_turns(row["messages"], [])
    if row["messages"][-1]["role"] != "assistant":
        yield "does not end with assistant"
    yield from _openai_tools(row)


def _openai_tools(row: Row) -> Problems:
    if "tools" in row and not isinstance(row["tools"], list):
        yield "has tools that are no list"


def _openai_turns(turns: Any, open_calls: list[str]) -> Problems:
    for number, turn in enumerate(turns, 1):
        where = f"turn {number}"
        if unknown := sorted(turn.keys() - OPENAI_KEYS):
            yield f"has {where} with the unknown key {unknown[0]}"
        if any(value is None for value in turn.values()):
            yield f"has {where} with a null"
        yield from _openai_answer(turn, where, open_calls)
        if "content" not in turn and not turn.get("tool_calls"):
            yield f"has {where} without content or tool calls"
        yield from _calls(turn.get("tool_calls"), where, values=False)
        open_calls += [call["id"] for call in turn.get("tool_calls", ())]


def _openai_answer(turn: Row, where: str, open_calls: list[str]) -> Problems:
    answers = turn.get("tool_call_id")
    if turn["role"] != "tool" and open_calls:
        yield f"has {where} before its calls were answered"
    elif turn["role"] == "tool" and answers not in open_calls:
        yield f"has {where} that answers no open call"
    elif turn["role"] == "tool":
        open_calls.remove(str(answers))


def _openai_pair(row: Row) -> Problems:
    if row.keys() != {"input", "preferred_output", "non_preferred_output"}:
        yield "has other keys than input, preferred_output and non_preferred_output"
    yield from _openai_turns(row["input"]["messages"], [])
    yield from _openai_tools(row["input"])
    for name in ("preferred_output", "non_preferred_output"):
        yield from _openai_turns(row[name], [])
        if [turn["role"] for turn in row[name]] != ["assistant"]:
            yield f"has {name} that is not one assistant turn"


# LLaMA-Factory, by the rules of its converter


def _llama_chat(row: Row) -> Problems:
    if "messages" in row:
        names = {"user": "human", "tool": "observation", "assistant": "gpt", "system": "system"}
        turns = [{"from": names.get(turn["role"], "?"), "value": turn["content"]} for turn in row["messages"]]
        yield from _sharegpt(turns[1:] if turns[0]["from"] == "system" else turns, even=True)
    else:
        yield from _llama_talk(row, even=True)


def _llama_talk(row: Row, *, even: bool) -> Problems:
    yield from _sharegpt(row["conversations"], even=even)
    yield from _texts(row, "system")
    if "tools" in row:
        yield from _texts(row, "tools")
        yield from _tools(row["tools"] or None)


def _sharegpt(turns: Any, *, even: bool) -> Problems:
    sides = (("human", "observation"), ("gpt", "function_call"))
    for number, turn in enumerate(turns):
        if turn["from"] not in sides[number % 2]:
            yield f"has turn {number + 1} of {turn['from']}, where LLaMA-Factory leaves the row out"
        yield from _sharegpt_turn(turn)
    if len(turns) % 2 != (0 if even else 1):
        yield "has a number of turns for which LLaMA-Factory leaves it out"


def _sharegpt_turn(turn: Row) -> Problems:
    if not isinstance(turn["value"], str):
        yield f"has a turn of {turn['from']} without text"
    elif turn["from"] == "function_call":
        given = _json(THOUGHT.sub("", turn["value"]))
        for call in given if isinstance(given, list) else [given]:
            if not isinstance(call, dict) or not {"name", "arguments"} <= call.keys():
                yield "has a function_call that is no JSON of name and arguments"


def _llama_pair(row: Row) -> Problems:
    yield from _llama_talk(row, even=False)
    for name in ("chosen", "rejected"):
        yield from _sharegpt_turn(row[name])
        if row[name]["from"] not in ("gpt", "function_call"):
            yield f"has {name} of {row[name]['from']}"


def _llama_judged(row: Row) -> Problems:
    yield from _llama_talk(row, even=True)
    if not isinstance(row["kto_tag"], bool):
        yield "has a kto_tag that is not true or false"


def _alpaca(row: Row) -> Problems:
    yield from _texts(row, "instruction", "input", "output", "system")
    for pair in row["history"]:
        if len(pair) != 2 or not all(isinstance(said, str) for said in pair):
            yield "has a history of other things than question and answer"
    if not row["output"]:
        yield "has no output"


READERS: dict[str, Callable[[Row], Problems]] = {
    "sft_messages": _conversation,
    "sft_prompt_completion": _in_two,
    "pref_explicit": _pair,
    "pref_implicit": _whole_pair,
    "unpaired": _judged,
    "rlvr_open_instruct": _open_instruct,
    "rlvr_verl": _verl,
    "rlvr_prompt": _answered,
    "prompts": _question,
    "openai_sft": _openai,
    "openai_dpo": _openai_pair,
    "llamafactory_sft": _llama_chat,
    "llamafactory_preference": _llama_pair,
    "llamafactory_kto": _llama_judged,
    "alpaca": _alpaca,
    "stepwise": _stepwise,
    "nemo_rl": _ranked,
}
