"""
What goes wrong between this installation and an endpoint:

EndpointFault
├── Passing          another try may do
│   ├── Unreachable  no connection: the server is down, or the name or the certificate is wrong
│   ├── TimedOut     no whole reply within the time that was given
│   └── Busy         429, 408 or 5xx
├── KeyRefused       401 or 403
├── NoSuchModel      404: no such model, or no such address
├── Declined         this one request is not taken (400, 413, 422): another may be
├── Garbled          the reply is not what the format says: no JSON, no choices
└── TooLarge         the reply is larger than may be read

The sentences name the address and the model, never the key nor what the server wrote: it may repeat what was asked.
"""

from curation.engine.errors import DataError


class EndpointFault(DataError):
    """An endpoint did not answer as it should."""


class Passing(EndpointFault):
    """Another try may do; `after` is how many seconds the server asks to wait, where it does."""

    def __init__(self, sentence: str, after: float | None = None) -> None:
        super().__init__(sentence)
        self.after = after


class Unreachable(Passing):
    """There is no connection."""


class TimedOut(Passing):
    """No whole reply in time."""


class Busy(Passing):
    """The server has too much to do, or is broken for now."""


class KeyRefused(EndpointFault):
    """The key is missing, wrong, or not allowed to use this model."""


class NoSuchModel(EndpointFault):
    """The server knows no such model or no such path."""


class Declined(EndpointFault):
    """This request is not taken, such as one that is longer than the model reads."""


class Garbled(EndpointFault):
    """The reply is not what the format says."""


class TooLarge(EndpointFault):
    """The reply is larger than may be read."""
