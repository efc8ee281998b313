"""Serves `visastatus.aspx`: a page where people read what became of an SMS, by its id and with the caller's own key.

The form is posted, so that the key stays out of histories and of proxies' logs; addresses that hold it still work.
No page ever holds the text of a message, a whole phone number or a key.
"""

from collections.abc import Mapping
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from adapters.sendsms import wire
from gateway.clock import iso
from gateway.commands import GetMessage, MessageStatus
from gateway.errors import (
    Busy,
    Forbidden,
    GatewayError,
    Malformed,
    MethodNotAllowed,
    NotFound,
    RequestError,
    TooLarge,
    Unauthenticated,
)
from gateway.ids import number_of
from gateway.model import StatusEntry
from gateway.msisdn import mask
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.translator import LEGACY

PATH = "/visastatus.aspx"

_METHODS = ("GET", "HEAD", "POST")
_ASKED = frozenset({"acc", "pass", "id"})

_MAX_FORM = 4096
"""Bytes of a posted form; three short values fit well."""

_MAX_ECHO = 100
"""Characters that the page repeats of a value."""

# The first class that fits.
_STATUSES: tuple[tuple[type[GatewayError], int], ...] = (
    (Unauthenticated, 403),
    (Forbidden, 403),
    (NotFound, 404),
    (MethodNotAllowed, 405),
    (TooLarge, 413),
    (Busy, 503),
    (RequestError, 400),
    (GatewayError, 500),
)

_HEADERS: Headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SMS status</title>
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
label {{ display: inline-block; width: 6rem }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid; padding: .25rem .75rem; text-align: left }}
</style>
</head>
<body>
<h1>SMS status</h1>
{told}<form method="post" action="visastatus.aspx">
<p><label for="acc">Account</label> <input id="acc" name="acc" value="{account}" required></p>
<p><label for="pass">Key</label> <input id="pass" name="pass" type="password" autocomplete="off" required></p>
<p><label for="id">SMS id</label> <input id="id" name="id" value="{id}" inputmode="numeric" required></p>
<p><button>Show</button></p>
</form>
</body>
</html>
"""

_REFUSAL = """\
<p role="alert"><strong>{sentence}.</strong></p>
"""

_RESULT = """\
<p>SMS {number} to {recipient}, created {created}</p>
<table>
<thead><tr><th>Time ({zone})</th><th>Code</th><th>Meaning</th><th>REST v2 status</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
"""

_ROW = """\
<tr><td>{time}</td><td>{code}</td><td>{words}</td><td>{label}</td></tr>
"""


class StatusPage:
    """The page, for one configuration."""

    def __init__(self, pinned: Mapping[str, wire.Decode], zone: ZoneInfo) -> None:
        self._pinned = pinned
        self._zone = zone

    def decode(self, call: Call) -> Inbound | Reply:
        """The question about an SMS, or the empty form where nothing is asked. Raises RequestError."""
        if call.method not in _METHODS:
            raise MethodNotAllowed(_METHODS)
        given = self._given(call)
        if call.method != "POST" and not any(given.values()):
            return _page(200, {}, "")
        account, key, id_ = given.get("acc"), given.get("pass"), given.get("id", "")
        if not account or not key:
            raise Unauthenticated
        credentials = Credentials(account, SecretStr(key))
        number = number_of(id_)
        if number is None:
            return Inbound(credentials, Malformed("An SMS id is a number, as the answer to sending it gave it"))
        return Inbound(credentials, GetMessage(number))

    def encode(self, result: MessageStatus, call: Call) -> Reply:
        """The history of the SMS, first step first."""
        told = _RESULT.format(
            number=result.message.number,
            recipient=escape(mask(result.message.recipient)),
            created=self._local(result.batch.created),
            zone=escape(self._zone.key),
            rows="".join(self._row(entry, delayed=result.delayed) for entry in result.history),
        )
        return _page(200, self._given(call), told)

    def refuse(self, error: GatewayError, call: Call) -> Reply:
        """The form again, with what was wrong; what was written into it is kept, but for the key."""
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        more = {"Allow": ", ".join(error.allow)} if isinstance(error, MethodNotAllowed) else {}
        try:
            given = self._given(call)
        except RequestError:  # what was refused may be the form itself
            given = {}
        return _page(status, given, _REFUSAL.format(sentence=escape(error.detail)), more)

    def _given(self, call: Call) -> dict[str, str]:
        if call.method == "POST":
            if len(call.body) > _MAX_FORM:
                raise TooLarge(_MAX_FORM)
            # The page itself is UTF-8, so what its form posts is, whatever charset the account's queries have.
            return wire.parameters(call.body.decode("utf-8", "surrogateescape"), names=_ASKED)
        return wire.parameters(call.query, self._pinned, _ASKED)

    def _row(self, entry: StatusEntry, *, delayed: bool) -> str:
        code = LEGACY.current(entry.status, delayed=delayed)
        return _ROW.format(
            time=self._local(entry.created),
            code=code.value,
            words=escape(LEGACY.words(code)),
            label=escape(entry.status.label),
        )

    def _local(self, millis: int) -> str:
        try:
            # With its offset, for an hour comes twice when the clocks go back.
            return datetime.fromtimestamp(millis // 1000, self._zone).isoformat(" ")
        except (ValueError, OverflowError):
            # An upstream may report the year 1 (.NET's unset time) or 9999, whose first and last hours have no such.
            return iso(millis)


def _page(status: int, given: Mapping[str, str], told: str, more: Headers | None = None) -> Reply:
    account, id_ = (escape(given.get(name, "")[:_MAX_ECHO]) for name in ("acc", "id"))
    return Reply(status, _PAGE.format(told=told, account=account, id=id_).encode(), {**_HEADERS, **(more or {})})
