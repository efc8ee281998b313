"""Sending one message through a running gateway, and following it."""

import os
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from gateway.cli.output import ExitCode, fail, say, show_json
from gateway.cli.reach import Answer, NoAnswer, ask
from gateway.ids import Kind, key_of
from gateway.msisdn import normalise
from gateway.status import Status
from gateway.translator import status_of

KEY = "SLUSS_KEY"

_STRANGER = "What answers there is no Sluss."

_PAUSE = 0.5
"""Seconds between two looks at a message."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to send, and to which gateway."""

    to: str
    text: str
    sender: str
    url: str


def send(order: Order, *, wait: float | None, as_json: bool) -> ExitCode:
    """Send it; with `wait`, follow it for that many seconds or until its status is final."""
    base = _base(order.url)
    document = {"sender": order.sender, "recipients": [_number(order.to)], "body": order.text}
    key = _key()
    try:
        answer = ask(f"{base}/v2/batches", key=key, document=document)
        batch_id = _accepted(answer)
        status = Status.ACCEPTED
        if wait is not None:
            if not as_json:
                say(f"Accepted: batch {batch_id}")
            status = _follow(base, key, batch_id, wait)
    except NoAnswer as error:
        fail(ExitCode.UNREACHABLE, str(error))
    return _tell(batch_id, status, wait=wait, as_json=as_json)


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise typer.BadParameter("must be the gateway's address, as http://127.0.0.1:8080", param_hint="--url")
    return url.rstrip("/")


def _number(text: str) -> str:
    # With 0 for a country a national number stays one, and is refused: only its writer knows the country.
    number = normalise(text, "0")
    if number is None:
        raise typer.BadParameter("is no phone number with its country code, as 46712345678", param_hint="--to")
    return number


def _key() -> str:
    key = os.environ.get(KEY, "")
    if not key and sys.stdin.isatty():
        key = str(typer.prompt("API key", hide_input=True, err=True))
    if not key:
        fail(ExitCode.USAGE, f"No API key: set the environment variable {KEY}.")
    return key


def _accepted(answer: Answer) -> str:
    document = _document(answer, 201)
    if not isinstance(document, dict) or key_of(Kind.BATCH, str(document.get("id"))) is None:
        fail(ExitCode.UNREACHABLE, _STRANGER)
    return str(document["id"])


def _document(answer: Answer, expected: int) -> Any:
    document = answer.json()
    if answer.status == expected:
        return document
    if answer.status < 400:
        fail(ExitCode.UNREACHABLE, _STRANGER)
    problem = document if isinstance(document, dict) else {}
    words = [str(problem.get("detail") or problem.get("title") or "it does not say why")]
    fields = problem.get("errors")
    for name, sentences in fields.items() if isinstance(fields, dict) else ():
        words += [f"{name}: {sentence}" for sentence in sentences if sentence not in words]
    return fail(ExitCode.FINDINGS, f"Refused ({answer.status}): {words[0]}", *words[1:])


def _follow(base: str, key: str, batch_id: str, seconds: float) -> Status:
    deadline = time.monotonic() + seconds
    status = Status.ACCEPTED
    with Console(stderr=True).status("") as progress:
        while True:
            status = _latest(ask(f"{base}/v2/batches/{batch_id}/messages", key=key))
            progress.update(f"{status.value} {status.label}: {status.description}")
            if status.final or time.monotonic() + _PAUSE > deadline:
                return status
            time.sleep(_PAUSE)


def _latest(answer: Answer) -> Status:
    match _document(answer, 200):
        case [{"statuses": [*_, {"code": code}]}]:
            return status_of(code)
        case _:
            return fail(ExitCode.UNREACHABLE, _STRANGER)


def _tell(batch_id: str, status: Status, *, wait: float | None, as_json: bool) -> ExitCode:
    number = key_of(Kind.BATCH, batch_id)
    if as_json:
        show_json(
            {
                "id": batch_id,
                "number": number,
                "status": {"code": status.value, "name": status.label},
                "final": status.final,
                "delivered": status.delivered,
            }
        )
    else:
        say(f"Message {number} of batch {batch_id}: {status.value} {status.label}. {status.description}.")
        if wait is not None and not status.final:
            say(f"This may still change; after {wait:g} seconds nobody waits any longer.")
    return ExitCode.OK if wait is None or status.delivered else ExitCode.FINDINGS
