"""Read settings from the environment, and refuse wrong ones with a sentence that names the variable."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; use true or false.")


def number(name: str, default: float, *, least: float, most: float, whole: bool = False) -> float:
    value = text(name, str(default))
    try:
        result = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a number.") from None
    if whole and not result.is_integer():
        raise ImproperlyConfigured(f"{name} is {value}; it must be a whole number.")
    if not least <= result <= most:
        raise ImproperlyConfigured(f"{name} is {value}; it must lie between {least:g} and {most:g}.")
    return result


def choice(name: str, default: str, allowed: set[str]) -> str:
    value = text(name, default).upper()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; use one of {', '.join(sorted(allowed))}.")
    return value


def listing(name: str, default: str) -> list[str]:
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def beginning_with(prefix: str) -> dict[str, str]:
    """All variables whose names begin so and that say something."""
    return {
        name: value.strip() for name, value in os.environ.items() if name.startswith(prefix) and value.strip()
    }


def folder(name: str, path: Path) -> None:
    """Make a folder that a setting names."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be used as a folder ({error.strerror}).") from None


def secret(name: str, path: Path) -> str:
    """The secret key: from the environment, else from `path` (mode 0600), which is made when it is not there."""
    if value := text(name, ""):
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} has {len(value)} characters; use at least 32 random ones.")
        return value
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept_secret(name, path)
    with os.fdopen(handle, "w") as file:
        file.write(key := get_random_secret_key())
    return key


def _kept_secret(name: str, path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"{path} can be read by others; run chmod 600 on it or set {name}.")
    key = path.read_text().strip()
    if not key:
        raise ImproperlyConfigured(f"{path} is empty; remove it, and the next start makes a new one.")
    return key
