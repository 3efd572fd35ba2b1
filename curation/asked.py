"""What a query string or a form says, as a database takes it."""

LARGEST = 2**63 - 1


def number(text: str) -> int | None:
    """A whole number that a key can be; None for what is none."""
    known = text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if known and int(text) <= LARGEST else None


def plain(text: str | None) -> str:
    """Text without blanks around it and without NUL characters, which PostgreSQL refuses."""
    return (text or "").replace("\0", "").strip()
