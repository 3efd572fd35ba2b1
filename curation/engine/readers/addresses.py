"""
Which addresses on the network may be asked for a file: public ones, and nothing that leads inside by a detour.

A host is resolved once a hop, every address that it has must do, and the connection goes to one of these and to
no other: a name that answers differently the second time (DNS rebinding) gains nothing.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence

import httpx2

from curation.engine.errors import BadInput, Refused

Resolver = Callable[[str, int], Sequence[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[A-Za-z0-9._:-]+")
LONGEST_URL = 2000
PUBLIC_V6 = ipaddress.ip_network("2000::/3")  # all that IANA has given out as global unicast
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is meant
DETOURS = (
    ipaddress.ip_network("2002::/16"),  # 6to4
    ipaddress.ip_network("2001::/32"),  # Teredo
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
)
KEEPERS = (  # where clouds keep their keys, beside the link-local addresses
    ipaddress.ip_network("192.0.0.0/24"),  # Oracle; of IETF protocols, and to older Pythons a public one
    ipaddress.ip_network("168.63.129.16/32"),  # Azure; public by its number
    ipaddress.ip_network("100.100.100.200/32"),  # Alibaba
    ipaddress.ip_network("fd00:ec2::/32"),  # AWS
    ipaddress.ip_network("fd20:ce::/32"),  # Google
)


def checked(url: str) -> httpx2.URL:
    """The URL, when it names a file on a web server and nobody's password. Raises BadInput, Refused."""
    if len(url) > LONGEST_URL:
        raise BadInput(f"An address has at most {LONGEST_URL:,} characters")
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise BadInput(f"This is no address that can be read: {error}") from None
    if parsed.scheme not in PORTS:
        raise Refused("Only addresses that begin with https:// or http:// can be fetched")
    if parsed.userinfo:
        raise Refused("An address must not hold a user name or password: they would be kept with the source")
    if not HOST.fullmatch(host_of(parsed)) or parsed.port == 0 or (parsed.port or 1) > 65_535:
        raise BadInput("This address names no host that can be asked")
    return parsed


def host_of(url: httpx2.URL) -> str:
    """The host as it goes over the wire: IDNA, an IPv6 address without its brackets."""
    return url.raw_host.decode("ascii")


def port_of(url: httpx2.URL) -> int:
    return url.port or PORTS[url.scheme]


def shown(url: httpx2.URL) -> str:
    """The address without its query, which may hold a signature: for sentences and facts."""
    path = url.raw_path.partition(b"?")[0]
    return f"{url.scheme}://{(url.netloc + path).decode('ascii')}"


def addresses(url: httpx2.URL, resolve: Resolver, *, private: bool = False) -> list[str]:
    """Where the host of a URL is, as `located` finds it. Refused unless all its addresses are public."""
    found = located(url, resolve)
    if not all(is_allowed(address, private) for address in found):
        raise Refused(
            f"{host_of(url)} is not a public address, and only such may be fetched from. Upload the file, "
            "or ask an administrator to import it from the shell"
        )
    return found


def located(url: httpx2.URL, resolve: Resolver) -> list[str]:
    """
    Where the host of a URL is, whatever kind of address that is. BadInput when there is no such host,
    ConnectionError when the name service does not answer.
    """
    host = host_of(url)
    try:
        found = list(resolve(host, port_of(url)))
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise ConnectionError(f"The name service does not answer for {host}") from error
        raise BadInput(f"There is no host {host}") from error
    except UnicodeError as error:
        raise BadInput(f"There is no host {host}") from error
    if not found:
        raise BadInput(f"There is no host {host}")
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that this machine finds for a name, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_allowed(text: str, private: bool = False) -> bool:
    """Public; with `private` also one of the house, but never one where clouds keep their keys."""
    try:
        address = _meant(ipaddress.ip_address(text))
    except ValueError:
        return False
    if any(address in network for network in (*DETOURS, *KEEPERS) if network.version == address.version):
        return False
    if private and not (address.is_link_local or address.is_multicast or address.is_unspecified):
        return True
    return _is_public(address)


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address


def _is_public(address: Address) -> bool:
    """`is_global` alone takes multicast, site-local and unassigned addresses for global ones."""
    if isinstance(address, ipaddress.IPv6Address) and address not in PUBLIC_V6:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
