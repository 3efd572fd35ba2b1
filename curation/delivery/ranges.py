"""
Which bytes of a file a request asks for: RFC 9110, section 14.

One range is answered with these bytes. Several at once, another unit than bytes, and what cannot be read are answered
with the whole file, as the section allows. Nothing here knows of a web framework.
"""

import re
from dataclasses import dataclass

ONE = re.compile(r"bytes=\s*(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))\s*", re.IGNORECASE | re.ASCII)


class Beyond(Exception):
    """The range begins where the file has ended: a 416."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `first` to `last` of a file, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def told(self, size: int) -> str:
        """As `Content-Range` says it."""
        return f"bytes {self.first}-{self.last}/{size}"


def asked_span(header: str, size: int) -> Span | None:
    """The bytes that a `Range` asks for of a file of that size; None for the whole file, `Beyond` for none of it."""
    found = ONE.fullmatch(header)
    if not found:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return _suffix(int(suffix), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Beyond
    return Span(int(first), min(int(last), size - 1) if last else size - 1)


def _suffix(length: int, size: int) -> Span:
    if not length or not size:
        raise Beyond
    return Span(max(0, size - length), size - 1)


def still_the_same(if_range: str, etag: str, last_modified: str) -> bool:
    """Whether what a client has may be continued; whoever has the beginning of another file wants all of this one."""
    return not if_range or if_range in (etag, last_modified)
