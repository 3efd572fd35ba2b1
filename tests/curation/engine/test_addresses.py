"""Which addresses somebody else may have us ask, and which lead inside."""

import pytest

from curation.engine.errors import BadInput, Refused
from curation.engine.readers.addresses import checked, is_allowed, system_resolver
from tests.curation.engine.fake_web import PUBLIC, PUBLIC6


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "192.88.99.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "4000::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "2001:0:53aa:64c:0:0:80ff:fffe",
        "localhost",
        "",
    ],
)
def test_what_leads_inside_is_no_public_address(address):
    assert not is_allowed(address)


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC6, "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address):
    assert is_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fc00::1"])
def test_an_intranet_can_be_allowed(address):
    assert is_allowed(address, private=True)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "192.0.0.192",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
)
def test_but_never_where_clouds_keep_their_keys(address):
    assert not is_allowed(address, private=True)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://data.example/x.csv",
        "gopher://data.example/",
        "simplecache::s3://bucket/x.csv",
        "zip://*.json::http://data.example/x.zip",
        "data.example/x.csv",
        "http:///x.csv",
        "http://me:secret@data.example/x.csv",
        "http://me@data.example/x.csv",
        "http://127.0.0.1\\@data.example/",
        "http://data.example:0/x.csv",
        "http://data.example:99999/x.csv",
        "http://da%00ta.example/",
        "http://" + "a" * 3000,
        "https://",
    ],
)
def test_only_plain_web_addresses_are_taken(url):
    with pytest.raises((BadInput, Refused)):
        checked(url)


def test_the_system_finds_itself():
    assert "127.0.0.1" in system_resolver("127.0.0.1", 80)
