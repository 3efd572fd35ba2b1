"""The one rule of what projects, sources, datasets and mixtures may be called."""

import re

from curation.engine.errors import BadConfig

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def check_name(name: str, what: str = "name") -> str:
    """The name itself; BadConfig when it would not do in an address and on a command line."""
    if not NAME.fullmatch(name):
        raise BadConfig(f"{what} must be letters, digits, hyphens and underscores, at most 100, not {name!r}")
    return name
