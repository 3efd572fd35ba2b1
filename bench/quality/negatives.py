"""
Rows that hold no item and look as if: written for this bench, or of a sister split.

Public passages are from texts in the public domain.
"""

from collections.abc import Sequence
from typing import Any

STOCK_PHRASES = (
    "Let's think step by step and then give the final answer in a box at the very end.",
    "You are a helpful, honest and harmless assistant. Answer the question of the user as well as you can.",
    "Answer the following question. Choose the best answer from the options below and explain why.",
    "Read the passage and answer the question that follows in one or two complete sentences.",
    "If a question does not make any sense, explain why instead of answering something not correct.",
    "Please provide a detailed explanation of your reasoning before you state the final answer.",
    "The answer is (A). Explanation: of all the options given, this one fits the question best.",
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "Question: what is the best answer? Options: (A) yes (B) no (C) it is impossible to tell. Answer:",
    "How many are left? How many are there in total? How much more does one have than the other?",
    "What is the total number of them? What is the sum of all of these? How many does each of them get?",
    "Given the context, what would most likely happen next? Choose the most plausible continuation.",
    "Rewrite the following sentence so that it is more formal, and keep its meaning the same as it was.",
    "I want you to act as an expert. I will give you a task and you will reply only with the result.",
    "Translate the following text into English and do not write any explanation beside it.",
    "Where would you find it? What do people use it for? What might happen if somebody does that?",
    "Why do people do that when they are tired, and where would they be if they were not at home?",
    "At the end of the day, it is what it is, and there is nothing that anybody can do about it.",
    "Thank you very much for your question. I am sorry, but I can not help you with that request.",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P",
    "x + y = z, a + b = c, x y z, f (x) = 2 x + 1, g (x) = x - 1, f (g (x)) = ?",
)
TEMPLATES = (
    "Write a Python function that takes a list of boats as input and returns the longest of them.",
    "Write a python function to find the number of lanterns in a given harbour.",
    "Write a function to check whether the given kite is a valid kite or not.",
    "Write a function to sort a given list of ferries by the length of their names.",
    "Write a function to remove all odd lighthouses from the given list of lighthouses.",
    "Write a short story about a baker who moves to a small island in the north.",
    "Write an essay of about 500 words on the advantages and disadvantages of rope bridges.",
    "Write a letter to the manager of a hotel in which you complain about the noise of the kitchen.",
    "Create a table of the five largest lakes of the country with their depth and their area.",
    "Explain the difference between a sonnet and a ballad to a child of ten years.",
    "Give me a list of ten ideas for a birthday party in a library for grown people.",
    "Suggest three titles for a blog post about the care of old bicycles in winter.",
    "Classify the sentiment of the following review as positive, negative or neutral: the soup was cold.",
    "Summarize the following article in three sentences for somebody who never heard of the topic.",
    "Tom has 12 lanterns. He gives 5 of them to Ada. How many lanterns does Tom have now?",
    "There are 24 kayaks in the shed and 8 more are delivered each week. How many are there after 6 weeks?",
    "A cook buys 7 boxes of pears for $9 each and sells them for $13 each. How much profit does she make?",
    "If a tram travels 60 kilometers in one hour, how far does it travel in three and a half hours?",
    'def find_longest_boat(boats: list[str]) -> str:\n    """ Return the boat with the longest name.\n    """',
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\n\nplt.figure()\nplt.show()",
    "from typing import List\n\n\ndef main() -> None:\n    for i in range(10):\n        print(i)\n\n\n"
    "if __name__ == '__main__':\n    main()",
    "#include <stdio.h>\n#include <stdlib.h>\n\nint main(int argc, char *argv[]) {\n    return 0;\n}",
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>Page</title>\n</head>\n<body>\n</body>\n</html>',
    "SELECT name, count(*) FROM orders GROUP BY name ORDER BY count(*) DESC LIMIT 10;",
    "Which of the following is an example of a physical change that can be reversed by cooling?",
    "The captain thanked the cook because he had been so kind to the passengers of the ferry.",
)
PASSAGES = (
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal.",
    "We hold these truths to be self-evident, that all men are created equal, that they are endowed by their Creator "
    "with certain unalienable Rights, that among these are Life, Liberty and the pursuit of Happiness.",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it "
    "was the epoch of belief, it was the epoch of incredulity, it was the season of Light.",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife.",
    "Shall I compare thee to a summer's day? Thou art more lovely and more temperate: rough winds do shake the darling "
    "buds of May, and summer's lease hath all too short a date.",
    "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer the slings and arrows of "
    "outrageous fortune, or to take arms against a sea of troubles.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris.",
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files, to deal in the Software without restriction.",
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs.",
    "In the beginning God created the heaven and the earth. And the earth was without form, and void; and darkness was "
    "upon the face of the deep.",
)
ASKED = ("What is this text mainly about, and how do you know?", "Which word of it would you leave out first?",
         "Who is likely to have written this?", "Name one thing that the author left open.",
         "What happened before, according to the author?", "Give it a title of three words.")  # fmt: skip


def quoted_passages(rows: Sequence[str], many: int) -> tuple[list[str], list[str]]:
    """
    Items that ask `many` questions about each of some passages of real prose, and rows that quote the same passages for
    another purpose.
    """
    passages = [" ".join(text.split()[:70]) for text in rows if len(text.split()) > 120][:24]
    items = [f"{passage}\n{question}" for passage in passages for question in ASKED[:many]]
    return items, [f"Rewrite this in your own words, please.\n\n{passage}" for passage in passages]


def written(real: Any) -> dict[str, Sequence[str]]:
    """Hard negatives by kind."""
    return {
        "stock phrases": STOCK_PHRASES,
        "task templates": TEMPLATES,
        "public passages": PASSAGES,
        "MBPP's other splits": real.other_splits_of_mbpp(),
    }
