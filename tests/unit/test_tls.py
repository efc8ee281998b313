"""The files of a certificate: what is wrong with them is said before anybody connects."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, Issued
from command_line import change, sluss, sluss_json, write_config
from pydantic import ValidationError

from gateway.config import Listen, Tls
from gateway.errors import ConfigError
from gateway.tls import identity_of

NOW = time.time_ns() // 1_000_000


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that nobody but these tests believes."""
    return Authority(tmp_path)


def _mixed_up(authority: Authority) -> Issued:
    return Issued(authority.issue("one").certificate, authority.issue("two").key)


def _open_to_all(authority: Authority) -> Issued:
    issued = authority.issue("gateway")
    issued.key.chmod(0o644)
    return issued


def _the_wrong_way_round(authority: Authority) -> Issued:
    issued = authority.issue("gateway")
    return Issued(issued.key, issued.certificate)


FILES: list[tuple[str, Callable[[Authority], Issued], list[str]]] = [
    (
        "missing",
        lambda _: Issued(Path("/gone.crt"), Path("/gone.key")),
        ["certificate: /gone.crt cannot be read: No such file or directory", "key: /gone.key cannot be read"],
    ),
    ("the key of another", _mixed_up, ["key: ", "two.key does not belong to the first certificate of "]),
    ("expired", lambda authority: authority.issue("past", begins=-9, ends=-1), ["past.crt has expired on 20"]),
    ("not yet good", lambda authority: authority.issue("next", begins=2), ["next.crt is not valid before 20"]),
    ("a key that all may read", _open_to_all, ["gateway.key is open to every user of this machine: chmod 640"]),
    (
        "a key under a passphrase",
        lambda authority: authority.issue("locked", passphrase=b"x"),
        ["locked.key is locked with a passphrase"],
    ),
    (
        "the wrong way round",
        _the_wrong_way_round,
        ["holds no certificate in PEM form", "holds no private key in PEM form"],
    ),
]


@pytest.mark.parametrize(("make", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_what_is_wrong_with_the_files(
    authority: Authority, tmp_path: Path, make: Callable[[Authority], Issued], words: list[str]
) -> None:
    """`sluss check` says it, with exit code 2, and the gateway does not start."""
    issued = make(authority)
    path = write_config(tmp_path)
    change(path, "listen: {", f"listen: {{tls: {{certificate: '{issued.certificate}', key: '{issued.key}'}}, ")

    result = sluss("check", path)

    said = " ".join(result.output.split())
    assert result.exit_code == 2
    for word in words:
        assert word in said
    with pytest.raises(ConfigError):
        identity_of(Tls(certificate=issued.certificate, key=issued.key), NOW)


def test_a_ca_that_is_none(authority: Authority, tmp_path: Path) -> None:
    """What clients' certificates are checked with must be a certificate, too."""
    issued = authority.issue("gateway")
    tls = Tls(certificate=issued.certificate, key=issued.key, clients="required", ca=issued.key)

    with pytest.raises(ConfigError, match=r"listen\.tls\.ca: .* holds no certificate"):
        identity_of(tls, NOW)


def test_all_is_well(authority: Authority, tmp_path: Path) -> None:
    """`sluss check` says where TLS is spoken, `sluss doctor` for how long the certificate is good."""
    issued = authority.issue("gateway", ends=90)
    path = write_config(tmp_path)
    tls = f"{{certificate: '{issued.certificate}', key: '{issued.key}', address: '127.0.0.1:0'}}"
    change(path, "listen: {", f"listen: {{tls: {tls}, ")

    assert "Speaks TLS on 127.0.0.1:0." in sluss("check", path).output
    told = sluss_json("check", path)
    assert (told["listen"]["tls"], told["findings"]) == ("127.0.0.1:0", [])
    checks: list[dict[str, Any]] = json.loads(sluss("doctor", "--config", path, "--json").stdout)["checks"]
    (found,) = [row for row in checks if row["name"] == "tls"]
    assert found["ok"]
    assert found["found"].startswith("the certificate is good until 20")
    assert [row["name"] for row in checks if row["name"].startswith("port")][-1] == "port (tls.address)"


def test_doctor_says_what_is_wrong(authority: Authority, tmp_path: Path) -> None:
    """Each problem of the files is one line, with what to do."""
    issued = _open_to_all(authority)
    path = write_config(tmp_path)
    change(path, "listen: {", f"listen: {{tls: {{certificate: '{issued.certificate}', key: '{issued.key}'}}, ")

    said = " ".join(sluss("doctor", "--config", path).output.split())

    assert "is open to every user of this machine" in said


def test_it_will_expire(authority: Authority, tmp_path: Path) -> None:
    """Two weeks before, `sluss check` begins to say so, and that old clients are let in it says always."""
    issued = authority.issue("gateway", ends=13)
    path = write_config(tmp_path)
    tls = f"{{certificate: '{issued.certificate}', key: '{issued.key}', legacy: true}}"
    change(path, "listen: {", f"listen: {{tls: {tls}, ")

    findings = sluss_json("check", path, code=1)["findings"]

    assert any(finding.startswith("listen.tls.certificate: expires on 20") for finding in findings)
    assert any("WHICH CAN BE BROKEN" in finding for finding in findings)


WRONG: list[tuple[str, dict[str, object], str]] = [
    ("clients without a ca", {"clients": "required"}, "clients and ca go together"),
    ("a ca without clients", {"ca": "/ca.pem"}, "clients and ca go together"),
    ("the public address once more", {"address": "127.0.0.1:8080"}, "tls.address is taken by public or internal"),
    ("the internal address", {"address": "127.0.0.1:8081"}, "tls.address is taken by public or internal"),
]


@pytest.mark.parametrize(("over", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_meant(over: dict[str, object], words: str) -> None:
    """It is refused before a file is read."""
    with pytest.raises(ValidationError, match=words):
        Listen.model_validate({"tls": {"certificate": "/c", "key": "/k"} | over})
