"""What v2 posts: delivery reports and incoming messages, read from an upstream, and written for a caller.

Source: the provider's pages on delivery reports and on incoming SMS (MO); one of them per POST.
"""

from typing import Any

import orjson

from adapters.rest_v2.exchange import said
from adapters.rest_v2.wire import incoming_document
from gateway.clock import iso, parse_iso
from gateway.errors import Malformed
from gateway.ids import Kind, key_of, public_id
from gateway.model import DataCoding, Incoming
from gateway.ports import Arrival, Call, Callback, Report
from gateway.translator import status_of

MAX_INCOMING = 10_000
"""Characters of a message that comes in: many more than any phone sends."""

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class RestV2Reports:
    """What a v2 provider posts to our hook."""

    def decode(self, call: Call) -> tuple[Report | Arrival, ...]:
        """One report or message; a list of them is read too. Raises Malformed."""
        try:
            document = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            raise Malformed("The body is not JSON") from None
        documents = document if isinstance(document, list) else [document]
        if not all(isinstance(item, dict) for item in documents):
            raise Malformed("A delivery report is a JSON object")
        return tuple(_read({str(name).lower(): value for name, value in item.items()}) for item in documents)


def _read(document: dict[str, Any]) -> Report | Arrival:
    # The older schema writes the direction as a number, 1 for what comes in.
    came_in = said(document.get("direction")).lower() in {"mo", "1"}
    return _arrival(document) if came_in else _report(document)


def _arrival(document: dict[str, Any]) -> Arrival:
    given = {name: _text(document.get(name)) for name in ("id", "sender", "recipient", "body")}
    # A text may be empty; what has no id cannot be told from the next one.
    missing = [name for name, value in given.items() if value is None or (not value and name != "body")]
    if missing or len(given["body"] or "") > MAX_INCOMING:
        raise Malformed(f"An incoming message needs {', '.join(missing) or 'a body of a usual length'}")
    segments = document.get("segments")
    ucs = said(document.get("datacoding")).lower() in {"ucs", "2"}
    return Arrival(
        upstream_id=(given["id"] or "")[:100],
        sender=(given["sender"] or "").removeprefix("+")[:32],
        recipient=(given["recipient"] or "").removeprefix("+")[:32],
        body=given["body"] or "",
        created=_moment(document.get("modified")),
        segments=segments if isinstance(segments, int) and 0 < segments < 256 else 1,
        datacoding=DataCoding.UCS if ucs else DataCoding.GSM,
        mcc=(_text(document.get("mcc")) or "")[:3] or None,
        mnc=(_text(document.get("mnc")) or "")[:3] or None,
    )


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _report(document: dict[str, Any]) -> Report:
    code = document.get("code")
    price = document.get("price")
    priced = isinstance(price, (int, float)) and not isinstance(price, bool)
    return Report(
        status=status_of(code),
        created=_moment(document.get("created")),
        dispatch=key_of(Kind.DISPATCH, said(document.get("reference"))),
        recipient=said(document.get("recipient")).removeprefix("+"),
        raw_code="None" if code is None else said(code)[:100],
        price=str(price) if priced else None,
        currency=said(document.get("currency")).upper()[:3] or None if priced else None,
    )


def _moment(value: object) -> int | None:
    try:
        return parse_iso(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def callback(report: Callback) -> Call:
    """The POST that tells a caller of one status of one message."""
    batch, message, status = report.batch, report.message, report.entry.status
    document = {
        "id": public_id(Kind.MESSAGE, batch.created, message.number),
        "batchId": public_id(Kind.BATCH, batch.created, batch.key),
        "recipient": message.recipient,
        "code": status.value,
        "duration": int(status.final),
        "created": iso(report.entry.created),
        "segments": message.segments,
        "price": float(message.price or 0),
        "currency": (message.currency or "").lower() or None,
        "reference": batch.content.reference,
    }
    return Call("POST", report.url, headers=_JSON, body=orjson.dumps(document))


def forward(incoming: Incoming, url: str) -> Call:
    """The POST that tells a caller of a message that came in."""
    return Call("POST", url, headers=_JSON, body=orjson.dumps(incoming_document(incoming)))
