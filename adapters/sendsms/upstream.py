"""Sluss calls a `sendsms.aspx`: a message becomes one GET, and the bare number it answers is an id or a legacy code."""

import re
from codecs import BOM_UTF8
from urllib.parse import quote_from_bytes

from adapters.sendsms import wire
from adapters.sendsms.options import SendSmsUpstreamOptions
from gateway.errors import Unanswered, Unsupported
from gateway.model import Content, Dispatch, Message
from gateway.ports import Call, Poll, Receipt, Receipts, Reply
from gateway.status import Status
from gateway.text import render
from gateway.translator import LEGACY, LegacyCode

_NUMBER = re.compile(rb"[0-9]{1,18}").fullmatch
_LAST_CODE = max(code.value for code in LegacyCode)


class SendSmsUpstream:
    """One account behind the HTTP GET endpoint."""

    max_recipients = 1
    """One id comes back, and no client was seen to name several recipients."""

    def __init__(self, options: SendSmsUpstreamOptions) -> None:
        self._url = options.url
        self._charset = options.charset
        self._read = wire.decoder(options.charset)
        key = options.key.get_secret_value().encode()
        self._login = f"acc={_escaped(options.account.encode())}&pass={_escaped(key)}"

    def encode(self, dispatch: Dispatch, report_url: str | None) -> Call:  # noqa: ARG002 - nothing is reported
        """The query that carries the one message. Raises Unsupported for several, and for letters the charset lacks.

        What stays unsaid changes no text: the provider chooses the coding itself, windows are waited for here, and
        tags and references are kept here.
        """
        if len(dispatch.messages) != 1:
            raise Unsupported("The HTTP GET endpoint takes one recipient at a time")
        content, (message,) = dispatch.batch.content, dispatch.messages
        said = (
            ("msg", _text(content, message)),
            ("from", content.sender),
            ("to", message.recipient),
            ("prio", wire.PRIO[content.priority]),
            ("type", wire.TYPE[content.type]),
        )
        query = "&".join(f"{name}={_escaped(self._written(value))}" for name, value in said)
        return Call("GET", self._url, f"{self._login}&{query}")

    def decode(self, reply: Reply, dispatch: Dispatch) -> Receipts:
        """An id means that it is Queued there, a code what it says. Raises SendError; nothing of the body is repeated.

        Every answer of the real endpoint is 200, so that any other status leaves doubt.
        """
        if reply.status != 200:
            raise Unanswered(f"The upstream answers {reply.status}")
        body = reply.body.removeprefix(BOM_UTF8).strip()
        if not _NUMBER(body):
            raise Unanswered("The upstream's answer is no number")
        raw = body.decode()
        if int(raw) > _LAST_CODE:
            return Receipts(raw, tuple(Receipt(message.number, Status.QUEUED) for message in dispatch.messages))
        refusal = LEGACY.refusal(raw)
        if refusal is not None:
            raise refusal
        return Receipts(
            None, tuple(Receipt(message.number, LEGACY.to_status(raw), raw) for message in dispatch.messages)
        )

    def ask(self, dispatch: Dispatch) -> Call:  # noqa: ARG002 - nothing is ever asked
        """Raises Unsupported: the endpoint only sends."""
        raise Unsupported

    def read(self, reply: Reply, dispatch: Dispatch, now: int) -> Poll:  # noqa: ARG002 - nothing was asked
        """Nothing was asked."""
        return Poll((), None)

    def ask_balance(self) -> Call:
        """Raises Unsupported: the endpoint only sends."""
        raise Unsupported("The HTTP GET endpoint tells no balance")

    def read_balance(self, reply: Reply) -> tuple[str, str]:  # noqa: ARG002 - nothing was asked
        """Raises Unsupported: nothing was asked."""
        raise Unsupported("The HTTP GET endpoint tells no balance")

    def _written(self, value: str) -> bytes:
        raw = value.encode(self._charset, "replace")
        # Some bytes are read as other letters than they were written for: a control character of ISO-8859-1, say.
        if self._read(raw) != value:
            raise Unsupported(f"The charset {self._charset} lacks a letter of this message")
        return raw


def _text(content: Content, message: Message) -> str:
    return content.body if content.defaults is None else render(content.body, message.params, content.defaults)


def _escaped(raw: bytes) -> str:
    return quote_from_bytes(raw, safe="")
