"""Rows whose answers are calculated: kitchen measures, rows of plants, and school arithmetic."""

from collections.abc import Iterator
from itertools import product
from math import gcd

from curation.management.demo.drafts import Draft
from curation.management.demo.texts import Dice, table

CUP = {
    "plain flour": 125,
    "sugar": 200,
    "butter": 227,
    "rolled oats": 90,
    "long-grain rice": 185,
    "cocoa": 85,
    "honey": 340,
    "icing sugar": 120,
    "ground almonds": 100,
    "grated cheese": 110,
    "raisins": 150,
    "red lentils": 190,
}
SCALED, MEASURED, PLANTED, EXERCISES = 60, 40, 60, 130


def scaled(dice: Dice) -> list[Draft]:
    """Recipes for more or fewer people."""
    made = [
        Draft(
            (
                f"The {dish['dish']} in my book is meant for {serves}, but we'll be {guests} at the table. "
                f"It wants {grams} g of the main ingredient. How much is that for us?",
                f"Multiply by {guests} and divide by {serves}: {grams * guests // serves} g. Spices need a little "
                "less than the sum says, and the pan has to be wider rather than deeper.",
            )
        )
        for dish in table("dishes")
        for serves, guests, grams in ((4, 6, 500), (4, 10, 320), (2, 7, 180), (6, 4, 450), (8, 3, 640))
    ]
    return dice.shuffled(made)[:SCALED]


def cups(dice: Dice) -> list[Draft]:
    """Cups into grams."""
    asks = (
        "An overseas blog measures {what} in cups: {cups} of them, to be exact. What does my scale have to show?",
        "{cups} cups of {what} in grams, please?",
        "I only have a scale and no cup measures. Convert {cups} cups of {what} for me.",
    )
    made = [
        Draft(
            (
                ask.format(what=what, cups=number),
                f"About {grams * number} g. One level cup of {what} weighs roughly {grams} g, and it varies with "
                "how firmly it is packed.",
            )
        )
        for (what, grams), number, ask in product(CUP.items(), (2, 3, 4), asks)
    ]
    return dice.shuffled(made)[:MEASURED]


def rows_of_plants(dice: Dice) -> list[Draft]:
    """How many plants fit into a row."""
    made = []
    for plant, length in product(table("plants"), (2, 3, 4, 6)):
        apart = int(plant["apart"].split()[0])
        fit = length * 100 // apart + 1
        ask = (
            f"Ordering {plant['plant']} for a single row of {length} m. They are supposed to stand {apart} cm apart. "
            "How many is that?"
        )
        reply = (
            f"{length * 100} divided by {apart} gives {length * 100 // apart} gaps, and there is one more plant than "
            f"there are gaps: {fit}. Order two or three extra for the ones that fail."
        )
        made.append(Draft((ask, reply)))
    return dice.shuffled(made)[:PLANTED]


def ovens() -> list[Draft]:
    """Fahrenheit into Celsius, rounded to what a knob can be set to."""
    return [
        Draft(
            (
                f"My grandmother's cards say {degrees} °F. Where do I set a Celsius oven?",
                f"To {round((degrees - 32) / 9) * 5} °C, or about 20 degrees less with a fan.",
            )
        )
        for degrees in range(275, 500, 25)
    ]


def exercises(dice: Dice) -> list[Draft]:
    """School arithmetic with its working."""
    made = [*_shares(), *_areas(), *_times(), *_fractions(), *_sequences(), *_products()]
    return dice.shuffled(made)[:EXERCISES]


def _shares() -> Iterator[Draft]:
    for share, whole in product((5, 15, 20, 35, 60), (80, 140, 260, 400, 900)):
        result = f"{share * whole / 100:g}"
        yield Draft(
            (
                "Calculate the percentage mentally and say how.",
                f"One per cent is {whole / 100:g}, so it is {result}.",
            ),
            input=f"{share} % of {whole}",
        )


def _areas() -> Iterator[Draft]:
    for a, b in product((3, 7, 9, 12, 15), (4, 6, 11, 18, 20)):
        yield Draft(
            (
                f"Find the area and the perimeter of a rectangle with sides of {a} m and {b} m.",
                f"Area: {a} × {b} = {a * b} m². Perimeter: 2 × ({a} + {b}) = {2 * (a + b)} m.",
            )
        )


def _times() -> Iterator[Draft]:
    for hour, minute, lasts in product((8, 13, 17, 21), (5, 25, 50), (45, 95)):
        later = hour * 60 + minute + lasts
        yield Draft(
            (
                f"A film begins at {hour}:{minute:02} and runs for {lasts} minutes. When does it end?",
                f"At {later // 60 % 24}:{later % 60:02}. Add the full hours first and then what is left.",
            )
        )


def _fractions() -> Iterator[Draft]:
    for above, below in (
        (6, 8),
        (9, 12),
        (10, 25),
        (14, 49),
        (18, 24),
        (21, 28),
        (30, 45),
        (36, 60),
        (40, 64),
    ):
        by = gcd(above, below)
        yield Draft(
            (
                "Reduce the fraction to its lowest terms.",
                f"{above // by}/{below // by}, after dividing both by {by}.",
            ),
            input=f"{above}/{below}",
        )


def _sequences() -> Iterator[Draft]:
    for start, step in product((2, 5, 11, 20), (3, 4, 7, 9)):
        shown = ", ".join(str(start + step * i) for i in range(4))
        yield Draft(
            (
                "Continue the sequence with two more numbers and state the rule.",
                f"{start + 4 * step}, {start + 5 * step}. Each number is {step} more than the one before.",
            ),
            input=f"{shown}, …",
        )


def _products() -> Iterator[Draft]:
    for a, b in product((14, 23, 37, 48, 59), (6, 7, 8, 9)):
        tens, ones = a // 10 * 10, a % 10
        yield Draft(
            (
                f"Show a quick way to multiply {a} by {b} in your head.",
                f"Split it: {tens} × {b} = {tens * b} and {ones} × {b} = {ones * b}, together {a * b}.",
            )
        )
