"""The HTTP GET endpoint as an upstream, also looped into our own face. Facts: the provider's sample, its clients."""

from typing import Any

import pytest
from builders import DONE, NOW, a_batch, a_content, a_dispatch, a_message
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.sendsms import ADAPTER
from adapters.sendsms.face import SendSmsFace
from adapters.sendsms.options import SendSmsOptions, SendSmsUpstreamOptions
from adapters.sendsms.upstream import SendSmsUpstream
from gateway.commands import Accepted, SubmitBatch
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    Forbidden,
    GatewayError,
    Internal,
    KeyReused,
    Malformed,
    MethodNotAllowed,
    NoFunds,
    NotCarried,
    NotFound,
    Refused,
    RequestError,
    SendError,
    Throttled,
    TooLarge,
    TooLate,
    Unanswered,
    Unauthenticated,
    Unconfirmed,
    Unsupported,
    UnsupportedMedia,
    WrongKey,
)
from gateway.model import Account, Content, DataCoding, Dispatch, MessageType, Priority, Recipient, Window
from gateway.ports import Call, Inbound, Poll, Receipt, Receipts, Reply
from gateway.status import Status

KEY = "Cnb/XFf yTM&5"
OPTIONS = {"url": "https://web.example/sendsms.aspx", "account": "ip1-12345", "key": KEY}
LOGIN = "acc=ip1-12345&pass=Cnb%2FXFf%20yTM%265"
ONE = (Recipient("46712345678"),)
CHARSETS = ("utf-8", "iso-8859-1", "windows-1252", "ISO-8859-15")


def an_upstream(**over: Any) -> SendSmsUpstream:
    """The endpoint as an upstream."""
    return SendSmsUpstream(SendSmsUpstreamOptions.model_validate(OPTIONS | over))


UPSTREAM = an_upstream()


def dispatch_of(content: Content, **over: Any) -> Dispatch:
    """A dispatch of one message."""
    message = a_message(**over)
    return a_dispatch(messages=(message,), batch=a_batch(content=content))


# ---- what is sent ----


def test_a_dispatch_becomes_exactly_this() -> None:
    """One GET, the parameters in the order of the provider's sample, blanks as %20; nothing of it in the path."""
    content = a_content(body="Hej åäö €\n+&=#%?", sender="Min Butik")

    assert UPSTREAM.encode(dispatch_of(content), None) == Call(
        "GET",
        "https://web.example/sendsms.aspx",
        f"{LOGIN}&msg=Hej%20%C3%A5%C3%A4%C3%B6%20%E2%82%AC%0A%2B%26%3D%23%25%3F&from=Min%20Butik"
        "&to=46712345678&prio=2&type=",
    )


WRITTEN: list[tuple[str, str, Content, str]] = [
    # label, charset, content, what follows the login
    ("a flash", "utf-8", a_content(type=MessageType.FLASH), "msg=Hello&from=iP1&to=46712345678&prio=2&type=flash"),
    ("a high priority", "utf-8", a_content(priority=Priority.HIGH), "msg=Hello&from=iP1&to=46712345678&prio=3&type="),
    (
        "what nobody misses: windows, callback addresses, codings, references and tags",
        "utf-8",
        a_content(
            datacoding=DataCoding.UCS,
            windows=(Window(NOW, NOW + 1000),),
            report_url="https://erp.example/",
            reference="order 7",
            tags=("a",),
        ),
        "msg=Hello&from=iP1&to=46712345678&prio=2&type=",
    ),
    (
        "a template: own argument, default, nothing",
        "utf-8",
        a_content(body="{name}{day}{x}{no name}", defaults={"name": "du", "day": " idag"}),
        "msg=%C3%85sa%20idag%7Bno%20name%7D&from=iP1&to=46712345678&prio=2&type=",
    ),
    ("an emoji", "utf-8", a_content(body="😀"), "msg=%F0%9F%98%80&from=iP1&to=46712345678&prio=2&type="),
    ("Latin-1", "iso-8859-1", a_content(sender="Sänder"), "msg=Hello&from=S%E4nder&to=46712345678&prio=2&type="),
    ("the euro of Windows", "cp1252", a_content(body="5 €"), "msg=5%20%80&from=iP1&to=46712345678&prio=2&type="),
    ("the euro of Latin-9", "iso8859_15", a_content(body="5 €"), "msg=5%20%A4&from=iP1&to=46712345678&prio=2&type="),
    (
        "what classic ASP would take for a letter",
        "utf-8",
        a_content(body="100%u00e5"),
        "msg=100%25u00e5&from=iP1&to=46712345678&prio=2&type=",
    ),
]


@pytest.mark.parametrize(("label", "charset", "content", "query"), WRITTEN, ids=[case[0] for case in WRITTEN])
def test_what_is_written(label: str, charset: str, content: Content, query: str) -> None:
    """Everything the endpoint can say is said; a template leaves as the recipient's own text."""
    dispatch = dispatch_of(content, params={"name": "Åsa"})

    assert an_upstream(charset=charset).encode(dispatch, "https://sms.example.org/hooks/main/x").query == (
        f"{LOGIN}&{query}"
    )


@pytest.mark.parametrize(
    ("label", "charset", "content"),
    [
        ("the euro in Latin-1", "iso-8859-1", a_content(body="5 €")),
        ("an emoji in Windows-1252", "windows-1252", a_content(body="😀")),
        ("a sender in Polish", "iso-8859-1", a_content(sender="Łódź")),
        ("a control character that Windows reads as a letter", "iso-8859-1", a_content(body="a\x85")),
        ("half a surrogate pair", "utf-8", a_content(body="\ud83d")),
    ],
)
def test_a_text_that_the_charset_lacks_is_not_sent(label: str, charset: str, content: Content) -> None:
    """No letter leaves as another one."""
    with pytest.raises(Unsupported):
        an_upstream(charset=charset).encode(dispatch_of(content), None)


def test_several_recipients_are_not_sent() -> None:
    """One id comes back: a dispatch that was cut for another protocol does not leave by this one."""
    messages = (a_message(), a_message(number=1002, recipient="461"))

    assert UPSTREAM.max_recipients == 1
    with pytest.raises(Unsupported):
        UPSTREAM.encode(a_dispatch(messages=messages), None)


# ---- what is answered ----


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        (b"66666", "66666"),
        (b"111", "111"),
        (b"42487049\r\n", "42487049"),
        (b"\xef\xbb\xbf 42487049 ", "42487049"),
        (b"999999999999999999", "999999999999999999"),
    ],
)
def test_a_number_beyond_every_code_is_an_id(body: bytes, reference: str) -> None:
    """It is queued there, and nothing more is ever heard of it."""
    assert UPSTREAM.decode(Reply(200, body), a_dispatch()) == Receipts(
        reference, (Receipt(1001, Status.QUEUED),), poll_after=None
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (b"0", Status.DELIVERED_TO_GATEWAY),
        (b"10", Status.QUEUED_AT_GATEWAY),
        (b"11", Status.QUEUED),
        (b"21", Status.DELIVERED_TO_GSM),
        (b"22", Status.DELIVERED_TO_HANDSET),
    ],
)
def test_a_code_of_a_message_on_its_way_is_a_receipt(code: bytes, status: Status) -> None:
    """The provider has the message, but gave no id for it."""
    assert UPSTREAM.decode(Reply(200, code), a_dispatch()) == Receipts(None, (Receipt(1001, status, code.decode()),))


def unclear(raw: str) -> Unanswered:
    """The error for a small number that is no known code."""
    return Unanswered(f"The upstream answers '{raw}', which is neither an id nor a code that is known")


NONE_ = Unanswered("The upstream's answer is no number")
ERRORS: list[tuple[int, bytes, SendError]] = [
    # HTTP status, body, what it means
    (200, b"1", Throttled("The upstream answers 1, try again later", 30.0)),
    (200, b"2", Refused(Status.INVALID_CONTENT, "2", "Invalid message content")),
    (200, b"3", Refused(Status.INVALID_RECIPIENT, "3", "Invalid phone number format")),
    (200, b"4", Refused(Status.INSUFFICIENT_FUNDS, "4", "Insufficient funds")),
    (200, b"12", Refused(Status.CANCELED, "12", "Delayed delivery cancelled")),
    (200, b"30", Refused(Status.INSUFFICIENT_FUNDS, "30", "Insufficient funds")),
    (200, b"41", Refused(Status.INVALID_CONTENT, "41", "Invalid message content")),
    (200, b"42", Refused(Status.INTERNAL_ERROR, "42", "Internal error")),
    (200, b"43", Refused(Status.EXPIRED, "43", "Delivery failed")),
    (200, b"44", Refused(Status.SUBSCRIBER_UNREACHABLE, "44", "Delivery failed")),
    (200, b"45", Refused(Status.INVALID_RECIPIENT, "45", "Invalid phone number")),
    (200, b"50", Refused(Status.GENERIC_DELIVERY_FAILURE, "50", "General delivery error")),
    (200, b"51", Refused(Status.DELIVERY_TO_GSM_FAILED, "51", "Delivery to GSM network failed")),
    (200, b"52", Refused(Status.DELIVERY_TO_HANDSET_FAILED, "52", "Delivery to phone failed")),
    (200, b"55", unclear("55")),
    (200, b"60", unclear("60")),
    (200, b"100", Refused(Status.INSUFFICIENT_FUNDS, "100", "Insufficient credits")),
    (200, b"101", WrongKey("The upstream answers 101, wrong account credentials")),
    (200, b"110", Refused(Status.GENERIC_REJECTED, "110", "Parameter error")),
    (200, b" 45\r\n", Refused(Status.INVALID_RECIPIENT, "45", "Invalid phone number")),
    (200, b"7", unclear("7")),
    (200, b"109", unclear("109")),
    (200, b"", NONE_),
    (200, b" \r\n", NONE_),
    (200, b"-1", NONE_),
    (200, b"42487049.0", NONE_),
    (200, b"4248 7049", NONE_),
    (200, b"42487049,42487050", NONE_),
    (200, b"9" * 19, NONE_),
    (200, b"9" * 1_000_000, NONE_),
    (200, "٤٢٤٨٧٠٤٩".encode(), NONE_),
    (200, b"<html>pass=Cnb/XFf yTM&5</html>", NONE_),
    (200, b'"42487049"', NONE_),
    (201, b"42487049", Unanswered("The upstream answers 201")),
    (302, b"", Unanswered("The upstream answers 302")),
    (401, b"", Unanswered("The upstream answers 401")),
    (404, b"<html>/sendsms.aspx?pass=Cnb", Unanswered("The upstream answers 404")),
    (500, b"110", Unanswered("The upstream answers 500")),
    (503, b"", Unanswered("The upstream answers 503")),
]


@pytest.mark.parametrize(
    ("status", "body", "expected"), ERRORS, ids=[f"{case[0]} {case[1].decode()[:30]}" for case in ERRORS]
)
def test_what_every_error_means(status: int, body: bytes, expected: SendError) -> None:
    """A code decides by the table of the older APIs; what is neither id nor code leaves doubt, and is not repeated."""
    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(Reply(status, body), a_dispatch())

    assert type(caught.value) is type(expected)
    assert vars(caught.value) == vars(expected)


@settings(derandomize=True, deadline=None)
@given(
    st.sampled_from([200, 200, 200, 201, 404, 500]),
    st.one_of(
        st.binary(max_size=30),
        st.integers(-200, 2**70).map(lambda number: str(number).encode()),
        st.integers(0, 120).map(lambda number: f" {number}\n".encode()),
        st.text(alphabet="0123456789²٤.-+ \x00", max_size=30).map(str.encode),
    ),
)
def test_every_answer_means_something(status: int, body: bytes) -> None:
    """No HTTP status and no body brings anything out but a receipt or a SendError."""
    try:
        assert [receipt.number for receipt in UPSTREAM.decode(Reply(status, body), a_dispatch()).receipts] == [1001]
    except SendError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


def test_nothing_can_be_asked() -> None:
    """The endpoint only sends."""
    with pytest.raises(Unsupported):
        UPSTREAM.ask(a_dispatch(upstream_ref="66666"))
    with pytest.raises(Unsupported):
        UPSTREAM.ask_balance()
    with pytest.raises(Unsupported):
        UPSTREAM.read_balance(Reply(200, b"1000.00"))
    assert UPSTREAM.read(Reply(200, b"22"), a_dispatch(), NOW) == Poll((), None)


# ---- our own upstream into our own face ----

PHRASES = [
    ("plain", a_content()),
    ("Swedish", a_content(body="åäöÅÄÖé", sender="Sänder")),
    ("the euro", a_content(body="5 € [ok] {}~\\^|")),
    ("an emoji", a_content(body="😀👨‍👩‍👧")),
    ("161 characters", a_content(body="x" * 161)),
    ("2000 characters", a_content(body="å" * 2000)),
    ("line breaks and quotes", a_content(body='a\r\nb\t"c"\\ <d>')),
    ("what separates parameters", a_content(body="a&b=c+d;e#f%20g?h %u00e5")),
    ("blanks around", a_content(body=" a ")),
    ("a number as sender", a_content(sender="+46712345678")),
    ("a flash", a_content(type=MessageType.FLASH)),
    ("a high priority", a_content(priority=Priority.HIGH)),
]
LOOPED = [
    (f"{label}, {charset}", charset, content)
    for label, content in PHRASES
    for charset in CHARSETS
    if label != "an emoji" or charset == "utf-8"
    if label != "the euro" or charset != "iso-8859-1"
]


def inbound(call: Call, charset: str = "utf-8") -> Inbound:
    """What our own face reads of a call that our own upstream has written."""
    question = SendSmsFace(SendSmsOptions(charsets={"ip1-12345": charset})).decode(call._replace(path="/sendsms.aspx"))
    assert isinstance(question, Inbound)
    return question


@pytest.mark.parametrize(("label", "charset", "content"), LOOPED, ids=[case[0] for case in LOOPED])
def test_what_leaves_is_what_comes_in(label: str, charset: str, content: Content) -> None:
    """Two gateways in a row lose nothing, in whichever charset they have agreed on."""
    question = inbound(an_upstream(charset=charset).encode(dispatch_of(content), None), charset)

    assert question.command == SubmitBatch(content, ONE, loose=True)
    assert question.credentials.account == "ip1-12345"
    assert question.credentials.key.get_secret_value() == KEY


def test_a_template_comes_in_as_the_recipients_text() -> None:
    """The endpoint has no templates, so the text is put together before it leaves."""
    dispatch = dispatch_of(a_content(body="Hi {name}{x}", defaults={"name": "you"}), params={"name": "Åsa €"})

    assert inbound(UPSTREAM.encode(dispatch, None)).command == SubmitBatch(a_content(body="Hi Åsa €"), ONE, loose=True)


def test_what_the_face_answers_is_what_the_upstream_reads() -> None:
    """Our own number is the id of what was taken."""
    dispatch = dispatch_of(a_content())
    call = UPSTREAM.encode(dispatch, None)
    accepted = Accepted(dispatch.batch, ONE, (1,), Account("ip1-12345", "Firma AB", "SEK", "46"), DONE)

    reply = SendSmsFace().encode(accepted, inbound(call), call)

    assert UPSTREAM.decode(reply, dispatch) == Receipts("1001", (Receipt(1001, Status.QUEUED),))


READ_BACK: list[tuple[GatewayError, type[SendError], Status]] = [
    (Unauthenticated(), WrongKey, Status.INTERNAL_ERROR),
    (NoFunds(), Refused, Status.INSUFFICIENT_FUNDS),
    (BadRecipient(), Refused, Status.INVALID_RECIPIENT),
    (BadContent(), Refused, Status.INVALID_CONTENT),
    (BadSender(), Refused, Status.GENERIC_REJECTED),
    (Malformed(), Refused, Status.GENERIC_REJECTED),
    (Forbidden(), Refused, Status.GENERIC_REJECTED),
    (NotCarried(), Refused, Status.GENERIC_DELIVERY_FAILURE),
    (NotFound(), Refused, Status.GENERIC_REJECTED),
    (TooLate(), Refused, Status.GENERIC_REJECTED),
    (KeyReused(), Refused, Status.GENERIC_REJECTED),
    (MethodNotAllowed(["GET"]), Refused, Status.GENERIC_REJECTED),
    (UnsupportedMedia(), Refused, Status.GENERIC_REJECTED),
    (TooLarge(1), Refused, Status.GENERIC_REJECTED),
    (RequestError(), Refused, Status.GENERIC_REJECTED),
    (Unconfirmed(), Refused, Status.INTERNAL_ERROR),
    (Busy(), Refused, Status.INTERNAL_ERROR),
    (Internal(), Refused, Status.INTERNAL_ERROR),
]


@pytest.mark.parametrize(
    ("error", "kind", "status"), READ_BACK, ids=[f"{type(case[0]).__name__} {case[2].label}" for case in READ_BACK]
)
def test_every_refusal_is_read_back(error: GatewayError, kind: type[SendError], status: Status) -> None:
    """What one gateway refuses, the next one in front of it understands, as well as one number can tell."""
    call = UPSTREAM.encode(a_dispatch(), None)._replace(path="/sendsms.aspx")

    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(SendSmsFace().refuse(error, call, None), a_dispatch())
    assert (type(caught.value), caught.value.status) == (kind, status)


def kinds(root: type[GatewayError]) -> set[type[GatewayError]]:
    """An error class and all below it."""
    return {root}.union(*map(kinds, root.__subclasses__()))


def test_no_refusal_is_forgotten() -> None:
    """The table above knows every error of a request."""
    assert kinds(RequestError) <= {type(error) for error, _, _ in READ_BACK}


# ---- the options ----


@pytest.mark.parametrize(
    "over",
    [
        {"url": "web.example/sendsms.aspx"},
        {"url": "https://web.example/sendsms.aspx?pass=x"},
        {"account": ""},
        {"account": "Åsa"},
        {"key": ""},
        {"charset": "utf-16"},
        {"charset": "no such"},
        {"max_recipients": 2},
    ],
)
def test_options_that_cannot_be(over: dict[str, Any]) -> None:
    """A slip in the configuration is found when it is read; a query in the address would bear the key into logs."""
    with pytest.raises(ValidationError):
        SendSmsUpstreamOptions.model_validate(OPTIONS | over)


def test_nothing_of_the_key_shows() -> None:
    """Neither the options nor the codec show the key when they are printed."""
    options = SendSmsUpstreamOptions.model_validate(OPTIONS)

    assert KEY not in f"{options!r}{options}{UPSTREAM!r}"


def test_the_adapter_declares_itself() -> None:
    """Its name, its direction outwards, and the options that go with it."""
    assert (ADAPTER.name, ADAPTER.options, ADAPTER.upstream) == ("sendsms", SendSmsUpstreamOptions, SendSmsUpstream)
