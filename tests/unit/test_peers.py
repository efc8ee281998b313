"""Who is at the other end, and which name of ours it knows."""

import pytest
from multidict import CIMultiDict

from gateway.config import Listen
from gateway.peers import Peers, Socket

PROXIED = {"trusted_proxies": ("10.0.0.0/8",)}
PUBLIC = {"public_url": "https://sms.example.org"}
BASES = [
    ("the host the client named", {}, "192.0.2.1", {"Host": "web.smscom.se"}, "http://web.smscom.se"),
    ("the old name, though there is a public one", PUBLIC, "192.0.2.1", {"Host": "old.example"}, "http://old.example"),
    ("the public name with its scheme", PUBLIC, "192.0.2.1", {"Host": "sms.example.org"}, "https://sms.example.org"),
    ("the public name for a host that is none", PUBLIC, "192.0.2.1", {"Host": "a b<c>"}, "https://sms.example.org"),
    ("our address for a host that is none", {}, "192.0.2.1", {"Host": '"/><x'}, "http://127.0.0.1:8080"),
    (
        "what a trusted proxy was asked for",
        PROXIED,
        "10.1.2.3",
        {"Host": "inner", "X-Forwarded-Host": "web.smscom.se", "X-Forwarded-Proto": "https"},
        "https://web.smscom.se",
    ),
    (
        "not what a stranger says it was asked for",
        PROXIED,
        "192.0.2.1",
        {"Host": "web.smscom.se", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        "http://web.smscom.se",
    ),
]


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "base"), [case[1:] for case in BASES], ids=[c[0] for c in BASES]
)
def test_the_name_by_which_a_client_reached_us(
    settings: dict[str, object], peer: str, headers: dict[str, str], base: str
) -> None:
    """A WSDL names an address that its client can reach: the one that it asked."""
    peers = Peers(Listen.model_validate(settings))

    assert peers.base(Socket(peer), CIMultiDict(headers)) == base


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.1.2.3", "198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("::ffff:10.1.2.3", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_address_of_a_client_behind_a_proxy(peer: str, forwarded: str, address: str) -> None:
    """Only a trusted proxy is believed, and of what it passes on only what no proxy of ours has written."""
    peers = Peers(Listen.model_validate(PROXIED))

    assert peers.address(Socket(peer), CIMultiDict({"X-Forwarded-For": forwarded})) == address
