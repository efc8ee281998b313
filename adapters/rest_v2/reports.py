"""Delivery reports as v2 writes them: read from an upstream, and written for a caller.

Source: the provider's delivery report page; one report per POST, `duration` 1 on the last.
"""

from typing import Any

import orjson

from gateway.clock import iso, parse_iso
from gateway.errors import Malformed
from gateway.ids import Kind, key_of, public_id
from gateway.ports import Call, Callback, Report
from gateway.translator import status_of


class RestV2Reports:
    """What a v2 provider posts to our hook."""

    def decode(self, call: Call) -> tuple[Report, ...]:
        """One report; a list of them is read too. Raises Malformed."""
        try:
            document = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            raise Malformed("The body is not JSON") from None
        documents = document if isinstance(document, list) else [document]
        if not all(isinstance(item, dict) for item in documents):
            raise Malformed("A delivery report is a JSON object")
        return tuple(_report({str(name).lower(): value for name, value in item.items()}) for item in documents)


def _report(document: dict[str, Any]) -> Report:
    code = document.get("code")
    price = document.get("price")
    priced = isinstance(price, (int, float)) and not isinstance(price, bool)
    return Report(
        status=status_of(code),
        created=_moment(document.get("created")),
        dispatch=key_of(Kind.DISPATCH, str(document.get("reference") or "")),
        recipient=str(document.get("recipient") or "").removeprefix("+"),
        raw_code=str(code)[:100],
        price=str(price) if priced else None,
        currency=str(document["currency"]).upper()[:3] if priced and document.get("currency") else None,
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
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Call("POST", report.url, headers=headers, body=orjson.dumps(document))
