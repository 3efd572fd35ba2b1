"""Which turns of a record make up a row of each profile, in plain Python; None where they cannot."""

import json

from tests.curation.engine.making import CALLS


def picked(content, index):
    inside = index is not None and 0 <= index < len(content.completions)
    return content.completions[index].messages if inside else None


def ends(messages, role="assistant"):
    return bool(messages) and messages[-1].role == role


def whole(content):
    chosen = picked(content, content.chosen)
    if not content.messages or (content.chosen is not None and (chosen is None or ends(content.messages))):
        return None
    said = content.messages + (chosen or ())
    return [said] if ends(said) else None


def until_user(content):
    users = [i for i, m in enumerate(content.messages) if m.role == "user"]
    return content.messages[: users[-1] + 1] if users else None


def in_two(content):
    asked = until_user(content)
    if not whole(content) or not asked:
        return None
    if content.chosen is not None:
        return [content.messages, picked(content, content.chosen)]
    return [asked, content.messages[len(asked) :]]


def pair(content):
    chosen, rejected = picked(content, content.chosen), picked(content, content.rejected)
    if not content.messages or ends(content.messages) or not ends(chosen) or not ends(rejected):
        return None
    return [content.messages, chosen, rejected] if chosen != rejected else None


def whole_pair(content):
    found = pair(content)
    return found and [found[0] + found[1], found[0] + found[2]]


def judged(content):
    given = (content.chosen is not None) + (content.rejected is not None)
    if given == 2:
        return pair(content)
    outside = any(
        index is not None and not 0 <= index < len(content.completions)
        for index in (content.chosen, content.rejected)
    )
    labelled = content.labels.get("desirable") in ("true", "false") and len(content.completions) == 1
    if outside or not labelled or not content.messages or ends(content.messages):
        return None
    said = content.completions[0].messages
    return [content.messages, said] if ends(said) else None


def question(content):
    asked = until_user(content)
    return asked and [asked]


def checkable(content):
    return question(content) if truth(content) is not None else None


def verified(content):
    return checkable(content) if content.verifier is not None else None


def truth(content):
    """The ground truth, else the constraints; blank ones are none."""
    return next((said for said in (content.ground_truth, content.constraints) if said and said.strip()), None)


def alternates(messages, answered=True):
    spoken = behind_system(messages)
    sides = [("user", "tool"), ("assistant",)]
    in_turn = all(m.role in sides[i % 2] for i, m in enumerate(spoken))
    return in_turn and len(spoken) % 2 == (0 if answered else 1)


def behind_system(messages):
    return messages[1:] if messages and messages[0].role == "system" else messages


def one_voice(messages):
    return not any(m.tool_calls in CALLS and (m.content or "").strip() for m in messages)


def llama_chat(content):
    found = whole(content)
    return found if found and alternates(found[0]) and one_voice(found[0]) else None


def llama_pair(content):
    found = pair(content)
    if not found or len(found[1]) > 1 or len(found[2]) > 1 or not alternates(found[0], answered=False):
        return None
    return found if all(map(one_voice, found)) else None


def llama_judged(content):
    found = judged(content)
    fine = found and all(alternates(found[0] + side) and one_voice(found[0] + side) for side in found[1:])
    return found if fine else None


def instructed(content):
    found = whole(content)
    fine = found and alternates(found[0]) and not any(m.role == "tool" for m in found[0])
    return found if fine else None


def steps(content):
    verdicts = step_verdicts(content)
    if content.chosen is not None or len(content.messages) != 1 or content.messages[0].role != "user":
        return None
    if not verdicts or len(verdicts) != len(content.completions):
        return None
    turns = [c.messages for c in content.completions]
    fine = all(len(t) == 1 and t[0].role == "assistant" for t in turns)
    return [content.messages, *turns] if fine else None


def step_verdicts(content):
    text = content.labels.get("steps") or content.meta.get("labels")
    verdicts = json.loads(text) if text else []
    return verdicts if all(type(one) is bool for one in verdicts) else []
