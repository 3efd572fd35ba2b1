"""torchtune: its dataset builders, with a tokenizer that hands the messages on."""

from pathlib import Path
from typing import Any

import tiny
from places import at
from torchtune.datasets import alpaca_dataset, chat_dataset, preference_dataset

WORDS = tiny.tokenizer()


class Words:
    """A tokenizer as torchtune asks for one: each message with its marks, and whether it is learned from."""

    def tokenize_messages(self, messages: list, **_: Any) -> tuple[list[int], list[bool]]:
        tokens: list[int] = []
        mask: list[bool] = []
        for turn in messages:
            made = WORDS(f"<|im_start|>{turn.role}\n{turn.text_content}<|im_end|>\n")["input_ids"]
            tokens += made
            mask += [turn.masked] * len(made)
        return tokens, mask

    def __call__(self, sample: dict, inference: bool = False) -> dict:
        tokens, mask = self.tokenize_messages(sample["messages"])
        return sample | {"tokens": tokens, "mask": mask}


def named(path: Path) -> dict[str, str]:
    return {"source": "json" if path.suffix == ".jsonl" else "parquet", "data_files": str(path)}


def said(made: Any, tokens: str = "tokens", labels: str = "labels") -> dict[str, list[str]]:
    rows = [made[at] for at in range(len(made))]
    return {
        "texts": [tiny.read(WORDS, row[tokens]) for row in rows],
        "learned": [tiny.read(WORDS, [token for token in row[labels] if token >= 0]) for row in rows],
    }


def refusal(made: Any) -> str:
    try:
        said(made)
    except ValueError as refused:
        return str(refused)
    return ""


def load(files: Path) -> dict[str, Any]:
    words = Words()
    chats, calls, long = (named(at(files, "sft_messages", mixture)) for mixture in ("chats", "calls", "long"))
    chat = {"conversation_column": "messages", "conversation_style": "openai"}
    pairs = preference_dataset(words, **named(at(files, "pref_implicit", "pairs")))
    return {
        "sft_messages chats": said(chat_dataset(words, **chat, **chats)),
        "sft_messages long": said(chat_dataset(words, **chat, **long))["texts"],
        "sft_messages calls": refusal(chat_dataset(words, **chat, **calls)),
        "pref_implicit chosen": said(pairs, "chosen_input_ids", "chosen_labels"),
        "pref_implicit rejected": said(pairs, "rejected_input_ids", "rejected_labels"),
        "alpaca chats": said(alpaca_dataset(words, **named(at(files, "alpaca", "chats")))),
    }
