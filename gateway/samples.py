"""The provider's documented sample requests, one per face, as the demo sends and prints them.

Field values are those of the provider's developer page; the requests are written here.
"""

import base64
import json
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from gateway.ids import Kind, key_of
from gateway.status import Status
from gateway.translator import LEGACY


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of an old client. `ACC` and `KEY` in path, headers and body stand for its credentials."""

    title: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    number: Callable[[str], int | None] = lambda _answer: None
    words: Callable[[Status], str] = lambda status: f"{LEGACY.from_status(status).value}"
    sends: bool = True

    def filled(self, account: str, key: str) -> "Sample":
        """The same with credentials in it; they are safe in URLs, headers and XML."""
        basic = base64.b64encode(f"{account}:{key}".encode()).decode()

        values = {"BASIC": basic, "ACC": account, "KEY": key}

        def fill(text: str) -> str:
            # In one go, for what is filled in may by chance spell a name.
            return re.sub("BASIC|ACC|KEY", lambda name: values[name[0]], text)

        headers = {name: fill(value) for name, value in self.headers.items()}
        return Sample(self.title, self.method, fill(self.path), headers, fill(self.body))

    def curl(self, base: str, account: str, key: str) -> str:
        """The request as a command to paste."""
        filled = self.filled(account, key)
        parts = ["curl", "-sS"]
        for name, value in filled.headers.items():
            parts += ["-H", f"{name}: {value}"]
        if filled.body:
            parts += ["--data-binary", filled.body]
        return shlex.join([*parts, base + filled.path])


def send(sample: Sample, base: str, account: str, key: str) -> str:
    """Send it and return the body that the client reads, whatever the HTTP status. Blocks."""
    filled = sample.filled(account, key)
    request = urllib.request.Request(  # noqa: S310 - loopback, http
        base + filled.path, data=filled.body.encode() or None, headers=dict(filled.headers), method=filled.method
    )
    try:
        with _DIRECT.open(request, timeout=30) as reply:
            body: bytes = reply.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    return body.decode()


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Loopback is never behind the proxy that the environment names."""


def _envelope(operation: str, **values: str) -> str:
    children = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{operation} xmlns="{_NAMESPACE}">{children}</{operation}></soap:Body></soap:Envelope>'
    )


def _soap_headers(operation: str) -> dict[str, str]:
    return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{_NAMESPACE}{operation}"'}


def _first_message(answer: str) -> int | None:
    document = json.loads(answer)
    # Batches and their first messages share a key, so the batch's id leads to the message.
    return key_of(Kind.BATCH, str(document.get("id", ""))) if isinstance(document, dict) else None


def _first_id(answer: str) -> int | None:
    document = json.loads(answer)
    return int(document[0]["ID"]) if isinstance(document, list) else None


def _bare(answer: str) -> int | None:
    return int(answer) if answer.isdigit() and int(answer) > 110 else None


def _sms_result(answer: str) -> int | None:
    match = re.search(r"<smsResult>(\d+)</smsResult>", answer)
    return _bare(match[1]) if match else None


_NAMESPACE = "http://web.smscom.se/sendsms/"
_JSON = "application/json"
_QUERY = urlencode(
    {
        "acc": "ACC",
        "pass": "KEY",
        "msg": "Test message via iP.1 HTTP Request",
        "from": "iP1",
        "to": "4673055555",
        "prio": "1",
        "type": "",
    }
)

SAMPLES = (
    Sample(
        "REST v2",
        "POST",
        "/v2/batches",
        {"Authorization": "Bearer KEY", "Content-Type": _JSON},
        json.dumps(
            {
                "sender": "ip1sms",
                "recipients": ["46712345678"],
                "body": "Test message rest v2",
                "type": "sms",
                "datacoding": "gsm",
                "priority": 1,
                "reference": "Test",
                "tags": ["Test SMS"],
            }
        ),
        number=_first_message,
        words=lambda status: f"{status.value}",
    ),
    Sample(
        "REST v1",
        "POST",
        "/api/sms/send",
        {"Authorization": "Basic BASIC", "Content-Type": _JSON},
        json.dumps({"Numbers": ["4673055555"], "From": "iP1", "Message": "Test message via iP.1's REST API"}),
        number=_first_id,
    ),
    Sample(
        "SOAP balans",
        "POST",
        "/sendsms/sendsms.asmx",
        _soap_headers("balans"),
        _envelope("balans", konto="ACC", passwd="KEY"),  # noqa: S106 - a placeholder
        sends=False,
    ),
    Sample(
        "SOAP sms",
        "POST",
        "/sendsms/sendsms.asmx",
        _soap_headers("sms"),
        _envelope(
            "sms",
            konto="ACC",
            passwd="KEY",  # noqa: S106 - a placeholder
            till="46712345678",
            **{"from": "iP1"},
            meddelande="Test message via iP.1 API (Web Service)",
            prio="1",
        ),
        number=_sms_result,
    ),
    Sample("HTTP GET", "GET", f"/sendsms.aspx?{_QUERY}", number=_bare),
)
