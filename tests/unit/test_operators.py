"""Who gives an order: what the kernel says of a connection, and what is left where it says nothing."""

import os
import pwd
from pathlib import Path

import pytest

from gateway import operators

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
V4 = "   1: 0100007F:C350 0100007F:1F91 {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 34567 1\n"
V6 = (
    "   0: 00000000000000000000000001000000:C350 00000000000000000000000001000000:1F91 01 00000000:00000000"
    " 00:00000000 00000000 {uid:5} 0 34567 1\n"
)
MAPPED = (
    "   0: 0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:1F91 01 00000000:00000000"
    " 00:00000000 00000000 {uid:5} 0 34567 1\n"
)
NOBODY = 4_000_000
HERE, PEER = ("127.0.0.1", 8081), ("127.0.0.1", 50000)
SAID = [
    ("a user of this machine", V4.format(state="01", uid=NOBODY), "", PEER, "uid 4000000"),
    ("by IPv6", "", V6.format(uid=NOBODY), ("::1", 50000), "uid 4000000"),
    ("by IPv4 to a socket of IPv6", V4.format(state="01", uid=NOBODY), "", ("::ffff:127.0.0.1", 50000), "uid 4000000"),
    ("from a socket of IPv6 by IPv4", "", MAPPED.format(uid=NOBODY), PEER, "uid 4000000"),
    ("a connection that is closing, whose user is nobody's", V4.format(state="06", uid=0), "", PEER, "127.0.0.1"),
    ("another connection", V4.format(state="01", uid=NOBODY), "", ("127.0.0.1", 50001), "127.0.0.1"),
    ("from another machine", V4.format(state="01", uid=NOBODY), "", ("192.0.2.7", 50000), "192.0.2.7"),
]


@pytest.mark.parametrize(("tcp", "tcp6", "peer", "who"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_whose_connection_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tcp: str, tcp6: str, peer: tuple[str, int], who: str
) -> None:
    """The user that the kernel names for both ends of an open connection; otherwise the address."""
    (tmp_path / "tcp").write_text(HEAD + tcp)
    (tmp_path / "tcp6").write_text(HEAD + tcp6)
    monkeypatch.setattr(operators, "_TABLES", tmp_path)
    here = ("::1", 8081) if peer[0] == "::1" else ("::ffff:127.0.0.1", 8081) if ":" in peer[0] else HERE

    assert operators.operator(peer, here, claimed="", by_token=False) == who
    assert operators.operator(peer, here, claimed="anna", by_token=False) == f"{who}, says anna"


@pytest.mark.parametrize("claimed", ["", "a b", "x" * 33, "46712345678\n", "åsa"])
def test_a_claim_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: str) -> None:
    """Whatever else stands in the field is left out; and where there are no tables, the token is all there is."""
    monkeypatch.setattr(operators, "_TABLES", tmp_path)

    assert operators.operator(PEER, HERE, claimed=claimed, by_token=True) == "127.0.0.1 with the token"


def test_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command names its user, and who became that user by sudo."""
    name, uid = pwd.getpwuid(os.getuid()).pw_name, os.getuid()
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert operators.oneself() == f"{name} (uid {uid})"
    assert operators.claim() == name

    monkeypatch.setenv("SUDO_USER", "somebody.else")
    assert operators.oneself() == f"{name} (uid {uid}), says somebody.else"
