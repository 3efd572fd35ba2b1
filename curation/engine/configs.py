"""Configs are frozen dataclasses that check themselves; this is how they travel as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from curation.engine.errors import BadConfig

C = TypeVar("C")


def dump(config: Any) -> dict[str, Any]:
    """A config as JSON-ready values."""
    return asdict(config)


def load(config_class: type[C], data: Mapping[str, Any]) -> C:
    """The config again. BadConfig for a key that it does not have, or a value that it refuses."""
    known = {f.name for f in fields(config_class)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - known):
        raise BadConfig(f"Unknown settings: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    try:
        return config_class(**data)
    except TypeError as error:
        raise BadConfig(f"{config_class.__name__}: {error}") from None
