"""
One mixture followed from source files to a TRL training step: what the page of a real export says is run, and the text
in the batch leads back by its id to the line it was written on. The other trainers are told in the words of the page
as well.
"""

import json

import pytest

from tests.loaders.mixture import CHATS, PAIRS, answers, asked, told


@pytest.fixture
def trl(followed):
    return followed("newest", "snippets_trl")


@pytest.fixture
def rows(served):
    return json.loads((served / "served.json").read_text())["rows"]


def line_of(served, said):
    """The line of a source file that a row of an export was read from."""
    file, _, number = said["origin"].rpartition("#")
    return json.loads((served / file).read_text().splitlines()[int(number) - 1])


def turn(message):
    return f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n"


def test_what_a_step_of_sft_learned_from_leads_to_its_line(trl, rows, served):
    (batch,) = trl["sft"]["batches"]
    made = [one["input_ids"] for one in trl["sft"]["made"]]
    assert sorted(batch) == sorted(made) == sorted(told(chat.messages) for chat in CHATS)
    for text in batch:
        row = trl["sft"]["rows"][made.index(text)]
        lineage = rows[row["id"]]
        origin = lineage["provenance"]
        assert (origin["dataset"], origin["version"], origin["source"]) == ("chats", 1, "chats")
        assert lineage["said"]["origin"].startswith("chats.jsonl#")
        assert "".join(map(turn, line_of(served, lineage["said"])["messages"])) == text


def test_what_a_step_of_dpo_compared_leads_to_its_line(trl, rows, served):
    (batch,) = trl["dpo"]["batches"]
    made, given = trl["dpo"]["made"], trl["dpo"]["rows"]
    for side in ("chosen", "rejected"):
        assert sorted(one[f"{side}_ids"] for one in made) == sorted(answers(side))
    for one, row in zip(made, given, strict=True):
        line = line_of(served, rows[row["id"]]["said"])
        assert rows[row["id"]]["provenance"]["dataset"] == "answers"
        for side in ("chosen", "rejected"):
            assert "".join(map(turn, line["prompt"] + line[side])) in batch
            assert line[side][0]["content"] in one[f"{side}_ids"]


def test_the_command_trains_as_it_stands_on_the_page(trl):
    """`trl sft …` in a shell, with a model and one step: it ends well, and the model that it saves has moved."""
    assert trl["process"] == {"code": 0, "moved": True}


def test_axolotl_reads_its_configuration_from_the_page(followed):
    made = followed("newest", "snippets_axolotl")
    assert made["sft_messages"] == sorted(told(chat.messages) for chat in CHATS)
    assert len(made["alpaca"]) == len(CHATS) and any("Name a river." in text for text in made["alpaca"])
    pairs = [[asked(pair.messages), *map(said(pair), ("chosen", "rejected"))] for pair in PAIRS]
    assert made["pref_explicit"] == sorted(pairs)


def said(pair):
    return lambda side: f"{pair.completions[getattr(pair, side)].messages[0].content}<|im_end|>"


@pytest.mark.parametrize("way", ["llamafactory_sft", "alpaca", "verl", "torchtune"])
def test_others_read_the_conversations_as_the_page_tells_them(followed, way):
    """LLaMA-Factory by its command line and by dataset_info.json, verl by `data.*`, torchtune by its component."""
    made = followed("bounded", "snippets_bounded")[way]
    assert sorted(made) == sorted(told(chat.messages) for chat in CHATS)
