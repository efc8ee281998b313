"""The request a dispatch leaves as, with no secret in it; or, for an upstream inside the process, its script."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from gateway import registry
from gateway.config import UpstreamSettings
from gateway.errors import SendError, Unsupported
from gateway.model import Dispatch
from gateway.msisdn import mask
from gateway.ports import Adapter, Call, Local
from gateway.reports import PREFIX

MASK = "********"

_AGES = 10 * 365 * 24 * 3600 * 1000
"""Milliseconds after which every script has come to its end."""


def leaving(upstream: UpstreamSettings, dispatch: Dispatch, public_url: str | None, *, full: bool) -> dict[str, Any]:
    """What is sent for a dispatch. `full` False hides the text and the numbers as well."""
    adapter = registry.load(upstream.adapter)
    options = _masked(upstream.options, adapter)
    if adapter.local is not None:
        note = "Nothing leaves this machine: the upstream plays a provider inside the process."
        return {"request": None, "note": note, "outcome": _outcome(adapter.local(options), dispatch)}
    if adapter.upstream is None:
        return {"request": None, "note": f"The adapter {adapter.name} cannot be called.", "outcome": None}
    report_url = f"{public_url}{PREFIX}{upstream.name}/{MASK}" if public_url and adapter.reports else None
    try:
        call = adapter.upstream(options).encode(dispatch if full else _veiled(dispatch), report_url)
    except Unsupported as error:
        return {"request": None, "note": f"It fails here: {error.detail}.", "outcome": None}
    return {"request": _shown(call), "note": None, "outcome": None}


def _masked(options: BaseModel | None, adapter: Adapter) -> BaseModel | None:
    # Before anything is encoded, so that no form of a secret (base64, percent-encoded, in XML) can be overlooked.
    if options is None:
        return None
    secret = {name: SecretStr(MASK) for name, value in options if isinstance(value, SecretStr)}
    named = {name: _all_masked(value) for name, value in options if isinstance(value, Mapping)}
    plain = {name: MASK for name, value in options if name in adapter.secrets and isinstance(value, str)}
    return options.model_copy(update=secret | named | plain)


def _all_masked(values: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: SecretStr(MASK) if isinstance(value, SecretStr) else value for name, value in values.items()}


def _veiled(dispatch: Dispatch) -> Dispatch:
    content = dispatch.batch.content
    defaults = None if content.defaults is None else dict.fromkeys(content.defaults, MASK)
    body = f"[a text of {len(content.body)} characters]"
    messages = tuple(
        message._replace(recipient=mask(message.recipient), params=dict.fromkeys(message.params, MASK))
        for message in dispatch.messages
    )
    batch = dispatch.batch._replace(content=content._replace(body=body, defaults=defaults))
    return dispatch._replace(batch=batch, messages=messages)


def _shown(call: Call) -> dict[str, Any]:
    url = f"{call.path}?{call.query}" if call.query else call.path
    text = call.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return {"method": call.method, "url": url, "headers": dict(call.headers), "body": body}


def _outcome(local: Local, dispatch: Dispatch) -> list[dict[str, Any]]:
    """Every status the script has for the first message, with the seconds until it comes."""
    message = dispatch.messages[0]
    sent_at = dispatch.sent_at or dispatch.batch.created
    try:
        taken = local.answer(dispatch)
    except SendError as error:
        return [{"seconds": 0.0, "code": error.status.value, "name": error.status.label, "words": error.detail}]
    told = [(sent_at, receipt.status) for receipt in taken.receipts if receipt.number == message.number]
    reports = local.poll(dispatch._replace(sent_at=sent_at), sent_at + _AGES).reports
    told += [(report.created or sent_at, report.status) for report in reports if report.number == message.number]
    return [
        {"seconds": (at - sent_at) / 1000, "code": status.value, "name": status.label, "words": status.description}
        for at, status in told
    ]
