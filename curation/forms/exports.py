"""What an export may be asked for; the rules are in `ExportConfig`."""

from typing import Any

from django.http import QueryDict

from curation.asked import plain
from curation.engine.exporters import FORMATS, PROFILES
from curation.engine.exporting import ExportConfig

FOR = {
    "sft_messages": "Whole conversations, as TRL, open-instruct, Axolotl, LLaMA-Factory and verl take them.",
    "pref_explicit": "For DPO and its kin in TRL; only rows with a chosen and a rejected reply.",
    "prompts": "The turns up to the last question, with the answer to check against where there is one.",
}
FORMAT_FOR = {
    "parquet": "compressed and typed; what every current trainer reads",
    "jsonl": "one JSON object a line, for tools that read nothing else",
}


def asked(post: QueryDict) -> dict[str, Any]:
    """What a form sent, as it was sent."""
    return {
        "profiles": post.getlist("profiles"),
        "formats": post.getlist("formats"),
        "override": plain(post.get("override")),
    }


def config(given: dict[str, Any]) -> ExportConfig:
    return ExportConfig(**given)


def options(given: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every profile and format with what it is for and whether it is chosen."""
    return {
        "profiles": [
            {
                "name": name,
                "title": profile.title,
                "about": FOR.get(name, ""),
                "on": name in given["profiles"],
            }
            for name, profile in PROFILES.items()
        ],
        "formats": [
            {"name": name, "about": FORMAT_FOR.get(name, ""), "on": name in given["formats"]}
            for name in FORMATS
        ],
    }
