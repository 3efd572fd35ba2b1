"""
The rows of every profile, made one by one in plain Python from the content of a record: what the exporters do with
batches must come to the same.

`PLAIN[profile](content)` gives the rows of one record, [] where it has none. `id` is left out, and nothing is null.
"""

import json

from tests.curation.engine.making import CALLS
from tests.curation.engine.plain_turns import (
    behind_system,
    checkable,
    in_two,
    instructed,
    judged,
    llama_chat,
    llama_judged,
    llama_pair,
    pair,
    question,
    step_verdicts,
    steps,
    truth,
    verified,
    whole,
    whole_pair,
)

NAMES = {"user": "human", "tool": "observation", "assistant": "gpt", "system": "system"}
VERL = {"gsm8k": "openai/gsm8k", "MATH": "lighteval/MATH"}


def plain(content, name):
    """The rows of a content in a profile."""
    draft = RULES[name](content)
    carried = CARRIED[name]
    if draft is None or not fits(content, [m for turns in draft for m in turns], carried):
        return []
    return PLAIN[name](content, draft)


def fits(content, messages, carried):
    if (content.images and "images" not in carried) or content.tools == "bad":
        return False
    if tools(content) and "tools" not in carried:
        return False
    return all(says(m) and is_carried(m, carried) for m in messages)


def says(message):
    if message.tool_calls == "bad":
        return False
    text = message.content
    blank = text is None or not text or text.isspace()
    return not blank or message.tool_calls in CALLS or (message.role == "tool" and text is not None)


def is_carried(message, carried):
    named = message.name is not None and message.role != "tool"
    return not (
        (message.tool_calls in CALLS and "tool_calls" not in carried)
        or (message.thinking is not None and "thinking" not in carried)
        or (named and "name" not in carried)
    )


def tools(content):
    return None if content.tools == "[]" else content.tools


def some(**columns):
    return {name: value for name, value in columns.items() if value is not None}


def matched(content):
    found = whole(content)
    return found if found and openai(found[0]) else None


def matched_pair(content):
    found = pair(content)
    if not found or len(found[1]) > 1 or len(found[2]) > 1:
        return None
    return found if openai(found[0] + found[1]) and openai(found[0] + found[2]) else None


# as rows


def calls_of(message):
    found = CALLS.get(message.tool_calls)
    return found and [
        some(id=own, type="function", function={"name": name, "arguments": arguments})
        for own, name, arguments in found
    ]


def turn(message):
    return some(
        role=message.role,
        content=message.content,
        name=message.name,
        tool_calls=calls_of(message),
        thinking=message.thinking,
    )


def turns(messages):
    return [turn(message) for message in messages]


def margin(content):
    best, worst = (content.completions[i].scores for i in (content.chosen, content.rejected))
    for name in ("score", "overall_score", "rating", "reward"):
        if name in best and name in worst:
            return best[name] - worst[name]
    return None


def images(content):
    return list(content.images) or None


def spoken(message):
    said = message.content or ""
    if message.tool_calls in CALLS:
        parts = [f'{{"name": "{n}", "arguments": {a}}}' for _, n, a in CALLS[message.tool_calls]]
        said = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    return said if message.thinking is None else f"<think>\n{message.thinking}\n</think>\n\n{said}"


def sharegpt(message):
    name = "function_call" if message.tool_calls in CALLS else NAMES[message.role]
    return {"from": name, "value": spoken(message)}


def system(content):
    first = content.messages[0]
    return first.content if first.role == "system" else ""


def llama(content, messages, **more):
    talk = [sharegpt(m) for m in behind_system(messages)]
    return {"conversations": talk, "system": system(content), **some(tools=tools(content)), **more}


def openai(messages, weights=()):
    """The turns with ids for calls, or None where calls and results do not belong together."""
    open_calls, made, count = [], [], 0
    for at, message in enumerate(messages):
        found = some(role=message.role, content=message.content, name=message.name)
        if message.role == "tool":
            if not open_calls:
                return None
            own = next((one for one in open_calls if one[0] == message.name), open_calls[0])
            open_calls.remove(own)
            found["tool_call_id"] = own[1]
        elif open_calls:
            return None
        calls = calls_of(message) or []
        for call in calls:
            count += 1
            call.setdefault("id", f"call_{count}")
            open_calls.append((call["function"]["name"], call["id"]))
        weight = weights[at] if at < len(weights) and message.role == "assistant" else None
        made.append(found | some(tool_calls=calls or None, weight=weight))
    return None if open_calls and messages[-1].tool_calls not in CALLS else made


def weights(content):
    given = json.loads(content.meta["messages"]) if content.meta.get("messages", "no") != "no" else []
    return [one.get("weight") for one in given] if len(given) == len(content.messages) else []


def openai_pair(content, draft):
    prompt, best, worst = draft
    first, second = openai(prompt + best), openai(prompt + worst)
    asked = {"messages": first[: len(prompt)], **some(tools=tools(content))}
    return [
        {
            "input": asked,
            "preferred_output": first[len(prompt) :],
            "non_preferred_output": second[len(prompt) :],
        }
    ]


def alpaca(content, draft):
    said = [spoken(m) for m in behind_system(draft[0])]
    past = [said[i : i + 2] for i in range(0, len(said) - 2, 2)]
    own = {"instruction": said[-2], "input": "", "output": said[-1]}
    return [own | {"system": system(content), "history": past}]


def verl(content, draft):
    source = content.meta.get("data_source") or VERL.get(content.verifier, content.verifier) or "src"
    return [
        {
            "prompt": turns(draft[0]),
            "data_source": source,
            "ability": "math" if content.verifier in VERL else "general",
            "reward_model": {"style": "rule", "ground_truth": truth(content)},
        }
    ]


def each_side(content, draft, row):
    if len(draft) == 3:
        return [row(draft[1], True), row(draft[2], False)]
    return [row(draft[1], content.labels["desirable"] == "true")]


CHATS = {"tools", "tool_calls", "thinking", "name"}
CARRIED = dict.fromkeys(("sft_messages", "pref_explicit", "prompts"), CHATS | {"images"})
CARRIED |= dict.fromkeys(
    ("sft_prompt_completion", "pref_implicit", "unpaired", "rlvr_open_instruct", "rlvr_prompt"), CHATS
)
CARRIED |= dict.fromkeys(("rlvr_verl", "nemo_rl"), CHATS - {"tools"})
CARRIED |= dict.fromkeys(("openai_sft", "openai_dpo"), CHATS - {"thinking"})
CARRIED |= dict.fromkeys(
    ("llamafactory_sft", "llamafactory_preference", "llamafactory_kto"), CHATS - {"name"}
)
CARRIED |= {"alpaca": {"thinking"}, "stepwise": set()}

RULES = {
    "sft_messages": whole,
    "sft_prompt_completion": in_two,
    "pref_explicit": pair,
    "pref_implicit": whole_pair,
    "unpaired": judged,
    "rlvr_open_instruct": verified,
    "rlvr_verl": checkable,
    "rlvr_prompt": checkable,
    "prompts": question,
    "openai_sft": matched,
    "openai_dpo": matched_pair,
    "llamafactory_sft": llama_chat,
    "llamafactory_preference": llama_pair,
    "llamafactory_kto": llama_judged,
    "alpaca": instructed,
    "stepwise": steps,
    "nemo_rl": pair,
}


PLAIN = {
    "sft_messages": lambda c, d: [{"messages": turns(d[0]), **some(tools=tools(c), images=images(c))}],
    "sft_prompt_completion": lambda c, d: [
        {"prompt": turns(d[0]), "completion": turns(d[1]), **some(tools=tools(c))}
    ],
    "pref_explicit": lambda c, d: [
        dict(zip(("prompt", "chosen", "rejected"), map(turns, d), strict=True))
        | some(margin=margin(c), tools=tools(c), images=images(c))
    ],
    "pref_implicit": lambda c, d: [
        {"chosen": turns(d[0]), "rejected": turns(d[1]), **some(margin=margin(c), tools=tools(c))}
    ],
    "unpaired": lambda c, d: each_side(
        c,
        d,
        lambda side, good: (
            {"prompt": turns(d[0]), "completion": turns(side), "label": good} | some(tools=tools(c))
        ),
    ),
    "rlvr_open_instruct": lambda c, d: [
        {"messages": turns(d[0]), "ground_truth": truth(c), "dataset": c.verifier, **some(tools=tools(c))}
    ],
    "rlvr_verl": verl,
    "rlvr_prompt": lambda c, d: [
        {"prompt": turns(d[0]), "answer": truth(c)}
        | some(verifier=c.verifier, constraints=c.constraints, tools=tools(c))
    ],
    "prompts": lambda c, d: [
        {"prompt": turns(d[0])}
        | some(
            answer=c.ground_truth,
            verifier=c.verifier,
            constraints=c.constraints,
            tools=tools(c),
            images=images(c),
        )
    ],
    "openai_sft": lambda c, d: [{"messages": openai(d[0], weights(c)), **some(tools=tools(c))}],
    "openai_dpo": openai_pair,
    "llamafactory_sft": lambda c, d: [llama(c, d[0])],
    "llamafactory_preference": lambda c, d: [
        llama(c, d[0], chosen=sharegpt(d[1][0]), rejected=sharegpt(d[2][0]))
    ],
    "llamafactory_kto": lambda c, d: each_side(c, d, lambda side, good: llama(c, d[0] + side, kto_tag=good)),
    "alpaca": alpaca,
    "stepwise": lambda c, d: [
        {
            "prompt": d[0][0].content,
            "completions": [one[0].content for one in d[1:]],
            "labels": step_verdicts(c),
        }
    ],
    "nemo_rl": lambda c, d: [
        {
            "context": turns(d[0]),
            "completions": [{"rank": rank, "completion": turns(side)} for rank, side in enumerate(d[1:])],
        }
    ],
}
