"""What an endpoint is, as an admin describes it."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from curation.engine.errors import BadConfig, Refused
from curation.engine.names import check_name
from curation.engine.readers.addresses import checked, host_of, is_allowed

KEYS = "WINNOW_ENDPOINT_KEY_"
KEY_VARIABLE = re.compile(KEYS + "[A-Z0-9_]{1,60}")
LONGEST_URL, LONGEST_MODEL = 500, 200


class EndpointKind(StrEnum):
    """What it is asked for."""

    CHAT = "chat"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """`key_variable` names the environment variable that holds the key; empty where none is needed."""

    name: str
    base_url: str
    model: str
    key_variable: str = ""
    kind: str = EndpointKind.CHAT
    may_see_benchmark_text: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "The name of an endpoint")
        _check_url(self.base_url)
        if not self.model or len(self.model) > LONGEST_MODEL or not self.model.isprintable():
            raise BadConfig(f"Name the model as the server calls it, in at most {LONGEST_MODEL} characters.")
        if self.key_variable and not KEY_VARIABLE.fullmatch(self.key_variable):
            raise BadConfig(
                f"Keys are read from environment variables whose names begin with {KEYS} and go on in capitals, "
                "digits and underscores; give such a name, never the key itself."
            )
        if self.kind not in set(EndpointKind):
            raise BadConfig(
                f"There is no kind {self.kind!r} of endpoint; choose {' or '.join(EndpointKind)}."
            )


def _check_url(text: str) -> None:
    """What can be known without asking the name service; the address itself is looked at with each request."""
    if len(text) > LONGEST_URL:
        raise BadConfig(f"The base URL of an endpoint has at most {LONGEST_URL} characters.")
    host = host_of(checked(text))
    if "?" in text or "#" in text:
        raise BadConfig("The base URL of an endpoint ends with a path such as /v1, without ? and #.")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_allowed(host, private=True):
        raise Refused(f"{host} is an address that no endpoint may have.")
