r"""Golden files: what an old client sends and reads, byte for byte, in a form that people can read.

A file is `tests/golden/<face>/<name>.http`:

    # label: a sentence that says what the client does
    # source: seed|wsdl|recorded|measured|inferred — where the bytes of the request come from
    # stored: {what is kept of the message and whom it goes to}, or: nothing
    >>>
    the request: its head with a line feed for each CRLF, an empty line, the body as it is
    <<<
    the whole answer in the same form, without its Date

A line of its own says who speaks: `>>>` the client on a new connection, `>>+` the client on the same one, `<<<` the
gateway. Requests that follow one another without an answer in between are sent at once (pipelining), and answered in
their order; a section that begins with an empty line is a body alone, whose head was sent before.

In a request, `\xNN` is a byte and `\[N*text]` is a text N times, anywhere; a body `base64:…` is decoded, and a body
`utf-16-le:…` or `utf-16-be:…` is coded so, in which `\ufeff` is a byte order mark. A line of a chunked body ends in
`\x0d`. The line feed before a marker or the end of the file belongs to the form.

The gateway's clock stands still at the moment of the provider's examples, 2018-10-23T17:43:19Z, its store is empty, so
the first id is 1001, and account and key are the provider's own examples. Numbers that begin with 46 go to an upstream
that nobody can reach; a file that needs a later status posts the delivery report that an upstream would post.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parent / "golden"

_MARKERS = re.compile(r"^(>>>|>>\+|<<<)\n", re.MULTILINE)
_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
_REPEATED = re.compile(rb"\\\[(\d+)\*([^\]]+)\]")
_UTF_16 = ("utf-16-le", "utf-16-be")


class Turn(NamedTuple):
    """What a client sends at once, and what it is answered: one answer for each."""

    requests: list[bytes]
    answers: list[bytes]


@dataclass(frozen=True, slots=True)
class Golden:
    """One file."""

    label: str
    source: str
    stored: Any
    """None for nothing."""
    connections: list[list[Turn]]


def read(text: str) -> Golden:
    """A golden file's text, understood. Raises ValueError."""
    head, *parts = _MARKERS.split(text.removesuffix("\n"))
    said = dict(re.findall(r"^# (\w+): (.*)$", head, flags=re.MULTILINE))
    if set(said) != {"label", "source", "stored"}:
        raise ValueError("a golden file says its label, its source and what is stored")
    stored = None if said["stored"] == "nothing" else json.loads(said["stored"])
    return Golden(said["label"], said["source"], stored, _connections(parts[::2], parts[1::2]))


def _connections(markers: Sequence[str], sections: Sequence[str]) -> list[list[Turn]]:
    connections: list[list[Turn]] = []
    for marker, section in zip(markers, sections, strict=True):
        if marker == ">>>":
            connections.append([Turn([], [])])
        elif not connections:
            raise ValueError("a connection begins with a request >>>")
        elif marker == ">>+" and connections[-1][-1].answers:
            connections[-1].append(Turn([], []))
        turn = connections[-1][-1]
        (turn.answers if marker == "<<<" else turn.requests).append(_bytes(section))
    turns = [turn for connection in connections for turn in connection]
    if not turns or any(len(turn.requests) != len(turn.answers) for turn in turns):
        raise ValueError("requests >>> and answers <<< take turns, one for each")
    return connections


def _bytes(section: str) -> bytes:
    if section.startswith("\n"):
        return _body(section.removeprefix("\n").removesuffix("\n"))
    head, _, body = section.partition("\n\n")
    lines = head.removesuffix("\n").encode().replace(b"\n", b"\r\n")
    return _unescaped(lines) + b"\r\n\r\n" + _body(body.removesuffix("\n"))


def _body(written: str) -> bytes:
    coding, _, rest = written.partition(":")
    if coding == "base64":
        return base64.b64decode(rest)
    if coding in _UTF_16:
        return rest.replace(r"\ufeff", "\ufeff").encode(coding)
    return _unescaped(written.encode())


def _unescaped(written: bytes) -> bytes:
    repeated = _REPEATED.sub(lambda match: match[2] * int(match[1]), written)
    return _BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), repeated)


FILES = {path.relative_to(FOLDER).as_posix(): read(path.read_text("utf-8")) for path in sorted(FOLDER.rglob("*.http"))}
