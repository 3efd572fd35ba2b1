"""The innocent rows: what is known about plants, dishes, ideas and jobs, asked and answered in many ways."""

from collections.abc import Mapping, Sequence
from typing import Any

from curation.management.demo import sums
from curation.management.demo.drafts import Draft
from curation.management.demo.texts import Dice, entries, filled, table

GARDEN, KITCHEN, LESSONS, JOBS = 460, 440, 420, 330


def kitchen_and_garden(dice: Dice) -> list[Draft]:
    """Chats of one or two questions."""
    return [
        *_chats(table("plants"), entries("garden"), GARDEN, dice),
        *_chats(table("dishes"), entries("kitchen"), KITCHEN, dice),
        *sums.scaled(dice),
        *sums.cups(dice),
        *sums.rows_of_plants(dice),
        *sums.ovens(),
    ]


def lessons(dice: Dice) -> list[Draft]:
    """Instructions, some with an input."""
    talks = entries("lessons")
    asked = [each for name in ("concepts", "words", "grammar") for each in _asked(table(name), talks[name])]
    return [*(_lesson(*each, dice) for each in dice.shuffled(asked)[:LESSONS]), *sums.exercises(dice)]


def workshop(dice: Dice) -> list[Draft]:
    """Prompts with a better and a worse reply."""
    told = entries("workshop")
    asked = dice.shuffled(_asked(table("jobs"), told["talks"]))[:JOBS]
    jobs = [_compared(*each, told["openers"], dice) for each in asked]
    python = [
        Draft((ask, entry["chosen"]), rejected=entry["rejected"])
        for entry in entries("python")
        for ask in entry["ask"]
    ]
    return [*jobs, *python]


Values = Mapping[str, str]
Asked = tuple[Values, Mapping[str, Any], str]


def _asked(things: Sequence[Values], talks: Sequence[Mapping[str, Any]]) -> list[Asked]:
    return [(thing, talk, ask) for thing in things for talk in talks for ask in talk["ask"]]


def _chats(things: Sequence[Values], told: Mapping[str, Any], count: int, dice: Dice) -> list[Draft]:
    asked = dice.shuffled(_asked(things, told["talks"]))[:count]
    return [_chat(*each, told["openers"], dice) for each in asked]


def _chat(thing: Values, talk: Mapping[str, Any], ask: str, openers: Sequence[str], dice: Dice) -> Draft:
    said = [dice.pick(openers) + filled(ask, thing), filled(dice.pick(talk["reply"]), thing)]
    if "then" in talk and dice.chance(0.6):
        then = dice.pick(talk["then"])
        said += [filled(then["ask"], thing), filled(then["reply"], thing)]
    return Draft(tuple(said))


def _lesson(thing: Values, talk: Mapping[str, Any], ask: str, dice: Dice) -> Draft:
    reply = filled(dice.pick(talk["reply"]), thing)
    return Draft((filled(ask, thing), reply), input=filled(talk.get("input", ""), thing))


def _compared(thing: Values, talk: Mapping[str, Any], ask: str, openers: Sequence[str], dice: Dice) -> Draft:
    prompt = dice.pick(openers) + filled(ask, thing)
    chosen, rejected = (filled(dice.pick(talk[side]), thing) for side in ("chosen", "rejected"))
    return Draft((prompt, chosen), rejected=rejected)
