"""The command line: help, mistakes, and the commands that need no gateway and no store."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import KEY_HASH, TOKEN, change, sluss, sluss_json, told, write_config
from gateways import a_document

from gateway import __version__, demo
from gateway.auth import hash_key
from gateway.cli import process
from gateway.cli.output import printable
from gateway.cli.supervision import Supervision

ROOT = Path(__file__).resolve().parents[2]

COMMANDS = ["serve", "demo", "check", "explain", "send", "status", "codes", "doctor", "key new", "key hash"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A valid configuration."""
    return write_config(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_an_example_and_json(command: str) -> None:
    """Help says what the command does, ends with an example, and names --json."""
    result = sluss(*command.split(), "--help")

    assert result.exit_code == 0
    assert re.search(rf"Example: .*sluss {command}", result.stdout)
    assert "--json" in result.stdout


def test_sluss_alone_prints_help() -> None:
    """Without a command there is help on stdout, and the exit code of wrong usage."""
    result = sluss()

    assert result.exit_code == 2
    assert "Usage: sluss" in result.stdout
    assert all(command.split()[0] in result.stdout for command in COMMANDS)


def test_version() -> None:
    """--version is the version of the distribution."""
    result = sluss("--version")

    assert (result.exit_code, result.stdout) == (0, f"sluss {__version__}\n")


def test_help_imports_nothing_heavy() -> None:
    """`sluss --help` loads no web server, no validation library, no adapter: it answers at once."""
    heavy = "aiohttp", "pydantic", "uvloop", "structlog", "sqlite3", "adapters"
    source = f"import sys, gateway.cli; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"


MISTAKES = [
    ("a command that does not exist", ("snd",), 2, "No such command"),
    ("an option that does not exist", ("codes", "--old"), 2, "No such option"),
    ("a key on the command line", ("send", "--to", "46712345678", "--key", "secret"), 2, "No such option"),
    ("no configuration anywhere", ("status", "1001"), 2, "no configuration"),
    ("a configuration that is not there", ("status", "1001", "--config", "no.yaml"), 2, "no.yaml: there is no such"),
    ("a national number", ("send", "--to", "0701234567", "--text", "x", "--from", "x"), 2, "46712345678"),
    (
        "an address without a scheme",
        ("send", "--to", "46712345678", "--text", "x", "--from", "x", "--url", "a"),
        2,
        "http",
    ),
    ("no key to send with", ("send", "--to", "46712345678", "--text", "x", "--from", "x"), 2, "SLUSS_KEY"),
    ("explain without a question", ("explain", "--to", "46712345678"), 2, "--caller, --sender and --to"),
    ("a name no caller may have", ("key", "new", "--caller", "Åsa"), 2, "lower-case"),
    ("nothing to hash", ("key", "hash"), 2, "No key was given"),
]


@pytest.mark.parametrize(("label", "args", "code", "words"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_a_mistake_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, label: str, args: tuple[str, ...], code: int, words: str
) -> None:
    """A user's mistake ends with 2 and says what is wrong on stderr, without a trace."""
    monkeypatch.chdir(tmp_path)
    result = sluss(*args)

    assert result.exit_code == code
    assert words in told(result)
    assert result.stdout == ""


def test_a_bug_of_ours_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error ends with 70, names no detail and says how to see the trace."""

    def broken(**_: object) -> int:
        raise LookupError("a secret")

    monkeypatch.setattr(demo, "run", broken)
    result = sluss("demo")

    assert result.exit_code == 70
    assert result.stderr == (
        "Something went wrong inside Sluss (LookupError):"
        " run it again with SLUSS_DEBUG=1 to see the trace, and please report it.\n"
    )


def test_a_bug_of_ours_shows_its_trace_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With SLUSS_DEBUG=1 the exception comes through."""

    def broken(**_: object) -> int:
        raise LookupError("the reason")

    monkeypatch.setattr(demo, "run", broken)
    result = sluss("demo", env={"SLUSS_DEBUG": "1"})

    assert isinstance(result.exception, LookupError)


@pytest.mark.parametrize("code", [0, 1])
def test_demo_ends_as_the_demo_does(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The demo's own exit code is the command's, and its flags arrive."""
    seen = {}

    def run(**flags: bool) -> int:
        seen.update(flags)
        return code

    monkeypatch.setattr(demo, "run", run)
    result = sluss("demo", "--json")

    assert result.exit_code == code
    assert seen == {"serve": False, "as_json": True}


def test_control_characters_are_spelled_out() -> None:
    """What an upstream wrote cannot steer a terminal: only printable characters pass as they are."""
    assert printable("Åäö € \x1b[2J\r\n\x07") == "Åäö € \\x1b[2J\\r\\n\\x07"


V2_101 = {
    "code": 101,
    "name": "Accepted",
    "group": "Info",
    "description": "The message(s) has been accepted for processing",
    "final": False,
    "delivered": False,
    "retryable": False,
    "legacy": {"code": 10, "words": "Received by the gateway"},
}
LEGACY_101 = {
    "code": 101,
    "words": "Wrong account credentials",
    "answers": "request",
    "note": "hold the queue",
    "v2": None,
}
LEGACY_43 = {
    "code": 43,
    "words": "Delivery failed",
    "answers": "message",
    "note": "the Swedish original says expired",
    "v2": {"code": 202, "name": "Expired"},
}

CODES = [
    ("a number of both vocabularies", ("101",), {"v2": [V2_101], "legacy": [LEGACY_101]}),
    ("the same, v2 only", ("101", "--v2"), {"v2": [V2_101]}),
    ("the same, legacy only", ("101", "--legacy"), {"legacy": [LEGACY_101]}),
    ("a legacy number alone", ("43",), {"v2": [], "legacy": [LEGACY_43]}),
]


@pytest.mark.parametrize(("label", "args", "expected"), CODES, ids=[case[0] for case in CODES])
def test_one_code(label: str, args: tuple[str, ...], expected: object) -> None:
    """A number is shown in each vocabulary that has it, with what it becomes in the other."""
    assert sluss_json("codes", *args) == expected


def test_all_codes() -> None:
    """Without a number every row of both vocabularies is there: 32 statuses and 24 legacy codes."""
    document = sluss_json("codes")

    assert (len(document["v2"]), len(document["legacy"])) == (32, 24)


def test_codes_as_tables() -> None:
    """A pipe gets whole lines: one row, one line, with both meanings of 101."""
    lines = sluss("codes", "101").stdout.splitlines()

    assert any("Accepted" in line and "10 Received by the gateway" in line for line in lines)
    assert any("Wrong account credentials" in line and "no message status" in line for line in lines)


@pytest.mark.parametrize("args", [("7",), ("22", "--v2"), ("599", "--legacy")])
def test_a_code_nobody_documented(args: tuple[str, ...]) -> None:
    """A code that a vocabulary does not have ends with 1."""
    result = sluss("codes", *args)

    assert result.exit_code == 1
    assert f"Nobody documented the code {args[0]}" in result.stderr


def test_a_new_key_matches_its_hash() -> None:
    """The hash is that of the key, and the line to paste is a caller with it."""
    document = sluss_json("key", "new", "--caller", "erp")

    assert document["hash"] == hash_key(document["key"])
    assert yaml.safe_load(document["yaml"]) == [{"name": "erp", "account": "erp", "keys": [document["hash"]]}]


def test_a_new_key_is_shown_once() -> None:
    """The table form names the key exactly once, and no two keys are the same."""
    first, second = (sluss("key", "new").stdout for _ in range(2))
    key = first.split("once:")[1].split()[0]

    assert len(key) == 32
    assert first.count(key) == 1
    assert key not in second


HASHES = [
    (
        "a long key",
        "0123456789abcdef\n",
        (),
        "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n",
    ),
    ("a short key", "0123456789abcde\n", (), "scrypt:16384:8:1:"),
    ("a short key that is known to be random", "abc\n", ("--sha256",), "sha256:ba7816bf8f01cfea414140de5dae2223"),
    ("a long key that a person chose", "correct horse battery staple\n", ("--scrypt",), "scrypt:16384:8:1:"),
    ("a key with Windows' line end", "0123456789abcdef\r\n", (), "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd"),
]


@pytest.mark.parametrize(("label", "given", "args", "expected"), HASHES, ids=[case[0] for case in HASHES])
def test_hashing_a_key(label: str, given: str, args: tuple[str, ...], expected: str) -> None:
    """Stdin is hashed without its line end, fast for long keys and slow for short ones, and never echoed."""
    result = sluss("key", "hash", *args, given=given)

    assert result.exit_code == 0
    assert result.stdout.startswith(expected)
    assert given.strip() not in result.output


def test_check_of_a_sound_configuration(config: Path) -> None:
    """The summary names callers, upstreams and routes, and no key."""
    result = sluss("check", config)
    document = sluss_json("check", config)
    plain = {"fallback": [], "hold": False, "reject": None}

    assert result.exit_code == 0
    assert "No problem found." in result.stdout
    assert TOKEN not in result.stdout + json.dumps(document)
    assert KEY_HASH not in result.stdout + json.dumps(document)
    assert document == {
        "ok": True,
        "problems": [],
        "findings": [],
        "listen": {"public": "127.0.0.1:8080", "internal": "127.0.0.1:8081"},
        "store": f"sqlite:///{config.parent / 'sluss.db'}",
        "callers": [
            {
                "name": "erp",
                "account": "ip1-12345",
                "keys": 1,
                "faces": ["rest_v2", "sendsms"],
                "allow_from": [],
            }
        ],
        "upstreams": [
            {"name": "main", "adapter": "rest_v2", "host": "api.example", "rate": None, "gather": 1},
            {"name": "trial", "adapter": "sandbox", "host": None, "rate": None, "gather": 1},
        ],
        "routes": [
            {"name": "tests", "when": {"recipient": ["4670000*"]}, "to": {"trial": 1}, **plain},
            {"name": "alarms", "when": {"sender": ["ALARM"]}, "to": {"trial": 1}, **plain},
            {"name": "default", "when": {}, "to": {"main": 1}, **plain},
        ],
        "tests": 0,
    }


def test_check_runs_the_configurations_own_tests(tmp_path: Path) -> None:
    """A test that does not hold is a finding, and ends with 1; those that hold are counted."""
    path = tmp_path / "sluss.yaml"
    tests = [
        {"given": {"caller": "erp", "recipient": "46712345678"}, "expect": {"route": name}} for name in ("default", "x")
    ]
    path.write_text(json.dumps(a_document(tests=tests)))

    result = sluss("check", path)

    assert result.exit_code == 1
    assert "Finding: tests.1: route default takes it, not x, which is never asked" in " ".join(result.stdout.split())
    assert "Tests of its own: 2." in result.stdout
    assert sluss_json("check", path, code=1)["ok"] is False


def test_check_of_a_doubtful_configuration(config: Path) -> None:
    """What works but is hardly meant ends with 1 and one sentence each."""
    change(config, "to: trial", "to: main")
    document = sluss_json("check", config, code=1)

    assert (document["ok"], document["problems"]) == (False, [])
    assert [finding.split(":")[0] for finding in document["findings"]] == ["upstreams.trial"]
    assert "Finding: upstreams.trial" in sluss("check", config).stdout


def test_check_of_an_invalid_configuration(config: Path) -> None:
    """Every problem is told at once with file and line, and the command ends with 2."""
    change(config, "pace:", "paces:")
    change(config, "to: main", "to: mains")
    result = sluss("check", config)
    document = sluss_json("check", config, code=2)

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == len(document["problems"]) == 2
    assert all(problem.startswith(f"{config}:") for problem in document["problems"])
    assert "'paces' (did you mean 'pace'?)" in result.stderr
    assert "'mains' (did you mean 'main'?)" in result.stderr


def test_the_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signal asks for an orderly end; the second does not wait for it."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    stop = asyncio.Event()

    process._signalled(stop, signal.SIGTERM, Supervision({}))
    assert (stop.is_set(), ended) == (True, [])

    process._signalled(stop, signal.SIGTERM, Supervision({}))
    assert ended == [143]
