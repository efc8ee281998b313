"""REST v1 as an upstream, also looped into our own face. Facts: the provider's help pages, REST API page and SDK."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from builders import DONE, NOW, a_batch, a_content, a_dispatch, a_message
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import ValidationError

from adapters.rest_v1 import ADAPTER
from adapters.rest_v1.face import RestV1Face
from adapters.rest_v1.options import RestV1Options
from adapters.rest_v1.upstream import RestV1Upstream
from gateway.commands import Accepted, AccountStatus, MessageStatus, SubmitBatch
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
    Misconfigured,
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
from gateway.pacing import LATEST, PATIENCE, SOONEST
from gateway.ports import Call, Inbound, Poll, Receipt, Receipts, Reply, Report
from gateway.status import Status
from gateway.text import render

FACE = RestV1Face()
KEY = "CnbXFfyTM5BTKh7uNV"
BASIC = "Basic aXAxLTEyMzQ1OkNuYlhGZnlUTTVCVEtoN3VOVg=="
OPTIONS = {"url": "https://api.example/api/", "account": "ip1-12345", "key": KEY}
UPSTREAM = RestV1Upstream(RestV1Options.model_validate(OPTIONS))
ACCOUNT = Account("ip1-12345", "Firma AB", "SEK", "46")
ONE = (Recipient("46712345678"),)
TWO = (Recipient("46700000001"), Recipient("46700000002"))
HEADERS = {"Authorization": BASIC, "Content-Type": "application/json"}


def dispatch_of(content: Content, recipients: tuple[Recipient, ...] = ONE, **over: Any) -> Dispatch:
    """A dispatch that carries all recipients."""
    messages = tuple(
        a_message(number=1001 + n, recipient=recipient.msisdn, params=recipient.params)
        for n, recipient in enumerate(recipients)
    )
    return a_dispatch(messages=messages, batch=a_batch(size=len(messages), content=content), **over)


def written(content: Content, recipients: tuple[Recipient, ...] = ONE) -> Any:
    """The document that a content leaves as."""
    return orjson.loads(UPSTREAM.encode(dispatch_of(content, recipients), None).body)


# ---- what is sent ----


def test_a_dispatch_becomes_exactly_this() -> None:
    """One POST with the account and key in HTTP Basic, and the documented properties of an SMS."""
    call = UPSTREAM.encode(dispatch_of(a_content(body="Hej €"), TWO), None)

    assert call == Call(
        "POST",
        "https://api.example/api/sms/send",
        headers=HEADERS,
        body='{"Numbers":["46700000001","46700000002"],"From":"iP1","Message":"Hej €","Prio":1,"Email":false}'.encode(),
    )


def test_what_v1_cannot_say_and_nobody_misses_is_left_out() -> None:
    """Windows, callback addresses, codings, references and tags stay here; v1 is told the priority it ignores."""
    content = a_content(
        datacoding=DataCoding.UCS,
        priority=Priority.HIGH,
        windows=(Window(NOW, NOW + 1000),),
        report_url="https://erp.example/",
        reference="order 7",
        tags=("a",),
    )

    assert UPSTREAM.encode(dispatch_of(content), "https://sms.example.org/hooks/main/x").body == (
        b'{"Numbers":["46712345678"],"From":"iP1","Message":"Hello","Prio":2,"Email":false}'
    )


UNSAID: list[tuple[str, Content, tuple[Recipient, ...]]] = [
    ("a flash, which would be kept on the phone", a_content(type=MessageType.FLASH), ONE),
    ("a number of 16 digits as sender, which would be cut to another number", a_content(sender="4" * 16), ONE),
    ("a + before 16 digits", a_content(sender="+" + "4" * 16), ONE),
    (
        "an argument that holds a placeholder of the text",
        a_content(body="{a} {b}", defaults={"b": "x"}),
        (Recipient("461", {"a": "{b}"}), Recipient("462", {"a": "y"})),
    ),
    (
        "a default that holds a placeholder of the text",
        a_content(body="{a} {b}", defaults={"a": "{b}", "b": "x"}),
        (Recipient("461"), Recipient("462", {"a": "y"})),
    ),
]


@pytest.mark.parametrize(("label", "content", "recipients"), UNSAID, ids=[case[0] for case in UNSAID])
def test_what_v1_would_change_is_not_sent(label: str, content: Content, recipients: tuple[Recipient, ...]) -> None:
    """What cannot be said accurately is refused before anything leaves."""
    with pytest.raises(Unsupported):
        UPSTREAM.encode(dispatch_of(content, recipients), None)


@pytest.mark.parametrize("sender", ["4" * 15, "+" + "4" * 15, "iP.1", "Sänder", "ABCDEFGHIJK"])
def test_a_sender_that_v1_may_merely_dislike_is_passed_on(sender: str) -> None:
    """The provider judges it, not we."""
    assert written(a_content(sender=sender))["From"] == sender


def named(**params: str) -> Recipient:
    """A recipient with arguments."""
    return Recipient("46700000001", params)


OTHER = "46700000002"
TEMPLATES: list[tuple[str, Content, tuple[Recipient, ...], str, Any]] = [
    # label, content, recipients, Message, Parameters
    ("braces of a text that is no template", a_content(body="Hi {name}"), TWO, "Hi {name}", None),
    ("a template without a placeholder", a_content(body="Hi", defaults={"a": "b"}), TWO, "Hi", None),
    ("one recipient", a_content(body="Hi {name}{x}", defaults={}), (named(name="Åsa"),), "Hi Åsa", None),
    (
        "one recipient whose argument looks like a placeholder",
        *(a_content(body="{a} {b}", defaults={"b": "x"}), (named(a="{b}"),), "{b} x", None),
    ),
    ("the same text for all", a_content(body="Hi {name}", defaults={"name": "you"}), TWO, "Hi you", None),
    (
        "an argument for one of two",
        a_content(body="Hi {name}", defaults={"name": "you"}),
        (named(name="Åsa €"), Recipient(OTHER)),
        "Hi {name}",
        {"46700000001": {"name": "Åsa €"}, "default": {"name": "you"}},
    ),
    (
        "what nobody gives is nothing, which v1 must be told",
        a_content(body="Hi {name}{x}", defaults={}),
        (named(name="Åsa"), Recipient(OTHER)),
        "Hi {name}{x}",
        {"46700000001": {"name": "Åsa"}, "default": {"name": "", "x": ""}},
    ),
    (
        "what all give needs no default",
        a_content(body="Hi {name}", defaults={"name": "you"}),
        (named(name="Åsa"), Recipient(OTHER, {"name": "Bo"})),
        "Hi {name}",
        {"46700000001": {"name": "Åsa"}, OTHER: {"name": "Bo"}},
    ),
    (
        "arguments that no placeholder names, one of which v1 would put in",
        a_content(body="Hi {name} {first name}", defaults={"age": "7"}),
        (named(**{"name": "Åsa", "first name": "x", "Name": "y"}), Recipient(OTHER)),
        "Hi {name} {first name}",
        {"46700000001": {"name": "Åsa"}, "default": {"name": ""}},
    ),
    (
        "a placeholder that stays as it stands, from v1's own face",
        a_content(body="{name} {x}", defaults={"x": "{x}"}),
        (named(name="Åsa"), Recipient(OTHER)),
        "{name} {x}",
        {"46700000001": {"name": "Åsa"}, "default": {"name": "", "x": "{x}"}},
    ),
]


@pytest.mark.parametrize(
    ("label", "content", "recipients", "message", "parameters"), TEMPLATES, ids=[case[0] for case in TEMPLATES]
)
def test_templates(
    label: str, content: Content, recipients: tuple[Recipient, ...], message: str, parameters: Any
) -> None:
    """v1 leaves what nobody defines as it stands, ours makes it nothing: each recipient gets the text of our rule."""
    document = written(content, recipients)

    assert (document["Message"], document.get("Parameters")) == (message, parameters)


# ---- what is answered ----


def sent(**over: Any) -> dict[str, Any]:
    """A ProcessedOutgoingSMS as the help pages print it."""
    return {
        "ID": 42487049,
        "BundleID": None,
        "Status": 10,
        "StatusDescription": "Received by the gateway",
        "To": "46700000001",
        "CountryCode": "SE",
        "Currency": "SEK",
        "TotalPrice": 0.58,
        "Price": 0.29,
        "Encoding": "GSM7",
        "Segments": 2,
        "Prio": 1,
        "From": "iP1",
        "Message": "Hej",
        **over,
    }


def taken(entries: Any, recipients: tuple[Recipient, ...] = TWO, status: int = 200) -> Receipts:
    """What an answer to sms/send means."""
    return UPSTREAM.decode(Reply(status, orjson.dumps(entries)), dispatch_of(a_content(), recipients))


TOLD = "Received by the gateway"
QUEUED = Receipt(1001, Status.QUEUED, "10", TOLD)
SECOND = Receipt(1002, Status.QUEUED, "10", TOLD)
MISSING = Receipt(1002, Status.UNKNOWN, None, "The upstream's answer does not name this recipient")
PAIR = [sent(BundleID=7), sent(BundleID=7, ID=42487050, To="46700000002")]

ANSWERS: list[tuple[str, Any, Receipts]] = [
    ("one SMS for each, in a bundle", PAIR, Receipts("bundle/7", (QUEUED, SECOND), SOONEST)),
    ("in another order", PAIR[::-1], Receipts("bundle/7", (QUEUED, SECOND), SOONEST)),
    (
        "numbers with a + and with blanks",
        [sent(BundleID=7, To="+46700000001"), sent(BundleID=7, To="0046 70-000 00 02")],
        Receipts("bundle/7", (QUEUED, SECOND), SOONEST),
    ),
    (
        "numbers in quotes",
        [sent(BundleID="7", Status="10"), sent(BundleID="7", Status="10", To="46700000002")],
        Receipts("bundle/7", (QUEUED, SECOND), SOONEST),
    ),
    (
        "one of the two is on the provider's blacklist, and not named",
        [sent()],
        Receipts("42487049", (QUEUED, MISSING), SOONEST),
    ),
    (
        "one is refused",
        [sent(BundleID=7), sent(BundleID=7, To="46700000002", Status=45, StatusDescription="Invalid phone number")],
        Receipts(
            "bundle/7",
            (QUEUED, Receipt(1002, Status.INVALID_RECIPIENT, "45", "Invalid phone number")),
            SOONEST,
        ),
    ),
    (
        "all are refused: there is nothing to ask for",
        [sent(BundleID=7, Status=30), sent(BundleID=7, To="46700000002", Status=52, StatusDescription=None)],
        Receipts(
            "bundle/7",
            (
                Receipt(1001, Status.INSUFFICIENT_FUNDS, "30", TOLD),
                Receipt(1002, Status.DELIVERY_TO_HANDSET_FAILED, "52"),
            ),
        ),
    ),
    (
        "a code that nobody documented",
        [sent(BundleID=7, Status=77), sent(BundleID=7, To="46700000002", Status=-1)],
        Receipts(
            "bundle/7",
            (Receipt(1001, Status.UNKNOWN, "77", TOLD), Receipt(1002, Status.UNKNOWN, "-1", TOLD)),
            SOONEST,
        ),
    ),
    ("an SMS twice: the first counts", [*PAIR, sent(Status=45)], Receipts("bundle/7", (QUEUED, SECOND), SOONEST)),
    (
        "other people's SMS, and what is none",
        [sent(To="46700000009"), 7, None, {}, {"To": 5, "Status": 10}, {"To": "46700000001"}, *PAIR],
        Receipts("bundle/7", (QUEUED, SECOND), SOONEST),
    ),
    (
        "several SMS and no bundle: there is nothing to ask with",
        [sent(), sent(To="46700000002")],
        Receipts(None, (QUEUED, SECOND)),
    ),
    (
        "ids that are none",
        [sent(ID=0, BundleID=-7), sent(To="46700000002", ID="../me", BundleID="1/../../me")],
        Receipts(None, (QUEUED, SECOND)),
    ),
    ("ids beyond any integer", [sent(ID=10**18, BundleID=1e300)], Receipts(str(10**18), (QUEUED, MISSING), SOONEST)),
    ("an SMS that is not in a list", sent(), Receipts("42487049", (QUEUED, MISSING), SOONEST)),
    (
        "words that could not be stored",
        [sent(StatusDescription="a\0b" + "x" * 600)],
        Receipts(
            "42487049",
            (Receipt(1001, Status.QUEUED, "10", "a\ufffdb" + "x" * 497), MISSING),
            SOONEST,
        ),
    ),
]


@pytest.mark.parametrize(("label", "entries", "expected"), ANSWERS, ids=[case[0] for case in ANSWERS])
def test_answers(label: str, entries: Any, expected: Receipts) -> None:
    """Each SMS is found by its number, whatever else an answer holds; who is not named is Unknown."""
    assert taken(entries) == expected


def test_a_national_number_could_be_anybodys() -> None:
    """The 0 before it stands for a country that is not said, so its other digits are no number to be found by."""
    entries = [sent(BundleID=7, To="0700000001"), PAIR[1]]

    receipts = taken(entries, (Recipient("700000001"), TWO[1]))

    assert receipts == Receipts("bundle/7", (Receipt(1001, *MISSING[1:]), SECOND), SOONEST)


def test_half_a_surrogate_pair_is_no_letter() -> None:
    """JSON can escape one, and no store can hold it."""
    body = b'[{"To":"46712345678","Status":10,"StatusDescription":"\\ud83d"}]'

    assert UPSTREAM.decode(Reply(200, body), dispatch_of(a_content())).receipts[0].raw_text == "\ufffd"


FIRST_WORDS = [
    # every code of the older APIs, and what a message is when it is answered with it
    *((code, Status.QUEUED) for code in (0, 10, 11, 21, 22)),
    (1, Status.UNKNOWN),
    (2, Status.INVALID_CONTENT),
    (3, Status.INVALID_RECIPIENT),
    (4, Status.INSUFFICIENT_FUNDS),
    (12, Status.CANCELED),
    (30, Status.INSUFFICIENT_FUNDS),
    (41, Status.INVALID_CONTENT),
    (42, Status.INTERNAL_ERROR),
    (43, Status.EXPIRED),
    (44, Status.SUBSCRIBER_UNREACHABLE),
    (45, Status.INVALID_RECIPIENT),
    (50, Status.GENERIC_DELIVERY_FAILURE),
    (51, Status.DELIVERY_TO_GSM_FAILED),
    (52, Status.DELIVERY_TO_HANDSET_FAILED),
    (55, Status.UNKNOWN),
    (60, Status.UNKNOWN),
    (100, Status.INSUFFICIENT_FUNDS),
    (101, Status.UNKNOWN),
    (110, Status.GENERIC_REJECTED),
]


@pytest.mark.parametrize(("code", "status"), FIRST_WORDS)
def test_a_message_that_was_taken_is_queued_at_most(code: int, status: Status) -> None:
    """A refusal stands at once; of success, the upstream's later word is asked for."""
    receipts = taken([sent(To="46712345678", Status=code)], ONE)

    assert [(receipt.status, receipt.raw_code) for receipt in receipts.receipts] == [(status, str(code))]


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_is_read(status: int) -> None:
    """The provider's pages differ on 200 and 201; any of them is success."""
    assert taken(PAIR, status=status).upstream_ref == "bundle/7"


NOBODY = Unanswered("The upstream answered success, but named none of the recipients")
ERRORS: list[tuple[int, bytes, Mapping[str, str], SendError]] = [
    # HTTP status, body, headers, what it means
    (200, b"", {}, NOBODY),
    (200, b"<html>Welcome</html>", {}, NOBODY),
    (200, b"[]", {}, NOBODY),
    (200, b"null", {}, NOBODY),
    (200, b'{"Message":"Hej"}', {}, NOBODY),
    (200, b'[{"To":"46712345678","Status":10', {}, NOBODY),
    (200, b'[{"To":"46700000009","Status":10}]', {}, NOBODY),
    (200, b'[{"To":46712345678.0,"Status":10}]', {}, NOBODY),
    (200, b'[{"To":"46712345678","Status":true}]', {}, NOBODY),
    (200, b'[{"To":"46712345678","Status":[10]}]', {}, NOBODY),
    (200, b"[" * 100_000, {}, NOBODY),
    (100, b"", {}, Unanswered("The upstream answers 100")),
    (301, b"", {}, Misconfigured("The upstream answers 301")),
    (302, b"", {}, Misconfigured("The upstream answers 302")),
    (303, b"", {}, Misconfigured("The upstream answers 303")),
    (304, b"", {}, Unanswered("The upstream answers 304")),
    (307, b"", {}, Misconfigured("The upstream answers 307")),
    (308, b"", {}, Misconfigured("The upstream answers 308")),
    (400, b"", {}, Refused(Status.GENERIC_REJECTED, "400")),
    (400, b'{"Message":"Bad"}', {}, Refused(Status.GENERIC_REJECTED, "400", "Bad")),
    (400, b'{"Message":["Bad"]}', {}, Refused(Status.GENERIC_REJECTED, "400")),
    (400, b'{"ModelState":{"From":["x"]}}', {}, Refused(Status.INVALID_SENDER, "400")),
    (400, b'{"ModelState":{"sms.Numbers[0]":["x"]}}', {}, Refused(Status.INVALID_RECIPIENT, "400")),
    (400, b'{"ModelState":{"X":[],"sms.Message":["x"]}}', {}, Refused(Status.INVALID_CONTENT, "400")),
    (400, b'{"ModelState":["From"]}', {}, Refused(Status.GENERIC_REJECTED, "400")),
    (401, b'{"Message":"Wrong key"}', {}, WrongKey("The upstream answers 401")),
    (402, b"", {}, Refused(Status.INSUFFICIENT_FUNDS, "402")),
    (403, b'{"Message":"Insufficient credits"}', {}, Refused(Status.INSUFFICIENT_FUNDS, "403", "Insufficient credits")),
    (403, b"<html>", {}, Misconfigured("The upstream answers 403")),
    (404, b"", {}, Misconfigured("The upstream answers 404")),
    (405, b"", {}, Misconfigured("The upstream answers 405")),
    (408, b"", {}, Throttled("The upstream answers 408", 1.0)),
    (409, b"", {}, Refused(Status.GENERIC_REJECTED, "409")),
    (413, b"", {}, Refused(Status.GENERIC_REJECTED, "413")),
    (415, b"", {}, Misconfigured("The upstream answers 415")),
    (425, b"", {}, Throttled("The upstream answers 425", 1.0)),
    (429, b"", {}, Throttled("The upstream answers 429", 1.0)),
    (429, b"", {"Retry-After": "17"}, Throttled("The upstream answers 429", 17.0)),
    (429, b"", {"Retry-After": "99999"}, Throttled("The upstream answers 429", 3600.0)),
    (429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, Throttled("The upstream answers 429", 1.0)),
    (500, b'{"Message":"Oops"}', {}, Unanswered("The upstream answers 500")),
    (502, b"", {}, Unanswered("The upstream answers 502")),
    (503, b"", {}, Unanswered("The upstream answers 503")),
    (503, b"", {"retry-after": "5"}, Throttled("The upstream answers 503", 5.0)),
    (599, b"", {}, Unanswered("The upstream answers 599")),
]


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"), ERRORS, ids=[f"{case[0]} {case[1].decode()[:40]}" for case in ERRORS]
)
def test_what_every_error_means(status: int, body: bytes, headers: Mapping[str, str], expected: SendError) -> None:
    """A wrong key holds the queue, a busy server is waited for, a server's own fault leaves doubt, the rest is a no."""
    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(Reply(status, body, CIMultiDict(headers)), dispatch_of(a_content()))

    assert type(caught.value) is type(expected)
    assert vars(caught.value) == vars(expected)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["46712345678", "+46712345678", 10, 22, "45", 2**70, "../me", [], {}]),
)
SMS = st.dictionaries(
    st.sampled_from(["ID", "BundleID", "Status", "StatusDescription", "To", "TotalPrice", "Currency", "Modified"]),
    VALUES,
).map(lambda over: sent(To="46712345678") | over)
DOCUMENTS = st.one_of(SMS, st.lists(SMS | VALUES, max_size=3)).map(lambda said: json.dumps(said).encode())
BODIES = st.one_of(st.binary(max_size=40), DOCUMENTS, DOCUMENTS.map(lambda body: body[:-1]))


@settings(derandomize=True, deadline=None)
@given(st.sampled_from([200, 201, 400, 403, 404, 500]), BODIES)
def test_every_answer_means_something(status: int, body: bytes) -> None:
    """No answer brings anything out but receipts, reports or a SendError."""
    dispatch = dispatch_of(a_content(), upstream_ref="7", sent_at=NOW)
    try:
        assert [receipt.number for receipt in UPSTREAM.decode(Reply(status, body), dispatch).receipts] == [1001]
    except SendError as error:
        assert error.detail  # noqa: PT017 - either outcome is right
    try:
        assert {report.number for report in UPSTREAM.read(Reply(status, body), dispatch, NOW).reports} <= {1001}
    except SendError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


# ---- what is asked for ----


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("bundle/7", "https://api.example/api/sms/sent/bundle/7"),
        ("42487049", "https://api.example/api/sms/sent/42487049"),
    ],
)
def test_a_question(reference: str, path: str) -> None:
    """A bundle is asked for as a whole, a single SMS by its id, both with the same key."""
    assert UPSTREAM.ask(a_dispatch(upstream_ref=reference)) == Call("GET", path, headers=HEADERS)


@pytest.mark.parametrize("reference", [None, "", "0", "../me", "5bcf5db7ba000000000003e9", "bundle/7/8", "7\n"])
def test_what_cannot_be_asked(reference: str | None) -> None:
    """An id that v1 has not given, but another protocol's upstream of the same name, is not put into an address."""
    with pytest.raises(Unsupported):
        UPSTREAM.ask(a_dispatch(upstream_ref=reference))


def logged(**over: Any) -> dict[str, Any]:
    """A LoggedOutgoingSMS as the help pages print it."""
    stamp = "2018-10-23T17:43:19.5896823+00:00"
    return {"Created": stamp, "CreatedDate": stamp, "Modified": stamp, "UpdatedDate": stamp, **sent(**over)}


def asked(said: Any, **over: Any) -> Poll:
    """What an answer says of two messages that were sent 20 minutes ago."""
    body = said if isinstance(said, bytes) else orjson.dumps(said)
    dispatch = dispatch_of(a_content(), TWO, upstream_ref="bundle/7", sent_at=NOW)
    return UPSTREAM.read(Reply(200, body), dispatch._replace(**over), NOW + 1_200_000)


def report(number: int, status: Status, raw: str, text: str | None = TOLD) -> Report:
    """A report of a LoggedOutgoingSMS."""
    return Report(status, NOW + 589, None, None, number, raw, text, "0.58", "SEK")


DELIVERED = report(1001, Status.DELIVERED_TO_HANDSET, "22", "Delivered to the phone")
DONE_ = logged(Status=22, StatusDescription="Delivered to the phone")
POLLS: list[tuple[str, Any, Poll]] = [
    (
        "both have come to their end",
        [DONE_, logged(To="+46700000002", Status=52)],
        Poll((DELIVERED, report(1002, Status.DELIVERY_TO_HANDSET_FAILED, "52")), None),
    ),
    (
        "one is on its way",
        [DONE_, logged(To="46700000002", Status=21)],
        Poll((DELIVERED, report(1002, Status.DELIVERED_TO_GSM, "21")), LATEST),
    ),
    ("one is not named", [DONE_], Poll((DELIVERED,), LATEST)),
    ("a single SMS, not in a list", DONE_, Poll((DELIVERED,), LATEST)),
    ("another's SMS", [logged(To="46700000009", Status=22)], Poll((), LATEST)),
    ("an SMS twice: the first counts", [DONE_, logged(Status=52)], Poll((DELIVERED,), LATEST)),
    (
        "a code that nobody documented",
        [logged(Status=77)],
        Poll((report(1001, Status.UNKNOWN, "77"),), LATEST),
    ),
    (
        "neither a time nor a price that can be read",
        [logged(Status=22, StatusDescription=["x"], Modified="yesterday", TotalPrice="free")],
        Poll((Report(Status.DELIVERED_TO_HANDSET, None, None, None, 1001, "22", None, None, None),), LATEST),
    ),
    (
        "a price of nothing is none, and a currency without a price as well",
        [logged(Status=22, StatusDescription=None, Modified=None, TotalPrice=0.00)],
        Poll((Report(Status.DELIVERED_TO_HANDSET, None, None, None, 1001, "22", None, None, None),), LATEST),
    ),
    (
        "a time without an offset, as in the SDK's samples",
        [logged(Status=21, Modified="2018-10-23T17:43:19.589")],
        Poll((report(1001, Status.DELIVERED_TO_GSM, "21"),), LATEST),
    ),
    ("an empty list", [], Poll((), LATEST)),
    ("an empty body: the SMS is not found", b"", Poll((), LATEST)),
    ("an error object", {"Message": "No SMS"}, Poll((), LATEST)),
]


@pytest.mark.parametrize(("label", "said", "expected"), POLLS, ids=[case[0] for case in POLLS])
def test_what_is_told(label: str, said: Any, expected: Poll) -> None:
    """Each message that is named gets its report; it is asked again until all have come to their end."""
    assert asked(said) == expected


def test_what_ended_when_it_was_sent_need_not_be_told() -> None:
    """A message that was refused at once is not waited for."""
    refused = a_message(number=1002, recipient="46700000002", status=Status.INVALID_RECIPIENT)

    assert asked([DONE_], messages=(a_message(recipient="46700000001"), refused)) == Poll((DELIVERED,), None)


def test_nobody_is_asked_for_ever() -> None:
    """Soon at first, seldom later, and not at all once no network keeps the message."""
    dispatch = dispatch_of(a_content(), upstream_ref="7", sent_at=NOW)
    again = [UPSTREAM.read(Reply(200, b"[]"), dispatch, NOW + age).again for age in (0, 60_000, PATIENCE)]
    unsent = UPSTREAM.read(Reply(200, b"[]"), dispatch._replace(sent_at=None), NOW)

    assert again == [SOONEST, 30_000, None]
    assert unsent.again == SOONEST


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>", Unanswered),
        (200, b"7", Unanswered),
        (200, b"null", Unanswered),
        (401, b"", Misconfigured),
        (429, b"", Throttled),
        (500, b"", Unanswered),
    ],
)
def test_a_question_that_is_not_answered(status: int, body: bytes, kind: type[SendError]) -> None:
    """What is no answer says nothing of a message."""
    with pytest.raises(kind):
        UPSTREAM.read(Reply(status, body), dispatch_of(a_content(), upstream_ref="7"), NOW)


def test_an_sms_that_is_not_found_may_turn_up() -> None:
    """404 says nothing of a message; it is asked for again."""
    assert UPSTREAM.read(Reply(404, b"{}"), dispatch_of(a_content(), sent_at=NOW), NOW) == Poll((), SOONEST)


def test_the_balance_is_asked_for() -> None:
    """In the account document, which tells no key."""
    assert UPSTREAM.ask_balance() == Call("GET", "https://api.example/api/me", headers=HEADERS)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"Account":"ip1-12345","Type":"Swedish","Balance":1000.00,"Currency":"SEK"}', ("1000.00", "SEK")),
        (b'{"Balance":-5,"Currency":null}', ("-5", "")),
        (b'{"Balance":"12.5"}', ("12.5", "")),
        (b'{"Currency":"SEK"}', None),
        (b'{"Balance":null}', None),
        (b'{"Balance":true}', None),
        (b'{"Balance":1e400}', None),
        (b'{"Balance":NaN}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_balance_keeps_its_digits(body: bytes, expected: tuple[str, str] | None) -> None:
    """The digits arrive as the upstream wrote them; what is no number is no answer."""
    if expected is None:
        with pytest.raises(Unanswered):
            UPSTREAM.read_balance(Reply(200, body))
    else:
        assert UPSTREAM.read_balance(Reply(200, body)) == expected


def test_a_balance_that_is_refused() -> None:
    """A wrong key shows when the balance is asked for, too."""
    with pytest.raises(Misconfigured):
        UPSTREAM.read_balance(Reply(401, b"{}"))


# ---- our own upstream into our own face ----


def inbound(call: Call) -> Inbound:
    """What our own face reads of a call that our own upstream has written."""
    path = call.path.removeprefix("https://api.example")
    return FACE.decode(call._replace(path=path, headers=CIMultiDict(call.headers)))


NAMES = (Recipient("46700000001", {"name": "Åsa €"}), Recipient("46700000002", {"name": 'a "b" \\'}))
LOOPED: list[tuple[str, Content, tuple[Recipient, ...]]] = [
    ("plain", a_content(), ONE),
    ("Swedish", a_content(body="åäöÅÄÖé"), ONE),
    ("the euro", a_content(body="5 € [ok] {}~\\^|"), ONE),
    ("an emoji", a_content(body="😀👨‍👩‍👧"), ONE),
    ("161 characters", a_content(body="x" * 161), ONE),
    ("2000 characters", a_content(body="å" * 2000), ONE),
    ("line breaks and quotes", a_content(body='a\r\nb\t"c"\\ <d>&'), ONE),
    ("80 recipients", a_content(), tuple(Recipient(str(46_700_000_000 + n)) for n in range(80))),
    ("a number as sender", a_content(sender="+46712345678"), ONE),
    ("a template", a_content(body="Hi {name}", defaults={}), NAMES),
    ("a template with a default", a_content(body="Hi {name} {n}", defaults={"n": "7"}), NAMES),
    ("braces that are none", a_content(body="Hi {name}"), ONE),
]


@pytest.mark.parametrize(("label", "content", "recipients"), LOOPED, ids=[case[0] for case in LOOPED])
def test_what_leaves_is_what_comes_in(label: str, content: Content, recipients: tuple[Recipient, ...]) -> None:
    """Two gateways in a row lose nothing of a text, nor of who gets it."""
    question = inbound(UPSTREAM.encode(dispatch_of(content, recipients), None))

    assert question.command == SubmitBatch(content, recipients, loose=True)
    assert question.credentials.account == "ip1-12345"
    assert question.credentials.key.get_secret_value() == KEY


def test_the_face_takes_every_priority_for_the_lowest() -> None:
    """v1's Prio has no effect, by the provider's page: a high one is said, and not heard."""
    command = inbound(UPSTREAM.encode(dispatch_of(a_content(priority=Priority.HIGH)), None)).command

    assert command == SubmitBatch(a_content(), ONE, loose=True)


@pytest.mark.parametrize(("label", "content", "recipients"), [case[:3] for case in TEMPLATES])
def test_every_template_reads_the_same(label: str, content: Content, recipients: tuple[Recipient, ...]) -> None:
    """Whichever way a template is written, our own face makes the same text of it for every recipient."""
    command = inbound(UPSTREAM.encode(dispatch_of(content, recipients), None)).command

    assert isinstance(command, SubmitBatch)
    body, defaults = command.content.body, command.content.defaults
    assert [body if defaults is None else render(body, them.params, defaults) for them in command.recipients] == [
        content.body if content.defaults is None else render(content.body, them.params, content.defaults)
        for them in recipients
    ]


def answered(result: Any, call: Call) -> Reply:
    """What our own face answers our own upstream."""
    return FACE.encode(result, inbound(call), call)


@pytest.mark.parametrize(("recipients", "reference"), [(ONE, "1001"), (TWO, "bundle/1001")])
def test_what_the_face_answers_is_what_the_upstream_reads(recipients: tuple[Recipient, ...], reference: str) -> None:
    """Our own list is receipts, and our own numbers are what is asked with."""
    dispatch = dispatch_of(a_content(), recipients)
    result = Accepted(dispatch.batch, recipients, (1,) * len(recipients), ACCOUNT, DONE)

    receipts = UPSTREAM.decode(answered(result, UPSTREAM.encode(dispatch, None)), dispatch)

    assert receipts == Receipts(reference, (QUEUED, SECOND)[: len(recipients)], SOONEST)


def test_the_face_tells_the_upstream_where_an_sms_stands() -> None:
    """Our own SMS document is a report, and its time is ours to the millisecond."""
    dispatch = dispatch_of(a_content(), upstream_ref="1001", sent_at=NOW)
    message = a_message(status=Status.DELIVERED_TO_HANDSET, modified=NOW + 1234, price="0.58", currency="SEK")
    result = MessageStatus(dispatch.batch, message, (), ACCOUNT, delayed=False)

    poll = UPSTREAM.read(answered(result, UPSTREAM.ask(dispatch)), dispatch, NOW)

    told = Report(
        Status.DELIVERED_TO_HANDSET, NOW + 1234, None, None, 1001, "22", "Delivered to the phone", "0.58", "SEK"
    )
    assert poll == Poll((told,), None)


def test_the_face_tells_the_upstream_its_balance() -> None:
    """Our own account document is read, digit by digit."""
    reply = answered(AccountStatus(ACCOUNT, "1000.00", "SEK"), UPSTREAM.ask_balance())

    assert UPSTREAM.read_balance(reply) == ("1000.00", "SEK")


READ_BACK: list[tuple[GatewayError, type[SendError], Status]] = [
    (Unauthenticated(), WrongKey, Status.INTERNAL_ERROR),
    (NoFunds(), Refused, Status.INSUFFICIENT_FUNDS),
    (Forbidden(), Misconfigured, Status.INTERNAL_ERROR),
    (NotFound(), Misconfigured, Status.INTERNAL_ERROR),
    (MethodNotAllowed(["POST"]), Misconfigured, Status.INTERNAL_ERROR),
    (UnsupportedMedia(), Misconfigured, Status.INTERNAL_ERROR),
    (Malformed("No", {"type": ["x"]}), Refused, Status.GENERIC_REJECTED),
    (BadSender("No", {"sender": ["x"]}), Refused, Status.INVALID_SENDER),
    (BadContent("No", {"body": ["x"]}), Refused, Status.INVALID_CONTENT),
    (BadRecipient("No", {"recipients": ["x"]}), Refused, Status.INVALID_RECIPIENT),
    (BadSender(), Refused, Status.GENERIC_REJECTED),
    (NotCarried(), Refused, Status.GENERIC_REJECTED),
    (TooLate(), Refused, Status.GENERIC_REJECTED),
    (KeyReused(), Refused, Status.GENERIC_REJECTED),
    (TooLarge(1), Refused, Status.GENERIC_REJECTED),
    (RequestError(), Refused, Status.GENERIC_REJECTED),
    (Unconfirmed(), Unanswered, Status.UNKNOWN),
    (Busy(), Throttled, Status.DELIVERY_TO_GATEWAY_FAILED),
    (Internal(), Unanswered, Status.UNKNOWN),
]


@pytest.mark.parametrize(
    ("error", "kind", "status"), READ_BACK, ids=[f"{type(case[0]).__name__} {case[2].label}" for case in READ_BACK]
)
def test_every_refusal_is_read_back(error: GatewayError, kind: type[SendError], status: Status) -> None:
    """What one gateway refuses, the next one in front of it understands."""
    dispatch = dispatch_of(a_content())
    reply = FACE.refuse(error, UPSTREAM.encode(dispatch, None), None)

    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(Reply(reply.status, reply.body, CIMultiDict(reply.headers)), dispatch)
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
        {"url": "api.example/api"},
        {"url": "https://api.example/api?x=1"},
        {"url": "https://api example"},
        {"account": ""},
        {"account": "ip1:12345"},
        {"account": "ip1 12345"},
        {"key": ""},
        {"max_recipients": 0},
        {"max_recipients": 501},
        {"token": "x"},
    ],
)
def test_options_that_cannot_be(over: dict[str, Any]) -> None:
    """A slip in the configuration is found when it is read; a colon would end the account in HTTP Basic."""
    with pytest.raises(ValidationError):
        RestV1Options.model_validate(OPTIONS | over)


def test_nothing_of_the_key_shows() -> None:
    """Neither the options nor the codec show the key when they are printed."""
    options = RestV1Options.model_validate(OPTIONS)

    assert KEY not in f"{options!r}{options}{UPSTREAM!r}"


def test_the_default_size_of_a_request() -> None:
    """80 answers that repeat 2000 escaped letters are less than the 1 MiB that is read of an answer."""
    entry = sent(To="46700000001", Message="")

    assert UPSTREAM.max_recipients == 80
    assert 80 * (len(orjson.dumps(entry)) + 2000 * len("\\u00e5")) < 2**20


def test_the_adapter_declares_itself() -> None:
    """Its name, both directions, its options, and which names are secrets."""
    assert (ADAPTER.name, ADAPTER.options, ADAPTER.upstream) == ("rest_v1", RestV1Options, RestV1Upstream)
    assert ADAPTER.secrets == frozenset({"authorization", "key"})
