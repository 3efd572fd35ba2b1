"""
Fetch one file from an address that somebody wrote into a form.

Every hop is checked (see `addresses`) and redirects are followed by hand; the connection goes to the addresses that
were checked, while certificate and Host stay those of the name. Nothing of the environment is used: no proxy, no
netrc, no cookies. Bytes are kept as they were sent; size and time are capped whatever the server claims.

What a person can mend is BadInput or Refused. What may pass (5xx, 408, 425, 429, a broken connection, silence) is an
OSError, which a job tries again.
"""

import hashlib
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any, Protocol

import httpcore2
import httpx2

from curation.engine.errors import BadInput, Refused
from curation.engine.progress import Progress, ignore
from curation.engine.readers.addresses import Resolver, addresses, checked, host_of, port_of, shown
from curation.engine.readers.files import kind_of, require_readable
from curation.engine.readers.places import plain_name
from curation.engine.readers.streams import HEAD

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429})
UNPACKED_LATER = frozenset(
    {"", "identity", "gzip", "x-gzip", "zstd"}
)  # readers tell these by their first bytes
SUFFIX_OF = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
}
WEB_PAGE = (b"<!doctype html", b"<html")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of the file; seconds for all of it, for a connection, and without a byte; redirects that are followed."""

    max_bytes: int
    total: float = 2 * 3600.0
    connect: float = 10.0
    silence: float = 30.0
    redirects: int = 5
    private: bool = False  # addresses of the house as well: for an intranet


@dataclass(frozen=True, slots=True)
class Network:
    """What touches the world, so that the caller decides on it: names, connections, and a clock in seconds."""

    resolve: Resolver
    backend: httpcore2.NetworkBackend
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: a plain file name, bytes and sha256 as sent, and where it came from in the end, without the query."""

    name: str
    bytes: int
    sha256: str
    content_type: str
    final_url: str


class Writable(Protocol):
    def write(self, data: bytes, /) -> Any: ...


def fetch_url(
    url: str, target: Writable, limits: Limits, network: Network, *, progress: Progress = ignore
) -> Fetched:
    """Write the file at `url` into `target`. `progress` is told of bytes. Raises BadInput, Refused, OSError."""
    start = here = checked(url)
    watch = Watch(network.clock, limits.total)
    for _ in range(limits.redirects + 1):
        with _answer(here, limits, network, watch) as answer:
            if answer.status not in REDIRECTS:
                _require_ok(here, answer.status)
                return Reception(start, here, answer, limits, watch).into(target, progress)
            here = _next(here, _header(answer, b"location"))
    raise BadInput(f"{shown(start)} leads on more than {limits.redirects} times")


class Watch:
    """The time that is left for all of it."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds, self._end = clock, seconds, clock() + seconds

    def left(self) -> float:
        """Seconds, more than 0. Raises BadInput when they are up."""
        left = self._end - self._clock()
        if left <= 0:
            raise BadInput(f"The file did not come within {self._seconds:,.0f} seconds, so it was given up")
        return left

    def least(self, timeout: float | None) -> float:
        return self.left() if timeout is None else min(timeout, self.left())


class Pinned(httpcore2.NetworkBackend):
    """Connects to the addresses that were checked, whatever name it is asked for."""

    def __init__(self, network: Network, found: list[str], watch: Watch) -> None:
        self._backend, self._found, self._watch = network.backend, found, watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> "Timed":
        *others, last = self._found
        for address in others:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return self._connected(address, port, timeout)
        return self._connected(last, port, timeout)

    def _connected(self, address: str, port: int, timeout: float | None) -> "Timed":
        stream = self._backend.connect_tcp(address, port, timeout=self._watch.least(timeout))
        return Timed(stream, self._watch)


class Timed(httpcore2.NetworkStream):
    """A connection on which even headers that drip byte by byte have an end."""

    def __init__(self, stream: httpcore2.NetworkStream, watch: Watch) -> None:
        self._stream, self._watch = stream, watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._watch.least(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._watch.least(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Timed":
        secured = self._stream.start_tls(ssl_context, server_hostname, self._watch.least(timeout))
        return Timed(secured, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _answer(url: httpx2.URL, limits: Limits, network: Network, watch: Watch) -> Iterator[httpcore2.Response]:
    """One request on a connection of its own: a shared one might have been made for another name."""
    watch.left()
    pinned = Pinned(network, addresses(url, network.resolve, private=limits.private), watch)
    seconds = {"connect": limits.connect, "read": limits.silence, "write": limits.silence}
    asked: dict[bytes | str, bytes | str] = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "winnow",
        "Accept-Encoding": "identity",
    }
    target = httpcore2.URL(
        scheme=url.scheme.encode(), host=host_of(url).encode(), port=port_of(url), target=url.raw_path
    )
    context = ssl.create_default_context()
    with (
        _explained(url, watch),
        httpcore2.ConnectionPool(context, network_backend=pinned) as pool,
        pool.stream("GET", target, headers=asked, extensions={"timeout": seconds}) as answer,
    ):
        yield answer


@contextmanager
def _explained(url: httpx2.URL, watch: Watch) -> Iterator[None]:
    """Faults of a connection as sentences: what may pass is an OSError."""
    host = host_of(url)
    try:
        yield
    except httpcore2.TimeoutException as error:
        watch.left()
        raise TimeoutError(f"{host} does not answer, or stopped sending") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in (error.__cause__, *error.args)):
            raise BadInput(f"The certificate of {host} is not to be trusted: {error}") from error
        raise ConnectionError(f"The connection to {host} failed: {error or type(error).__name__}") from error


def _next(here: httpx2.URL, location: str) -> httpx2.URL:
    if not location:
        raise BadInput(f"{shown(here)} leads on, but does not say where to")
    try:
        there = checked(str(here.join(location)))
    except httpx2.InvalidURL as error:
        raise BadInput(f"{shown(here)} leads to no address that can be read: {error}") from None
    if here.scheme == "https" and there.scheme != "https":
        raise Refused(f"{shown(here)} leads from https to http, where anybody could change the file")
    return there


def _require_ok(url: httpx2.URL, status: int) -> None:
    known = {each.value: f" ({each.phrase})" for each in HTTPStatus}
    said = f"{shown(url)} answered {status}{known.get(status, '')}"
    if status >= 500 or status in PASSING:
        raise ConnectionError(said)
    if status in (401, 403):
        raise BadInput(f"{said}: only files that anybody may read can be fetched; upload it instead")
    if status != 200:
        raise BadInput(said)


class Reception:
    """The body of an answer, on its way into a file."""

    def __init__(
        self, start: httpx2.URL, url: httpx2.URL, answer: httpcore2.Response, limits: Limits, watch: Watch
    ) -> None:
        self.url, self.answer, self.limits, self.watch = url, answer, limits, watch
        self.content_type = _header(answer, b"content-type").partition(";")[0].strip().lower()
        self.name = _name([_last(start), _disposed(answer), _last(url)], self.content_type)

    def into(self, target: Writable, progress: Progress) -> Fetched:
        claimed = self._claimed()
        digest, size, head, judged = hashlib.sha256(), 0, b"", False
        for block in self._blocks():
            size += len(block)
            self._require_room(size)
            if not judged:
                head += block
                judged = self._judged(head, len(head) >= HEAD)
            digest.update(block)
            target.write(block)
            progress(size, max(size, claimed))
        if not size:
            raise BadInput(f"The file at {shown(self.url)} is empty")
        self._judged(head, True)
        return Fetched(self.name, size, digest.hexdigest(), self.content_type, shown(self.url))

    def _claimed(self) -> int:
        packed = _header(self.answer, b"content-encoding").strip().lower()
        if packed not in UNPACKED_LATER:
            raise BadInput(
                f"{shown(self.url)} sends the file packed as {packed}, although it was asked not to"
            )
        length = _header(self.answer, b"content-length")
        claimed = int(length) if length.isdecimal() else 0
        self._require_room(claimed)
        return claimed

    def _blocks(self) -> Iterable[bytes]:
        for block in self.answer.iter_stream():
            self.watch.left()
            yield block

    def _require_room(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise BadInput(
                f"The file at {shown(self.url)} is larger than {self.limits.max_bytes:,} bytes, "
                "the most that is fetched"
            )

    def _judged(self, head: bytes, enough: bool) -> bool:
        """Whether it was looked at: a wrong address should not cost a long download."""
        if enough:
            if head.lstrip()[:14].lower().startswith(WEB_PAGE):
                raise BadInput(
                    f"At {shown(self.url)} is a web page, not a file of rows; give the address of the file itself"
                )
            require_readable(self.name, head)
        return enough


def _header(answer: httpcore2.Response, name: bytes) -> str:
    value = next((value for key, value in answer.headers if key.lower() == name), b"")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _last(url: httpx2.URL) -> str:
    return url.path.rpartition("/")[2]


def _disposed(answer: httpcore2.Response) -> str:
    message = Message()
    message["Content-Disposition"] = _header(answer, b"content-disposition")
    try:
        return message.get_filename() or ""
    except (LookupError, ValueError):
        return ""


def _name(given: list[str], content_type: str) -> str:
    """
    The name that goes into record ids: of the address as it was given where that names a readable kind (it stays the
    same when the server signs other redirects tomorrow), else what the server calls it.
    """
    names = [plain_name(name) for name in given if name]
    name = next((name for name in names if kind_of(name)), names[0] if names else "download")
    return name if kind_of(name) else name + SUFFIX_OF.get(content_type, "")
