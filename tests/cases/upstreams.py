"""What each upstream brings to the shared contract: options with secrets in them, and answers of a good provider."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from gateway.model import Dispatch
from gateway.ports import Reply
from gateway.status import Status

KEY = "S3cret-k3y-of-the-upstream"
ACCOUNT = "ip1-12345"
BASIC = b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()


class Questions(NamedTuple):
    """How an upstream that is asked is answered: with a code for each message; and what the codes mean.

    `named`: an answer names its recipients, so that one about others can be told.
    """

    told: Callable[[Dispatch, str], Reply]
    codes: Mapping[str, Status]
    named: bool = True


class Case(NamedTuple):
    """One configured upstream. `taken` is the answer of a provider that takes all of a dispatch.

    `turned_away`: answers that repeat the key, as a provider may that does not know it. `balance`: an answer, and what
    it says.
    """

    options: Mapping[str, Any]
    taken: Callable[[Dispatch], Reply]
    turned_away: tuple[Reply, ...]
    secrets: tuple[str, ...] = (KEY,)
    questions: Questions | None = None
    balance: tuple[Reply, tuple[str, str]] | None = None


_PAGE = f"<html><h1>Not for pass={KEY}, {BASIC}</h1></html>".encode()
_TOLD = orjson.dumps({"Message": f"No key {KEY} {BASIC}", "title": KEY, "detail": KEY})
_ECHOES = tuple(Reply(status, body) for status in (200, 302, 401, 404, 500) for body in (_PAGE, _TOLD))


def _v2_taken(_dispatch: Dispatch) -> Reply:
    return Reply(201, b'{"id":"5bc86b6e85c7209830f96936","status":101,"modified":"2018-10-23T17:43:19Z"}')


def _v1_listed(dispatch: Dispatch, code: str) -> Reply:
    several = len(dispatch.messages) > 1
    entries = [
        {
            "ID": 42_487_049 + place,
            "BundleID": 4711 if several else None,
            "Status": int(code),
            "StatusDescription": "As documented",
            "To": message.recipient,
            "TotalPrice": 0.58,
            "Currency": "SEK",
        }
        for place, message in enumerate(dispatch.messages)
    ]
    return Reply(200, orjson.dumps(entries))


_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soap:Body>{}</soap:Body></soap:Envelope>"
)


def _soap(operation: str, result: str) -> Reply:
    inner = f'<{operation}Response xmlns="urn:x"><{operation}Result>{result}</{operation}Result></{operation}Response>'
    return Reply(200, _ENVELOPE.format(inner).encode())


def _fault(code: str) -> Reply:
    inner = f"<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>No {KEY} here</faultstring></soap:Fault>"
    return Reply(500, _ENVELOPE.format(inner).encode())


CASES = {
    "rest_v2": Case(
        options={"url": "https://api.example/v2", "token": KEY},
        taken=_v2_taken,
        turned_away=_ECHOES,
        balance=(Reply(200, b'{"Balance":1000.00,"Currency":"SEK"}'), ("1000.00", "SEK")),
    ),
    "rest_v1": Case(
        options={"url": "https://api.example/api", "account": ACCOUNT, "key": KEY},
        taken=lambda dispatch: _v1_listed(dispatch, "10"),
        turned_away=_ECHOES,
        secrets=(KEY, BASIC),
        questions=Questions(
            _v1_listed,
            {
                "10": Status.QUEUED_AT_GATEWAY,
                "0": Status.DELIVERED_TO_GATEWAY,
                "21": Status.DELIVERED_TO_GSM,
                "22": Status.DELIVERED_TO_HANDSET,
                "52": Status.DELIVERY_TO_HANDSET_FAILED,
                "77": Status.UNKNOWN,
            },
        ),
        balance=(Reply(200, b'{"Account":"ip1-12345","Balance":-5,"Currency":"SEK"}'), ("-5", "SEK")),
    ),
    "sendsms": Case(
        options={"url": "https://web.example/sendsms.aspx", "account": ACCOUNT, "key": KEY},
        taken=lambda _dispatch: Reply(200, b"42487049"),
        turned_away=_ECHOES,
    ),
    "soap": Case(
        options={"url": "https://web.example/sendsms/sendsms.asmx", "account": ACCOUNT, "key": KEY},
        taken=lambda _dispatch: _soap("sms", "42487049"),
        turned_away=(*_ECHOES, _fault("Client"), _fault("Server"), _fault("MustUnderstand")),
        balance=(_soap("balans", "1000,50"), ("1000.50", "")),
    ),
    "http": Case(
        options={
            "url": "https://api.example/sms?to={recipient}&from={sender}&text={text}&type={type}&key={secret.key}",
            "secrets": {"key": KEY},
            "accepted": {"status": "200-299", "body": '"id"'},
            "id": {"json": "/id"},
            "codes": {"sent": 112, "done": 201, "failed": 514},
            "poll": {"url": "https://api.example/sms/{id}?key={secret.key}", "code": {"json": "/state"}},
            "balance": {
                "url": "https://api.example/me?key={secret.key}",
                "amount": {"json": "/left"},
                "currency": {"json": "/currency"},
            },
        },
        taken=lambda _dispatch: Reply(200, b'{"id":"7f-4711"}'),
        turned_away=_ECHOES,
        questions=Questions(
            lambda _dispatch, code: Reply(200, orjson.dumps({"id": "7f-4711", "state": code})),
            {
                "sent": Status.DELIVERED_TO_CARRIER,
                "done": Status.DELIVERED_TO_HANDSET,
                "failed": Status.DELIVERY_TO_HANDSET_FAILED,
                "lost": Status.UNKNOWN,
            },
            named=False,
        ),
        balance=(Reply(200, b'{"left":12.50,"currency":"EUR"}'), ("12.50", "EUR")),
    ),
}
"""By the name of the adapter."""
