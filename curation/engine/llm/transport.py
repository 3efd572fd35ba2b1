"""
One POST to an endpoint. Addresses of the house will do, for that is where workers are; those where clouds keep their
keys will not, whatever name leads there. Redirects are not followed, and nothing of the environment is used.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import httpcore2
import httpx2

from curation.engine.errors import BadInput, Refused
from curation.engine.llm.faults import TimedOut, TooLarge, Unreachable
from curation.engine.readers.addresses import checked, host_of, is_allowed, located, port_of
from curation.engine.readers.fetching import Network, Pinned, Watch

CONNECT = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: the status, the headers by lower-case name, and all of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries a request; raises an `EndpointFault` when no whole reply comes back. Used by several threads at once."""

    def send(
        self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float, most: int
    ) -> Reply: ...


class Direct:
    """Over a connection of its own to each request, to an address that was checked."""

    def __init__(self, network: Network) -> None:
        self._network, self._context = network, ssl.create_default_context()

    def send(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float, most: int) -> Reply:
        """`timeout` is in seconds for all of it, `most` in bytes of the reply."""
        here = checked(url)
        watch = Deadline(self._network.clock, timeout, host_of(here))
        pinned = Pinned(self._network, self._addresses(here), watch)
        target = httpcore2.URL(
            scheme=here.scheme.encode(), host=host_of(here).encode(), port=port_of(here), target=here.raw_path
        )
        seconds = {"connect": min(CONNECT, timeout), "read": timeout, "write": timeout}
        sent: dict[bytes | str, bytes | str] = {
            "Host": here.netloc.decode("ascii"),
            "User-Agent": "winnow",
            "Accept-Encoding": "identity",
        }
        sent.update(headers)
        with (
            _explained(host_of(here), watch),
            httpcore2.ConnectionPool(self._context, network_backend=pinned) as pool,
            pool.stream(
                "POST",
                target,
                headers=sent,
                content=body,
                extensions={"timeout": seconds},
            ) as answer,
        ):
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return Reply(answer.status, told, _whole(answer, watch, most))

    def _addresses(self, url: httpx2.URL) -> list[str]:
        try:
            found = located(url, self._network.resolve)
        except (BadInput, ConnectionError) as error:
            raise Unreachable(f"{error}.") from error
        if not all(is_allowed(address, private=True) for address in found):
            raise Refused(f"{host_of(url)} leads to an address that no endpoint may have.")
        return found


class Deadline(Watch):
    """The time that is left for one reply."""

    def __init__(self, clock: Callable[[], float], seconds: float, host: str) -> None:
        super().__init__(clock, seconds)
        self.sentence = f"{host} did not answer within {seconds:g} seconds."

    def left(self) -> float:
        """Seconds, more than 0. Raises TimedOut when they are up."""
        if (left := self._end - self._clock()) <= 0:
            raise TimedOut(self.sentence)
        return left


def _whole(answer: httpcore2.Response, watch: Deadline, most: int) -> bytes:
    blocks, size = [], 0
    for block in answer.iter_stream():
        watch.left()
        blocks.append(block)
        size += len(block)
        if size > most:
            raise TooLarge(f"The reply is larger than {most:,} bytes, the most that is read.")
    return b"".join(blocks)


@contextmanager
def _explained(host: str, watch: Deadline) -> Iterator[None]:
    """Faults of a connection as sentences."""
    try:
        yield
    except httpcore2.ConnectTimeout as error:
        raise Unreachable(f"{host} does not take a connection within {CONNECT:g} seconds.") from error
    except httpcore2.TimeoutException as error:
        raise TimedOut(watch.sentence) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in (error.__cause__, *error.args)):
            raise Unreachable(f"The certificate of {host} is not to be trusted.") from error
        raise Unreachable(
            f"The connection to {host} failed; is the server there up, and is the address right?"
        ) from error
