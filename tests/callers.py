"""One message as a client of each face would send it, and the id that the client reads back."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import rawhttp
from gateways import ACCOUNT, BASIC, KEY

from gateway.ids import Kind, key_of

FACES = ("rest_v2", "rest_v1", "soap", "sendsms")

NAMESPACE = "http://web.smscom.se/sendsms/"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soap:Body>{}</soap:Body></soap:Envelope>"
)


class Letter(NamedTuple):
    """A request, before it is bytes; tests spoil it with `_replace`."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def raw(self) -> bytes:
        """The bytes of it."""
        return rawhttp.request(self.method, self.target, dict(self.headers), self.body)

    def but(self, **headers: str) -> "Letter":
        """The same with other headers, written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._replace(headers={**self.headers, **named})


def a_letter(
    face: str, text: str = "Hello", to: Sequence[str] = ("46712345678",), *, sender: str = "iP1", key: str = KEY
) -> Letter:
    """A whole request of that face."""
    return _LETTERS[face](text, to, sender, key)


def _rest_v2(text: str, to: Sequence[str], sender: str, key: str) -> Letter:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return Letter("POST", "/v2/batches", headers, _json({"sender": sender, "recipients": list(to), "body": text}))


def _rest_v1(text: str, to: Sequence[str], sender: str, key: str) -> Letter:
    login = f"Basic {BASIC}" if key == KEY else f"Bearer {key}"
    headers = {"Authorization": login, "Content-Type": "application/json"}
    return Letter("POST", "/api/sms/send", headers, _json({"Numbers": list(to), "From": sender, "Message": text}))


def _soap(text: str, to: Sequence[str], sender: str, key: str) -> Letter:
    values = {"konto": ACCOUNT, "passwd": key, "till": ",".join(to), "from": sender, "meddelande": text, "prio": "1"}
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NAMESPACE}sms"'}
    return Letter("POST", "/sendsms/sendsms.asmx", headers, envelope("sms", values))


def _sendsms(text: str, to: Sequence[str], sender: str, key: str) -> Letter:
    values = {"acc": ACCOUNT, "pass": key, "msg": text, "from": sender, "to": ",".join(to), "prio": "1", "type": ""}
    return Letter("GET", f"/sendsms.aspx?{urlencode(values, safe=',')}", {})


_LETTERS = {"rest_v2": _rest_v2, "rest_v1": _rest_v1, "soap": _soap, "sendsms": _sendsms}


def envelope(operation: str, values: Mapping[str, str]) -> bytes:
    """A SOAP 1.1 call."""
    elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return _ENVELOPE.format(f'<{operation} xmlns="{NAMESPACE}">{elements}</{operation}>').encode()


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def number_of(face: str, body: bytes) -> int | None:
    """The number of the first message that an answer tells of, None where it tells a code or nothing."""
    text = body.decode("utf-8", "replace")
    try:
        if face == "rest_v2":
            return key_of(Kind.BATCH, json.loads(text)["id"])
        if face == "rest_v1":
            return int(json.loads(text)[0]["ID"])
    except (KeyError, TypeError, ValueError):
        return None
    found = re.search(r"<smsResult>(\d+)</smsResult>", text) if face == "soap" else re.fullmatch(r"(\d+)", text)
    # Ids are larger than every code.
    return int(found[1]) if found and int(found[1]) > 110 else None
