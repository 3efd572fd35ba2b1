"""What an export may be asked for; the rules are in `ExportConfig`."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from curation.asked import plain
from curation.engine.exporters import FORMATS, PROFILES, Group, Profile
from curation.engine.exporting import ExportConfig
from curation.questions.fitting import Fit

FORMAT_FOR = {
    "parquet": "compressed and typed; what every current trainer reads",
    "jsonl": "one JSON object a line, for tools that read nothing else",
}
FORMAT_NAMES = {"parquet": "Parquet", "jsonl": "JSON lines"}
ARGUMENTS = {"string": "JSON text, as in Parquet", "object": "JSON objects"}


def asked(post: QueryDict) -> dict[str, Any]:
    """What a form sent, as it was sent."""
    return {
        "profiles": post.getlist("profiles"),
        "formats": post.getlist("formats"),
        "override": plain(post.get("override")),
        "tool_arguments": plain(post.get("tool_arguments")) or "string",
    }


def config(given: dict[str, Any]) -> ExportConfig:
    return ExportConfig(**given)


def options(given: dict[str, Any], fits: Mapping[str, Fit]) -> dict[str, Any]:
    """Every profile by group, and every format, with what it is for and whether it is chosen."""
    return {
        "groups": [
            {
                "name": group,
                "profiles": [
                    _profile(profile, profile.name in given["profiles"], fits.get(profile.name))
                    for profile in PROFILES.values()
                    if profile.group == group
                ],
            }
            for group in Group
        ],
        "formats": [
            {"name": name, "about": FORMAT_FOR.get(name, ""), "on": name in given["formats"]}
            for name in FORMATS
        ],
        "tool_arguments": [
            {"name": name, "about": about, "on": name == given["tool_arguments"]}
            for name, about in ARGUMENTS.items()
        ],
    }


def _profile(profile: Profile, on: bool, fit: Fit | None) -> dict[str, Any]:
    only = FORMAT_NAMES[profile.formats[0]] if len(profile.formats) == 1 else ""
    return {
        "name": profile.name,
        "title": profile.title,
        "row": profile.row,
        "readers": profile.readers,
        "only": only,
        "fit": fit,
        "on": on,
    }
