"""
How the bytes of one file go out, whoever asked for it: whole, a range of it, only its head, or "you have it already".

`curation.delivery` says which file may be had; here is only HTTP. Where a front server is configured it sends the bytes
itself, so that a slow reader costs us nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date

from curation.delivery.ranges import Beyond, Span, asked_span, still_the_same
from curation.models import store

BLOCK = 64 << 10  # every slow reader holds a few of them
TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/jsonl; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of the store as HTTP knows it: its `place` there, the name it is saved under, size, hash and time."""

    place: str
    name: str
    bytes: int
    sha256: str
    modified: datetime

    @property
    def etag(self) -> str:
        return f'"sha256-{self.sha256}"'

    @property
    def last_modified(self) -> str:
        return http_date(self.modified.timestamp())

    @property
    def headers(self) -> dict[str, str]:
        """
        What every answer about it says. A copy may be kept but is asked about again each time, as a file can be
        withdrawn; `no-transform` forbids to compress it on the way, which would break ranges and hashes.
        """
        return {
            "ETag": self.etag,
            "Last-Modified": self.last_modified,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache, no-transform",
            "Content-Disposition": content_disposition_header(True, self.name) or "attachment",
            "Content-Type": TYPES.get(self.name.rpartition(".")[2], "application/octet-stream"),
        }


class Blocks:
    """A span of an open file in blocks; closed when the reader has it or goes away."""

    def __init__(self, file: Any, span: Span) -> None:
        file.seek(span.first)
        self._file, self._left = file, len(span)

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            block = self._file.read(min(BLOCK, self._left))
            if not block:
                return  # shorter than its manifest says: the reader sees a broken transfer, not a wrong file
            self._left -= len(block)
            yield block

    def close(self) -> None:
        self._file.close()


def send(request: HttpRequest, sent: Sent) -> HttpResponseBase:
    """200, 206, 304, 412 or 416, as RFC 9110 says for a GET or HEAD."""
    request.META.pop("HTTP_ACCEPT_ENCODING", None)  # what compresses answers finds nobody who wishes for it
    known = get_conditional_response(request, etag=sent.etag, last_modified=int(sent.modified.timestamp()))
    if known is not None:
        return _with(known, {name: sent.headers[name] for name in ("ETag", "Last-Modified", "Cache-Control")})
    if request.method == "HEAD":
        return _with(HttpResponse(), sent.headers | {"Content-Length": str(sent.bytes)})
    if settings.ACCEL_PREFIX and store().local:
        return _handed_over(sent)
    try:
        span = _span(request, sent)
    except Beyond:
        told = {"Content-Range": f"bytes */{sent.bytes}", "Accept-Ranges": "bytes", "ETag": sent.etag}
        return _with(HttpResponse(status=416), told)
    return _streamed(sent, span)


def _with(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _handed_over(sent: Sent) -> HttpResponseBase:
    """The front server reads the file itself, and does the ranges."""
    place = quote(settings.ACCEL_PREFIX + sent.place)
    return _with(HttpResponse(), sent.headers | {"X-Accel-Redirect": place})


def _span(request: HttpRequest, sent: Sent) -> Span | None:
    headers = request.headers
    if not still_the_same(headers.get("If-Range", ""), sent.etag, sent.last_modified):
        return None
    return asked_span(headers.get("Range", ""), sent.bytes)


def _streamed(sent: Sent, span: Span | None) -> HttpResponseBase:
    part = span or Span(0, sent.bytes - 1)
    response = StreamingHttpResponse(Blocks(store().open(sent.place), part), status=206 if span else 200)
    headers = sent.headers | {"Content-Length": str(len(part))}
    return _with(response, headers | ({"Content-Range": part.told(sent.bytes)} if span else {}))
