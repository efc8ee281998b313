"""Serves `sendsms.aspx`: always HTTP 200, and a body that is an SMS id or a legacy code, not one byte more.

Beside it, for people, `visastatus.aspx`: the page of `pages.py`.
"""

from collections.abc import Sequence
from typing import cast
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from adapters.sendsms import wire
from adapters.sendsms.options import SendSmsOptions
from adapters.sendsms.pages import PATH, StatusPage
from gateway.commands import Accepted, MessageStatus, Result, SubmitBatch
from gateway.errors import BadContent, GatewayError, Malformed, RequestError, Unauthenticated
from gateway.model import Content, Recipient
from gateway.msisdn import listed
from gateway.ports import Call, Credentials, Headers, Inbound, Reply
from gateway.schedule import windows_from
from gateway.translator import LEGACY, PRIORITIES

# Source: a capture of the endpoint's answer that PYSMS keeps as a test fixture.
_HEADERS: Headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "private"}


class SendSmsFace:
    """The face of the HTTP GET endpoint."""

    mounts: Sequence[str] = ("/sendsms.aspx", PATH)
    max_body = 2**20
    """Bodies are swallowed: PHP's sample sends its GET with one, early codeRR a POST with JSON."""

    def __init__(self, options: SendSmsOptions | None = None) -> None:
        options = options or SendSmsOptions()
        self._pinned = {account: wire.decoder(charset) for account, charset in options.charsets.items()}
        self._zone = options.time_zone
        self._names = wire.DOCUMENTED | {wire.TIME} if options.scheduling else wire.DOCUMENTED
        self._page = StatusPage(self._pinned, options.time_zone)

    def decode(self, call: Call) -> Inbound | Reply:
        """The message in the query string, whatever the method. Raises Unauthenticated; RequestError on the page.

        An empty text, sender or list of recipients is passed on for the service to judge.
        """
        if call.path.lower() == PATH:
            return self._page.decode(call)
        given = wire.parameters(call.query, self._pinned, self._names)
        account, key = given.get("acc"), given.get("pass")
        if not account or not key:
            raise Unauthenticated
        return Inbound(Credentials(account, SecretStr(key)), _command(given, self._zone))

    def encode(self, result: Result, inbound: Inbound, call: Call) -> Reply:  # noqa: ARG002
        """The number of the batch's first message, the id that clients store; or the page of an SMS."""
        if isinstance(result, MessageStatus):
            return self._page.encode(result, call)
        # The only other command of this face is SubmitBatch.
        return _bare(cast("Accepted", result).batch.key)

    def refuse(self, error: GatewayError, call: Call, inbound: Inbound | None) -> Reply:  # noqa: ARG002
        """The legacy code, which clients tell from an id because ids are larger than every code; or the page."""
        if call.path.lower() == PATH:
            return self._page.refuse(error, call)
        return _bare(LEGACY.from_error(error).value)


def _command(given: dict[str, str], zone: ZoneInfo) -> SubmitBatch | RequestError:
    if "\0" in "".join(given.values()):
        nul_in_text = "\0" in given.get("msg", "")
        return BadContent("The text may not hold NUL characters") if nul_in_text else Malformed("NUL in a parameter")
    type_ = wire.TYPES.get(given.get("type", "").strip().lower())
    if type_ is None:
        return Malformed("type must be empty, sms or flash")
    priority = PRIORITIES.get(given.get("prio", "").strip())
    if priority is None:
        return Malformed("prio must be 0, 1, 2 or 3")
    try:
        windows = windows_from(given.get(wire.TIME, ""), zone)
    except ValueError as error:
        return Malformed(str(error))
    content = Content(given.get("from", ""), given.get("msg", ""), type_, None, priority, windows)
    return SubmitBatch(content, tuple(map(Recipient, listed(given.get("to", "")))), loose=True)


def _bare(number: int) -> Reply:
    # PYSMS compares the whole body with its table of codes: a newline or a BOM would make an error look like an id.
    return Reply(200, str(number).encode(), _HEADERS)
