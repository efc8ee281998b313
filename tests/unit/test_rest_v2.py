"""REST v2 as a face, as an upstream, and the one looped into the other. Facts: the provider's pages and its samples."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest
from builders import DONE, NOW, a_batch, a_content, a_dispatch, a_message
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapters.rest_v2 import ADAPTER, wire
from adapters.rest_v2.face import RestV2Face
from adapters.rest_v2.reports import RestV2Reports
from adapters.rest_v2.upstream import RestV2Options, RestV2Upstream
from gateway.commands import (
    Accepted,
    BatchCanceled,
    BatchList,
    BatchStatus,
    CancelBatch,
    GetBatch,
    GetBatchMessage,
    ListBatches,
    ListMessages,
    MessageList,
    MessageStatus,
    Relay,
    SubmitBatch,
)
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    Forbidden,
    GatewayError,
    Internal,
    Malformed,
    MethodNotAllowed,
    Misconfigured,
    NoFunds,
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
from gateway.ids import Kind, public_id
from gateway.model import (
    Account,
    Content,
    DataCoding,
    Dispatch,
    Message,
    MessageType,
    Page,
    Priority,
    Recipient,
    StatusEntry,
    Tally,
    Window,
)
from gateway.ports import Call, Found, Inbound, Receipt, Receipts, Reply, Report
from gateway.status import Status

FACE = RestV2Face()
TOKEN = "3Kf9-up-t0ken"
UPSTREAM = RestV2Upstream(RestV2Options.model_validate({"url": "https://api.example/v2/", "token": TOKEN}))
REPORTS = RestV2Reports()
ACCOUNT = Account("ip1-12345", "Firma AB", "SEK", "46")
HEADERS = CIMultiDict({"Authorization": "Bearer CnbXFfyTM5BTKh7uNV", "Content-Type": "application/json"})
JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"
BATCH_ID = "5bcf5db7ba000000000003e9"
WEEK = 7 * 24 * 3_600_000


def post(document: Any, **headers: str) -> Call:
    """A call that posts a batch."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Call(
        "POST", "/v2/batches", headers=CIMultiDict({**HEADERS, **headers}), body=body, base="https://sms.example.org"
    )


def get(path: str, query: str = "") -> Call:
    """A call that asks for something."""
    return Call("GET", path, query, HEADERS, base="https://sms.example.org")


def submitted(document: Any) -> SubmitBatch:
    """The batch that a document submits."""
    command = FACE.decode(post(document)).command
    assert isinstance(command, SubmitBatch)
    return command


def problem(call: Call) -> RequestError:
    """The error that waits in a call until its key was checked."""
    command = FACE.decode(call).command
    assert isinstance(command, RequestError)
    return command


# ---- the face: what clients write ----

PLAIN = {"sender": "iP1", "recipients": ["46712345678"], "body": "Hej"}
ONE = (Recipient("46712345678"),)

WRITTEN: list[tuple[str, dict[str, Any], Content, tuple[Recipient, ...]]] = [
    ("only what is required", PLAIN, Content("iP1", "Hej"), ONE),
    (
        "the provider's .NET sample: Pascal case, enums as integers",
        {
            "Sender": "iP1",
            "Recipients": ["46712345678"],
            "Body": "Hej",
            "Type": 1,
            "Datacoding": 0,
            "Priority": 1,
            "DeliveryWindows": [],
            "DeliveryReportUrl": None,
            "Reference": "Test",
            "Tags": ["Test SMS"],
        },
        Content("iP1", "Hej", datacoding=DataCoding.GSM, reference="Test", tags=("Test SMS",)),
        ONE,
    ),
    (
        "names in any letter case",
        {"SENDER": "iP1", "reCipients": ["46712345678"], "BODY": "Hej", "deliveryREPORTurl": "http://a.example/"},
        Content("iP1", "Hej", report_url="http://a.example/"),
        ONE,
    ),
    (
        "the other integers",
        PLAIN | {"type": 0, "datacoding": 2, "priority": 2},
        Content("iP1", "Hej", MessageType.FLASH, DataCoding.UCS, Priority.HIGH),
        ONE,
    ),
    (
        "enums as words, in any letter case",
        PLAIN | {"type": "Flash", "datacoding": "UCS", "priority": "2"},
        Content("iP1", "Hej", MessageType.FLASH, DataCoding.UCS, Priority.HIGH),
        ONE,
    ),
    (
        "null is the default",
        PLAIN | dict.fromkeys(("type", "datacoding", "priority", "tags", "reference")),
        *(
            Content("iP1", "Hej"),
            ONE,
        ),
    ),
    ("a bare string for tags, as the VB sample", PLAIN | {"tags": "a"}, Content("iP1", "Hej", tags=("a",)), ONE),
    ("an empty callback address", PLAIN | {"deliveryReportUrl": ""}, Content("iP1", "Hej"), ONE),
    ("no windows", PLAIN | {"deliveryWindows": None}, Content("iP1", "Hej"), ONE),
    ("fields nobody knows", PLAIN | {"color": "red", "": 1}, Content("iP1", "Hej"), ONE),
    (
        "numbers without quotes",
        PLAIN | {"sender": 46712345678, "recipients": [46712345678], "reference": 7},
        *(
            Content("46712345678", "Hej", reference="7"),
            ONE,
        ),
    ),
    (
        "windows with a time zone, an open end, and Pascal case",
        PLAIN
        | {
            "deliveryWindows": [
                {"opens": "2018-10-23T19:43:19+02:00", "closes": "2018-10-23T17:43:20Z"},
                {"Opens": "2018-10-23T17:43:19", "Closes": None},
                {"closes": "2018-10-23T17:43:19Z"},
                {"opens": "0001-01-01T00:00:00", "closes": "2018-10-23T17:43:19"},
            ]
        },
        Content(
            "iP1",
            "Hej",
            windows=(
                Window(NOW, NOW + 1000),
                Window(NOW, NOW + WEEK),
                Window(None, NOW),
                Window(None, NOW),
            ),
        ),
        ONE,
    ),
    (
        "windows that .NET left unset, which shut nothing out",
        PLAIN
        | {"deliveryWindows": [{"opens": "0001-01-01T00:00:00", "closes": "0001-01-01T00:00:00"}, {"opens": None}, {}]},
        Content("iP1", "Hej"),
        ONE,
    ),
    (
        "a template with defaults",
        PLAIN
        | {
            "body": "Hej {name} {n}",
            "recipients": {
                "46700000001": {"name": "Åsa", "n": 7},
                "46700000002": {"name": None},
                "46700000003": {},
                "default": {"name": "du", "n": "0"},
            },
        },
        Content("iP1", "Hej {name} {n}", defaults={"name": "du", "n": "0"}),
        (
            Recipient("46700000001", {"name": "Åsa", "n": "7"}),
            Recipient("46700000002", {"name": ""}),
            Recipient("46700000003", {}),
        ),
    ),
    (
        "a template without defaults",
        PLAIN | {"recipients": {"46712345678": {"Name": "x"}}},
        Content("iP1", "Hej", defaults={}),
        (Recipient("46712345678", {"Name": "x"}),),
    ),
    ("nobody: the service will say so", PLAIN | {"recipients": []}, Content("iP1", "Hej"), ()),
]


@pytest.mark.parametrize(("label", "document", "content", "recipients"), WRITTEN, ids=[case[0] for case in WRITTEN])
def test_what_clients_write(
    label: str, document: dict[str, Any], content: Content, recipients: tuple[Recipient, ...]
) -> None:
    """Names match in any letter case, enums either way; every documented field arrives."""
    assert submitted(document) == SubmitBatch(content, recipients, loose=False)


def test_a_byte_order_mark_is_no_error() -> None:
    """Some .NET writers put one in front of their JSON."""
    assert submitted(b"\xef\xbb\xbf" + orjson.dumps(PLAIN)).content.body == "Hej"


MISSING = ["This field is required"]
DIGITS = ["A recipient is written with digits only, at most 15"]
WRONG: list[tuple[str, dict[str, Any], dict[str, list[str]]]] = [
    ("nothing", {}, {"Sender": MISSING, "Recipients": MISSING, "Body": MISSING}),
    ("a + before a number", PLAIN | {"recipients": ["+46712345678"]}, {"Recipients": DIGITS}),
    ("a number that is too long", PLAIN | {"recipients": ["1234567890123456"]}, {"Recipients": DIGITS}),
    ("letters in two numbers: said once", PLAIN | {"recipients": ["a", "b"]}, {"Recipients": DIGITS}),
    ("digits of another script", PLAIN | {"recipients": ["٤٦٧"]}, {"Recipients": DIGITS}),
    ("a number with a line break", PLAIN | {"recipients": ["46712345678\n"]}, {"Recipients": DIGITS}),
    ("a + in a template", PLAIN | {"recipients": {"+46712345678": {}}}, {"Recipients": DIGITS}),
    ("another type", PLAIN | {"type": "mms"}, {"Type": ["Use sms or flash"]}),
    ("another type's number", PLAIN | {"type": 7}, {"Type": ["Use sms or flash"]}),
    ("another coding", PLAIN | {"datacoding": 1}, {"Datacoding": ["Use gsm or ucs"]}),
    ("another priority", PLAIN | {"priority": 3}, {"Priority": ["Use 1 or 2"]}),
    ("a type that is a list", PLAIN | {"type": []}, {"Type": ["Use sms or flash"]}),
    (
        "a time that is none",
        PLAIN | {"deliveryWindows": [{"opens": "tomorrow"}]},
        {"DeliveryWindows": ["Write the time as ISO 8601, as 2026-05-01T08:00:00Z"]},
    ),
    (
        "a window that closes before it opens",
        PLAIN | {"deliveryWindows": [{"opens": "2018-10-23T17:43:19Z", "closes": "2018-10-23T17:43:18Z"}]},
        {"DeliveryWindows": ["A window closes after it opens"]},
    ),
    (
        "a callback address of another kind",
        PLAIN | {"deliveryReportUrl": "ftp://a.example"},
        {"DeliveryReportUrl": ["Give an http or https URL"]},
    ),
]


@pytest.mark.parametrize(("label", "document", "fields"), WRONG, ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_named(label: str, document: dict[str, Any], fields: dict[str, list[str]]) -> None:
    """Every field that is wrong is told, by its documented name in Pascal case, with a sentence that helps."""
    error = problem(post(document))

    assert isinstance(error, Malformed)
    assert error.fields == fields


SHAPES = [
    ("a list for a text", {"body": []}, "Body"),
    ("an object for a sender", {"sender": {}}, "Sender"),
    ("a text for recipients", {"recipients": "46712345678"}, "Recipients"),
    ("nothing for recipients", {"recipients": None}, "Recipients"),
    ("a list in recipients", {"recipients": [[]]}, "Recipients"),
    ("a text for arguments", {"recipients": {"461": "x"}}, "Recipients"),
    ("an object in arguments", {"recipients": {"461": {"a": {}}}}, "Recipients"),
    ("a text for defaults", {"recipients": {"461": {}, "default": "x"}}, "Recipients"),
    ("a text for windows", {"deliveryWindows": "now"}, "DeliveryWindows"),
    ("a number for a window", {"deliveryWindows": [1]}, "DeliveryWindows"),
    ("too many windows", {"deliveryWindows": [{}] * 101}, "DeliveryWindows"),
    ("a number for an address", {"deliveryReportUrl": {"a": 1}}, "DeliveryReportUrl"),
    ("an address that is too long", {"deliveryReportUrl": "http://a.example/" + "x" * 2000}, "DeliveryReportUrl"),
    ("a reference that is too long", {"reference": "x" * 1001}, "Reference"),
    ("an object for tags", {"tags": {"a": 1}}, "Tags"),
    ("an object in tags", {"tags": [{}]}, "Tags"),
    ("too many tags", {"tags": ["x"] * 101}, "Tags"),
]


@pytest.mark.parametrize(("label", "over", "field"), SHAPES, ids=[case[0] for case in SHAPES])
def test_wrong_shapes_are_told_by_field(label: str, over: dict[str, Any], field: str) -> None:
    """Whatever JSON stands where another was expected: it is that field's error, and no other's."""
    error = problem(post(PLAIN | over))

    assert isinstance(error, Malformed)
    assert set(error.fields) == {field}
    assert all(error.fields[field])


BODIES = [
    ("nothing", b"", "The body is not JSON"),
    ("half an object", b'{"sender": "iP1"', "The body is not JSON"),
    ("Latin-1", b'{"body": "\xe5"}', "The body is not JSON"),
    ("half a character", b'{"body": "\\ud83d"}', "The body is not JSON"),
    ("a list", b"[]", "The body must be one JSON object"),
    ("a text", b'"hello"', "The body must be one JSON object"),
]


@pytest.mark.parametrize(("label", "body", "words"), BODIES, ids=[case[0] for case in BODIES])
def test_bodies_that_are_no_object(label: str, body: bytes, words: str) -> None:
    """They are refused with a sentence that repeats nothing of them."""
    error = problem(post(body))

    assert isinstance(error, Malformed)
    assert error.detail.startswith(words)
    assert "iP1" not in error.detail


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON;charset=UTF-8", True),
        ("text/json", True),
        ("application/vnd.ip1+json", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
        ("application/jsonp", False),
    ],
)
def test_only_json_is_read(media: str, *, expected: bool) -> None:
    """Any form of JSON's media type will do; without one the provider answers 415."""
    command = FACE.decode(post(PLAIN, **{"Content-Type": media})).command

    assert isinstance(command, SubmitBatch if expected else UnsupportedMedia)


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic aXAxOng=", "CnbXFfyTM5BTKh7uNV", "Token CnbXFfyTM5BTKh7uNV"]
)
def test_without_a_bearer_key_nothing_is_read(value: str) -> None:
    """The key is looked for first: whoever has none is told nothing of what else is wrong."""
    with pytest.raises(Unauthenticated):
        FACE.decode(post(b"broken", Authorization=value))


@pytest.mark.parametrize("value", ["Bearer k", "bearer k", "BEARER  k ", " Bearer k"])
def test_a_bearer_key_in_any_case(value: str) -> None:
    """The scheme's letter case and blanks around the key do not matter."""
    credentials = FACE.decode(post(PLAIN, Authorization=value)).credentials

    assert (credentials.account, credentials.key.get_secret_value()) == (None, "k")
    assert "k" not in repr(credentials.key)


ASKED: list[tuple[str, Call, Any]] = [
    ("a batch", get(f"/v2/batches/{BATCH_ID}"), GetBatch(BATCH_ID)),
    ("a batch, with a slash and in capitals", get(f"/V2/Batches/{BATCH_ID}/"), GetBatch(BATCH_ID)),
    ("its messages", get(f"/v2/batches/{BATCH_ID}/messages"), ListMessages(BATCH_ID, Page())),
    (
        "a page, in any letter case",
        get(f"/v2/batches/{BATCH_ID}/messages", "Start=20&LIMIT=10&order=desc"),
        ListMessages(BATCH_ID, Page(20, 10, descending=True)),
    ),
    ("the largest page", get(f"/v2/batches/{BATCH_ID}/messages", "limit=1000"), ListMessages(BATCH_ID, Page(0, 1000))),
    ("all batches", get("/v2/batches", "order=DESC"), ListBatches(Page(descending=True))),
    ("one message", get(f"/v2/batches/{BATCH_ID}/messages/5b"), GetBatchMessage(BATCH_ID, "5b")),
    ("cancelling", get(f"/v2/batches/{BATCH_ID}")._replace(method="DELETE"), CancelBatch(BATCH_ID)),
]


@pytest.mark.parametrize(("label", "call", "expected"), ASKED, ids=[case[0] for case in ASKED])
def test_questions(label: str, call: Call, expected: Any) -> None:
    """Paths match in any letter case; paging has the documented defaults."""
    assert FACE.decode(call).command == expected


@pytest.mark.parametrize(
    "query", ["start=-1", "limit=0", "limit=1001", "limit=x", "start=1e3", "order=up", "start=99999999999999"]
)
def test_pages_that_cannot_be(query: str) -> None:
    """A page that cannot be is refused by its parameter's name."""
    error = problem(get(f"/v2/batches/{BATCH_ID}/messages", query))

    assert isinstance(error, Malformed)
    assert set(error.fields) == {query.partition("=")[0]}


@pytest.mark.parametrize("path", ["/v2/batch", "/v2/batches/1/2", "/v2/batches/1/messages/2/3", "/v2/surveys"])
def test_addresses_that_are_not_there(path: str) -> None:
    """What this gateway does not serve of v2 is for the upstream, where that is asked."""
    assert FACE.decode(get(path)).command == Relay("/v2/")


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_there_is_nothing_at_the_root(path: str) -> None:
    """It is no resource of the provider's, so nobody is asked for it."""
    assert isinstance(problem(get(path)), NotFound)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v2/batches", ("GET", "POST")),
        ("PUT", f"/v2/batches/{BATCH_ID}", ("GET", "DELETE")),
        ("POST", f"/v2/batches/{BATCH_ID}/messages", ("GET",)),
    ],
)
def test_methods_that_are_not_there(method: str, path: str, allow: tuple[str, ...]) -> None:
    """They are refused with those that are."""
    error = problem(get(path)._replace(method=method))

    assert isinstance(error, MethodNotAllowed)
    assert error.allow == allow


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 10**20) | st.floats(allow_nan=False) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*PLAIN, "type", "tags", "deliveryWindows", "opens", "461"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ).map(lambda value: __import__("json").dumps(value).encode())
)
def test_whatever_is_posted_is_read_or_refused(body: bytes) -> None:
    """No body brings anything out of the face but a command or a RequestError."""
    command = FACE.decode(post(body)).command

    assert isinstance(command, (SubmitBatch, RequestError))


# ---- the face: what clients read ----

HISTORY = a_batch(size=3, content=a_content(body="Hej {name}", defaults={"name": "du"}, datacoding=DataCoding.UCS))


def answered(result: Any, call: Call) -> tuple[Reply, Any]:
    """A reply, and the document in it."""
    inbound: Inbound = FACE.decode(call)
    reply = FACE.encode(result, inbound, call)
    return reply, orjson.loads(reply.body)


def test_accepted_is_answered_with_the_batch() -> None:
    """201, its address, and the document with its fields in the documented order."""
    content = a_content(
        type=MessageType.FLASH,
        datacoding=DataCoding.GSM,
        windows=(Window(NOW, None),),
        report_url="https://erp.example/",
        reference="order 7",
        tags=("a",),
    )
    accepted = Accepted(a_batch(size=2, content=content), (*ONE, Recipient("461")), (1, 2), ACCOUNT, DONE)

    reply, document = answered(accepted, post(PLAIN))

    assert reply.status == 201
    assert reply.headers == {
        "Content-Type": JSON,
        "Location": f"https://sms.example.org/v2/batches/{BATCH_ID}",
    }
    expected = {
        "id": BATCH_ID,
        "sender": "iP1",
        "body": "Hello",
        "owner": "ip1-12345",
        "direction": "MT",
        "type": "flash",
        "datacoding": "GSM",
        "priority": 1,
        "templated": False,
        "priceSummary": {"total": 0.0, "currency": "SEK", "average": 0.0},
        "messageSummary": {"101": {"messages": 2, "sms": 3}},
        "deliveryWindows": [{"opens": "2018-10-23T17:43:19Z", "closes": None}],
        "status": 101,
        "deliveryReportUrl": "https://erp.example/",
        "reference": "order 7",
        "tags": ["a"],
    }
    assert document == expected
    assert list(document) == list(expected)


def test_a_batch_tells_its_price_and_where_its_messages_stand() -> None:
    """Prices are added up as decimals; the text stays untemplated."""
    tallies = (
        Tally(Status.QUEUED, 1, 2),
        Tally(Status.DELIVERED_TO_HANDSET, 2, 2, Decimal("0.3") + Decimal("0.05"), "EUR"),
    )

    reply, document = answered(BatchStatus(HISTORY, Status.QUEUED, tallies, ACCOUNT), get(f"/v2/batches/{BATCH_ID}"))

    assert (reply.status, reply.headers) == (200, {"Content-Type": JSON})
    assert document["priceSummary"] == {"total": 0.35, "currency": "EUR", "average": 0.1167}
    assert document["messageSummary"] == {"102": {"messages": 1, "sms": 2}, "201": {"messages": 2, "sms": 2}}
    assert (document["status"], document["templated"], document["body"]) == (102, True, "Hej {name}")


def test_a_message_as_the_provider_documents_it() -> None:
    """Its own text, its latest status only, its price; the fields in the documented order."""
    told = a_message(
        status=Status.DELIVERED_TO_HANDSET, segments=2, params={"name": "Åsa"}, price="0.0416", currency="EUR"
    )
    page = MessageList(HISTORY, (told, a_message(number=1002, recipient="461")), Page(), ACCOUNT)

    reply, (first, second) = answered(page, get(f"/v2/batches/{BATCH_ID}/messages"))

    expected = {
        "id": "5bcf5db735000000000003e9",
        "batchId": BATCH_ID,
        "owner": "ip1-12345",
        "sender": "iP1",
        "recipient": "46712345678",
        "body": "Hej Åsa",
        "direction": "mt",
        "segments": 2,
        "type": "SMS",
        "datacoding": "ucs",
        "priority": 1,
        "price": 0.0416,
        "currency": "EUR",
        "statuses": [{"created": "2018-10-23T17:43:19Z", "code": 201, "duration": 1}],
        "modified": "2018-10-23T17:43:19Z",
        "reference": None,
        "mcc": None,
        "mnc": None,
    }
    assert first == expected
    assert list(first) == list(expected)
    assert (second["body"], second["price"], second["currency"]) == ("Hej du", 0.0, "SEK")
    assert second["statuses"] == [{"created": "2018-10-23T17:43:19Z", "code": 101, "duration": 0}]
    assert reply.status == 200


LINKS = [
    ("one page", "", 3, {"self": (0, 50), "first": (0, 50), "last": (0, 50)}, "ASC"),
    ("the first of three", "limit=2", 5, {"self": (0, 2), "first": (0, 2), "next": (2, 2), "last": (4, 2)}, "ASC"),
    (
        "the one in the middle, backwards",
        "start=2&limit=2&order=DESC",
        5,
        {"self": (2, 2), "first": (0, 2), "prev": (0, 2), "next": (4, 2), "last": (4, 2)},
        "DESC",
    ),
    (
        "the last",
        "start=4&limit=2",
        5,
        {"self": (4, 2), "first": (0, 2), "prev": (2, 2), "last": (4, 2)},
        "ASC",
    ),
    (
        "a full last page",
        "start=2&limit=2",
        4,
        {"self": (2, 2), "first": (0, 2), "prev": (0, 2), "last": (2, 2)},
        "ASC",
    ),
    (
        "between pages",
        "start=1&limit=2",
        4,
        {"self": (1, 2), "first": (0, 2), "prev": (0, 2), "next": (3, 2), "last": (2, 2)},
        "ASC",
    ),
]


@pytest.mark.parametrize(("label", "query", "total", "pages", "order"), LINKS, ids=[case[0] for case in LINKS])
def test_links_between_pages(label: str, query: str, total: int, pages: dict[str, tuple[int, int]], order: str) -> None:
    """RFC 8288, parameters in the provider's order; no next on the last page, no prev on the first."""
    path = f"/v2/batches/{BATCH_ID}/messages"
    call = get(path, query)
    asked = FACE.decode(call).command
    assert isinstance(asked, ListMessages)
    reply, _ = answered(MessageList(HISTORY._replace(size=total), (), asked.page, ACCOUNT), call)

    assert reply.headers["Link"] == ", ".join(
        f'<https://sms.example.org{path}?start={start}&limit={limit}&order={order}>; rel="{relation}"'
        for relation, (start, limit) in pages.items()
    )


def test_a_message_by_itself_shows_its_whole_history() -> None:
    """Where the list shows the latest status, its own address shows every step, first step first."""
    history = (StatusEntry(Status.ACCEPTED, NOW), StatusEntry(Status.DELIVERED_TO_HANDSET, NOW + 5000))
    told = MessageStatus(HISTORY, a_message(status=Status.DELIVERED_TO_HANDSET), history, ACCOUNT, delayed=False)

    reply, document = answered(told, get(f"/v2/batches/{BATCH_ID}/messages/5bcf5db735000000000003e9"))

    assert reply.status == 200
    assert document["id"] == "5bcf5db735000000000003e9"
    assert document["statuses"] == [
        {"created": "2018-10-23T17:43:19Z", "code": 101, "duration": 0},
        {"created": "2018-10-23T17:43:24Z", "code": 201, "duration": 1},
    ]


def test_a_list_of_batches() -> None:
    """Each is the document that its own address shows; the links lead through all of them."""
    standing = BatchStatus(HISTORY, Status.QUEUED, (Tally(Status.QUEUED, 3, 3),), ACCOUNT)
    call = get("/v2/batches", "start=1&limit=1")

    reply, documents = answered(BatchList((standing,), Page(1, 1), 3), call)

    assert documents == [answered(standing, get(f"/v2/batches/{BATCH_ID}"))[1]]
    assert '<https://sms.example.org/v2/batches?start=2&limit=1&order=ASC>; rel="next"' in reply.headers["Link"]


def test_a_cancelled_batch_shows_what_became_of_it() -> None:
    """The answer to DELETE is the batch as it stands now."""
    standing = BatchStatus(HISTORY, Status.CANCELED, (Tally(Status.CANCELED, 3, 3),), ACCOUNT)

    reply, document = answered(BatchCanceled(standing, 3), get(f"/v2/batches/{BATCH_ID}")._replace(method="DELETE"))

    assert (reply.status, document["status"], document["messageSummary"]) == (
        200,
        203,
        {"203": {"messages": 3, "sms": 3}},
    )


VALIDATION = "One or more validation errors occurred."
REFUSALS: list[tuple[GatewayError, int, str, dict[str, str]]] = [
    (Unauthenticated(), 401, "Unauthorized", {"WWW-Authenticate": "Bearer"}),
    (Forbidden(), 403, "Forbidden", {}),
    (NoFunds(), 403, "Forbidden", {}),
    (NotFound(), 404, "Not Found", {}),
    (TooLate(), 409, "Conflict", {}),
    (MethodNotAllowed(("GET", "POST")), 405, "Method Not Allowed", {"Allow": "GET, POST"}),
    (TooLarge(9), 413, "Payload Too Large", {}),
    (UnsupportedMedia(), 415, "Unsupported Media Type", {}),
    (Busy(), 503, "Service Unavailable", {"Retry-After": "1"}),
    (Malformed(), 400, VALIDATION, {}),
    (BadSender(), 400, VALIDATION, {}),
    (BadContent(), 400, VALIDATION, {}),
    (BadRecipient(), 400, VALIDATION, {}),
    (RequestError(), 400, VALIDATION, {}),
    (Internal(), 500, "An error occurred while processing your request.", {}),
    (Unanswered(), 500, "An error occurred while processing your request.", {}),
    (Misconfigured(), 500, "An error occurred while processing your request.", {}),
]


@pytest.mark.parametrize(
    ("error", "status", "title", "headers"), REFUSALS, ids=[type(case[0]).__name__ for case in REFUSALS]
)
def test_every_refusal(error: GatewayError, status: int, title: str, headers: dict[str, str]) -> None:
    """A problem document whose `title` the known client shows; the status is the provider's own for that error."""
    reply = FACE.refuse(error, post(PLAIN), None)

    assert (reply.status, reply.headers) == (status, {"Content-Type": PROBLEM, **headers})
    assert orjson.loads(reply.body) == {"title": title, "status": status, "detail": error.detail}


def test_a_refusal_names_the_fields() -> None:
    """`errors` holds a list of sentences per field, in Pascal case as ASP.NET Core writes them."""
    reply = FACE.refuse(BadSender("Bad", {"sender": ["Too long", "Odd"]}), post(PLAIN), None)

    assert orjson.loads(reply.body)["errors"] == {"Sender": ["Too long", "Odd"]}


# ---- the upstream ----


def test_a_dispatch_becomes_exactly_this() -> None:
    """One POST with the bearer key; the reference is ours, the callback address too, the coding always said."""
    call = UPSTREAM.encode(a_dispatch(), None)

    assert call == Call(
        "POST",
        "https://api.example/v2/batches",
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        body=(
            b'{"sender":"iP1","recipients":["46712345678"],"body":"Hello","type":"sms","datacoding":"gsm",'
            b'"priority":1,"reference":"5bcf5db7d1000000000003e9"}'
        ),
    )


def test_a_dispatch_with_everything_becomes_exactly_this() -> None:
    """Every field that v2 has; a caller's own reference and callback address stay here."""
    content = a_content(
        body="Hej {n} 😀",
        type=MessageType.FLASH,
        datacoding=DataCoding.UCS,
        priority=Priority.HIGH,
        windows=(Window(NOW, NOW + 1999), Window(None, NOW)),
        report_url="https://erp.example/",
        reference="order 7",
        tags=("a", "å"),
        defaults={"n": "du"},
    )
    messages = (a_message(params={"n": "Åsa"}), a_message(number=1002, recipient="461"))
    dispatch = a_dispatch(messages=messages, batch=a_batch(size=2, content=content))

    assert orjson.loads(UPSTREAM.encode(dispatch, "https://sms.example.org/hooks/main/x").body) == {
        "sender": "iP1",
        "recipients": {"46712345678": {"n": "Åsa"}, "461": {}, "default": {"n": "du"}},
        "body": "Hej {n} 😀",
        "type": "flash",
        "datacoding": "ucs",
        "priority": 2,
        "reference": "5bcf5db7d1000000000003e9",
        "deliveryWindows": [
            {"opens": "2018-10-23T17:43:19Z", "closes": "2018-10-23T17:43:20Z"},
            {"opens": None, "closes": "2018-10-23T17:43:19Z"},
        ],
        "deliveryReportUrl": "https://sms.example.org/hooks/main/x",
        "tags": ["a", "å"],
    }


TWO = (a_message(), a_message(number=1002, recipient="461"))


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_is_taken(status: int) -> None:
    """The upstream's id is kept, and every message is Queued there with the raw status beside it."""
    receipts = UPSTREAM.decode(Reply(status, b'{"id":"5bc86b6e","status":101}'), a_dispatch(messages=TWO))

    assert receipts == Receipts("5bc86b6e", (Receipt(1001, Status.QUEUED, "101"), Receipt(1002, Status.QUEUED, "101")))


ERRORS: list[tuple[int, bytes, Mapping[str, str], SendError]] = [
    # HTTP status, body, headers, what it means
    (200, b"", {}, Unanswered("The upstream answered success, but not with a batch document")),
    (200, b"<html>Welcome</html>", {}, Unanswered("The upstream answered success, but not with a batch document")),
    (201, b"[]", {}, Unanswered("The upstream answered success, but not with a batch document")),
    (201, b'{"id":7}', {}, Unanswered("The upstream answered success, but not with a batch document")),
    (100, b"", {}, Unanswered("The upstream answers 100")),
    (301, b"", {}, Misconfigured("The upstream answers 301")),
    (302, b"", {}, Misconfigured("The upstream answers 302")),
    (303, b"", {}, Misconfigured("The upstream answers 303")),
    (307, b"", {}, Misconfigured("The upstream answers 307")),
    (308, b"", {}, Misconfigured("The upstream answers 308")),
    (400, b"", {}, Refused(Status.GENERIC_REJECTED, "400")),
    (400, b'{"errors":{"Sender":["x"]}}', {}, Refused(Status.INVALID_SENDER, "400")),
    (400, b'{"errors":{"Recipients":["x"]}}', {}, Refused(Status.INVALID_RECIPIENT, "400")),
    (400, b'{"errors":{"$.Body":["x"]}}', {}, Refused(Status.INVALID_CONTENT, "400")),
    (400, b'{"errors":["x"]}', {}, Refused(Status.GENERIC_REJECTED, "400")),
    (400, b'{"title":"Bad","errors":{"X":[]}}', {}, Refused(Status.GENERIC_REJECTED, "400", "Bad")),
    (401, b'{"title":"Unauthorized"}', {}, WrongKey("The upstream answers 401")),
    (402, b"", {}, Refused(Status.INSUFFICIENT_FUNDS, "402")),
    (403, b'{"detail":"Not enough Credits"}', {}, Refused(Status.INSUFFICIENT_FUNDS, "403", "Not enough Credits")),
    (403, b'{"detail":"Sender"}', {}, Refused(Status.GENERIC_REJECTED, "403", "Sender")),
    (404, b"", {}, Misconfigured("The upstream answers 404")),
    (405, b"", {}, Misconfigured("The upstream answers 405")),
    (408, b"", {}, Throttled("The upstream answers 408", 1.0)),
    (413, b"", {}, Refused(Status.GENERIC_REJECTED, "413")),
    (415, b"", {}, Misconfigured("The upstream answers 415")),
    (422, b'{"message":"No"}', {}, Refused(Status.GENERIC_REJECTED, "422", "No")),
    (425, b"", {}, Throttled("The upstream answers 425", 1.0)),
    (429, b"", {}, Throttled("The upstream answers 429", 1.0)),
    (429, b"", {"Retry-After": "17"}, Throttled("The upstream answers 429", 17.0)),
    (429, b"", {"Retry-After": "99999"}, Throttled("The upstream answers 429", 3600.0)),
    (429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, Throttled("The upstream answers 429", 1.0)),
    (429, b"", {"Retry-After": "-5"}, Throttled("The upstream answers 429", 1.0)),
    (500, b'{"title":"Oops"}', {}, Unanswered("The upstream answers 500")),
    (502, b"", {}, Unanswered("The upstream answers 502")),
    (503, b"", {}, Unanswered("The upstream answers 503")),
    (503, b"", {"Retry-After": "5"}, Throttled("The upstream answers 503", 5.0)),
    (504, b"", {}, Unanswered("The upstream answers 504")),
    (599, b"", {}, Unanswered("The upstream answers 599")),
]


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"), ERRORS, ids=[f"{case[0]} {case[1].decode()[:30]}" for case in ERRORS]
)
def test_what_every_answer_means(status: int, body: bytes, headers: Mapping[str, str], expected: SendError) -> None:
    """A wrong key holds the queue, a busy server is waited for, a server's own fault leaves doubt, the rest is a no."""
    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(Reply(status, body, CIMultiDict(headers)), a_dispatch(messages=TWO))

    assert type(caught.value) is type(expected)
    assert vars(caught.value) == vars(expected)


@given(
    st.integers(100, 999), st.binary(max_size=40) | st.sampled_from([b"{}", b"null", b'{"errors":{}}', b'{"id":""}'])
)
def test_every_answer_means_something(status: int, body: bytes) -> None:
    """No HTTP status and no body brings anything out but receipts or a SendError."""
    try:
        assert UPSTREAM.decode(Reply(status, body), a_dispatch()).receipts
    except SendError as error:
        assert error.detail  # noqa: PT017 - either outcome is right


def test_nothing_of_the_token_shows() -> None:
    """Neither the options nor the codec show the key when they are printed."""
    options = RestV2Options.model_validate({"url": "https://api.example/v2", "token": TOKEN})

    assert TOKEN not in f"{options!r}{options}{UPSTREAM!r}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://api.example/v2", "https://api.example/api/me"), ("https://api.example", "https://api.example/api/me")],
)
def test_the_balance_is_asked_for_beside_v2(url: str, expected: str) -> None:
    """v2 has none of its own; the account document lies under /api/me."""
    upstream = RestV2Upstream(RestV2Options.model_validate({"url": url, "token": TOKEN}))

    assert upstream.ask_balance()[:2] == ("GET", expected)
    assert upstream.ask_balance().headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"Balance":1000.00,"Currency":"SEK"}', ("1000.00", "SEK")),
        (b'{"Balance":-5,"Currency":null}', ("-5", "")),
        (b'{"Balance":1,"Currency":{"a":1}}', ("1", "")),
        (b'{"Balance":1,"Currency":"SEKSEKSEK"}', ("1", "SEK")),
        (b'{"Balance":' + b"[" * 1000 + b"]" * 1000 + b"}", None),
        (b'{"Balance":"12.5"}', ("12.5", "")),
        (b'{"Currency":"SEK"}', None),
        (b'{"Balance":null}', None),
        (b'{"Balance":true}', None),
        (b'{"Balance":1e400}', None),
        (b'{"Balance":NaN}', None),
        (b"[]", None),
        (b"null", None),
        (b"7", None),
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


# ---- reports ----

TOLD: list[tuple[str, Any, list[Report]]] = [
    (
        "as documented",
        {
            "id": "5bc86b6e85c7209830f96936",
            "batchId": "5bc86b6e85c7209830f96937",
            "recipient": "46712345678",
            "code": 201,
            "duration": 1,
            "created": "2018-10-23T17:43:19Z",
            "segments": 2,
            "price": 0.082,
            "currency": "sek",
            "reference": "5bcf5db7d1000000000003e9",
        },
        [Report(Status.DELIVERED_TO_HANDSET, NOW, 1001, "46712345678", None, "201", None, "0.082", "SEK")],
    ),
    (
        "in Pascal case, with a + and without a price",
        {"Recipient": "+46712345678", "Code": "503", "Reference": "5BCF5DB7D1000000000003E9"},
        [Report(Status.SUBSCRIBER_OFFLINE, None, 1001, "46712345678", None, "503")],
    ),
    (
        "a code nobody knows, kept",
        {"recipient": "461", "code": 777, "reference": "5bcf5db7d1000000000003e9"},
        [Report(Status.UNKNOWN, None, 1001, "461", None, "777")],
    ),
    (
        "somebody else's reference",
        {"recipient": "461", "code": 201, "reference": "order 7"},
        [Report(Status.DELIVERED_TO_HANDSET, None, None, "461", None, "201")],
    ),
    (
        "no reference",
        {"recipient": 461, "code": 201, "reference": None},
        [Report(Status.DELIVERED_TO_HANDSET, None, None, "461", None, "201")],
    ),
    (
        "a price that is none",
        {"recipient": "461", "code": 201, "price": "free", "currency": "SEK"},
        [Report(Status.DELIVERED_TO_HANDSET, None, None, "461", None, "201")],
    ),
    (
        "a time that is none",
        {"recipient": "461", "code": 201, "created": "yesterday"},
        [Report(Status.DELIVERED_TO_HANDSET, None, None, "461", None, "201")],
    ),
    (
        "a time that is a number",
        {"recipient": "461", "code": 201, "created": 5},
        [Report(Status.DELIVERED_TO_HANDSET, None, None, "461", None, "201")],
    ),
    (
        "a list",
        [{"recipient": "461", "code": 110}, {"recipient": "462", "code": 201}],
        [
            Report(Status.SENDING, None, None, "461", None, "110"),
            Report(Status.DELIVERED_TO_HANDSET, None, None, "462", None, "201"),
        ],
    ),
    ("an empty list", [], []),
]


@pytest.mark.parametrize(("label", "document", "expected"), TOLD, ids=[case[0] for case in TOLD])
def test_reports(label: str, document: Any, expected: list[Report]) -> None:
    """A report names the dispatch by our reference and the message by its number; one or a list, in any case."""
    assert REPORTS.decode(Call("POST", "/", body=orjson.dumps(document))) == tuple(expected)


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b"7", b"[1]", b"[{}, null]", b"\xff"])
def test_what_is_no_report(body: bytes) -> None:
    """It is refused, so that the provider's people see that something is wrong."""
    with pytest.raises(Malformed):
        REPORTS.decode(Call("POST", "/", body=body))


# ---- our own upstream into our own face ----


def texts() -> list[tuple[str, Content, tuple[Recipient, ...]]]:
    """What is sent around the loop."""
    many = tuple(Recipient(str(46_700_000_000 + n)) for n in range(500))
    named = (Recipient("46700000001", {"name": "Åsa €"}), Recipient("46700000002", {}))
    gsm, ucs = DataCoding.GSM, DataCoding.UCS
    return [
        ("plain", a_content(datacoding=gsm), ONE),
        ("Swedish", a_content(body="åäöÅÄÖé", datacoding=gsm), ONE),
        ("the euro", a_content(body="5 € [ok] {}~\\^|", datacoding=gsm), ONE),
        ("an emoji", a_content(body="😀👨‍👩‍👧", datacoding=ucs), ONE),
        ("161 characters", a_content(body="x" * 161, datacoding=gsm), ONE),
        ("2000 characters", a_content(body="å" * 2000, datacoding=gsm), ONE),
        ("line breaks and quotes", a_content(body='a\r\nb\t"c"\\ <d>&', datacoding=gsm), ONE),
        ("500 recipients", a_content(datacoding=gsm), many),
        ("a number as sender", a_content(sender="46712345678", datacoding=gsm), ONE),
        ("a + before the sender", a_content(sender="+46712345678", datacoding=gsm), ONE),
        ("a template", a_content(body="Hi {name}", defaults={"name": "you", "": "x"}, datacoding=ucs), named),
        ("a template without defaults", a_content(body="Hi {name}", defaults={}, datacoding=gsm), named),
        ("flash", a_content(type=MessageType.FLASH, datacoding=gsm), ONE),
        ("priority", a_content(priority=Priority.HIGH, datacoding=gsm), ONE),
        ("tags", a_content(tags=("a", "å b"), datacoding=gsm), ONE),
        ("one tag", a_content(tags=("a",), datacoding=gsm), ONE),
        ("windows", a_content(windows=(Window(NOW, NOW + 1000), Window(None, NOW)), datacoding=gsm), ONE),
    ]


def dispatch_of(content: Content, recipients: tuple[Recipient, ...]) -> Dispatch:
    """A dispatch that carries all recipients."""
    messages: tuple[Message, ...] = tuple(
        a_message(number=1001 + n, recipient=recipient.msisdn, params=recipient.params)
        for n, recipient in enumerate(recipients)
    )
    return a_dispatch(messages=messages, batch=a_batch(size=len(messages), content=content))


@pytest.mark.parametrize(("label", "content", "recipients"), texts(), ids=[case[0] for case in texts()])
def test_what_leaves_is_what_comes_in(label: str, content: Content, recipients: tuple[Recipient, ...]) -> None:
    """Two gateways in a row lose nothing; the second one's reference and callback address are the first one's own."""
    hook = "https://sms.example.org/hooks/main/x"
    call = UPSTREAM.encode(dispatch_of(content, recipients), hook)

    inbound = FACE.decode(call._replace(path="/v2/batches", headers=CIMultiDict(call.headers)))

    reference = public_id(Kind.DISPATCH, NOW, 1001)
    assert inbound.command == SubmitBatch(content._replace(reference=reference, report_url=hook), recipients)
    assert inbound.credentials.key.get_secret_value() == TOKEN


def test_a_window_without_an_end_gets_the_providers() -> None:
    """What v2 makes of a window with no end is a week; the face says so when such a one comes from another face."""
    call = UPSTREAM.encode(dispatch_of(a_content(windows=(Window(NOW, None),)), ONE), None)

    assert submitted(call.body).content.windows == (Window(NOW, NOW + WEEK),)


def test_what_the_face_answers_is_what_the_upstream_reads() -> None:
    """Our own 201 is receipts, and our own id is what the upstream calls the dispatch."""
    dispatch = dispatch_of(a_content(), (*ONE, Recipient("461")))
    accepted = Accepted(dispatch.batch, (*ONE, Recipient("461")), (1, 1), ACCOUNT, DONE)
    reply, _ = answered(accepted, post(PLAIN))

    assert UPSTREAM.decode(reply, dispatch) == Receipts(
        BATCH_ID, (Receipt(1001, Status.QUEUED, "101"), Receipt(1002, Status.QUEUED, "101"))
    )


READ_BACK: list[tuple[GatewayError, type[SendError], Status]] = [
    (Unauthenticated(), WrongKey, Status.INTERNAL_ERROR),
    (NotFound(), Misconfigured, Status.INTERNAL_ERROR),
    (MethodNotAllowed(("POST",)), Misconfigured, Status.INTERNAL_ERROR),
    (UnsupportedMedia(), Misconfigured, Status.INTERNAL_ERROR),
    (Forbidden(), Refused, Status.GENERIC_REJECTED),
    (NoFunds(), Refused, Status.INSUFFICIENT_FUNDS),
    (TooLarge(9), Refused, Status.GENERIC_REJECTED),
    (TooLate(), Refused, Status.GENERIC_REJECTED),
    (Unconfirmed(), Unanswered, Status.UNKNOWN),
    (Busy(), Throttled, Status.DELIVERY_TO_GATEWAY_FAILED),
    (Malformed(), Refused, Status.GENERIC_REJECTED),
    (BadSender("", {"sender": ["x"]}), Refused, Status.INVALID_SENDER),
    (BadContent("", {"body": ["x"]}), Refused, Status.INVALID_CONTENT),
    (BadRecipient("", {"recipients": ["x"]}), Refused, Status.INVALID_RECIPIENT),
    (Internal(), Unanswered, Status.UNKNOWN),
    (Unsupported(), Unanswered, Status.UNKNOWN),
]


@pytest.mark.parametrize(("error", "kind", "status"), READ_BACK, ids=[type(case[0]).__name__ for case in READ_BACK])
def test_every_refusal_is_read_back(error: GatewayError, kind: type[SendError], status: Status) -> None:
    """What one gateway refuses, the next one in front of it understands."""
    reply = FACE.refuse(error, post(PLAIN), None)

    with pytest.raises(SendError) as caught:
        UPSTREAM.decode(reply, a_dispatch())
    assert (type(caught.value), caught.value.status) == (kind, status)


def test_the_adapter_declares_itself() -> None:
    """Its name, both directions, its reports, and which names are secrets."""
    assert (ADAPTER.name, ADAPTER.deprecated, ADAPTER.options) == ("rest_v2", None, RestV2Options)
    assert ADAPTER.secrets >= {"token", "authorization"}
    assert (ADAPTER.face, ADAPTER.upstream, ADAPTER.reports) == (RestV2Face, RestV2Upstream, RestV2Reports)


@pytest.mark.parametrize("opens", ["9999-12-31T00:00:00Z", "", 10**15, 0, 1_777_615_200, True, [], {}])
def test_a_window_lies_in_a_year_that_can_be_written(opens: object) -> None:
    """A time beyond what documents can say is refused, before a batch is stored that nobody could ever be shown.

    So is one that is no text: seconds or milliseconds, nobody could tell.
    """
    with pytest.raises(Malformed) as caught:
        wire.read_batch(
            {"sender": "iP1", "recipients": ["46712345678"], "body": "Hi", "deliveryWindows": [{"opens": opens}]}
        )

    assert list(caught.value.fields) == ["DeliveryWindows"]


# ---- looking for what was not answered ----

SENT = a_dispatch(sent_at=NOW)
REFERENCE = public_id(Kind.DISPATCH, NOW, 1001)
THEN = f"{NOW // 1000:08x}"


def listed(*batches: object) -> Reply:
    """A page of the provider's list."""
    return Reply(200, orjson.dumps(list(batches)))


def test_asks_for_the_newest_batches() -> None:
    """The documented paging: start, limit and order."""
    call = UPSTREAM.find(2)

    assert (call.method, call.path, call.query) == (
        "GET",
        "https://api.example/v2/batches",
        "start=100&limit=50&order=DESC",
    )
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"


OTHER = {"id": f"{THEN}000000000000000f", "status": 101, "reference": "order 7"}
OURS = {"id": f"{THEN}0000000000000001", "status": 111, "reference": REFERENCE}
AGO = {"id": f"{NOW // 1000 - 301:08x}0000000000000001", "status": 201, "reference": None}
RECORDS: list[tuple[str, Reply, Found]] = [
    (
        "it is there",
        listed(OTHER, OURS),
        Found(Receipts(OURS["id"], (Receipt(1001, Status.QUEUED, "111"),)), more=False),
    ),
    ("an empty list", listed(), Found(None, more=False)),
    ("a short page", listed(OTHER), Found(None, more=False)),
    ("a full page of younger ones", listed(*[OTHER] * 50), Found(None, more=True)),
    ("a full page that ends before it was sent", listed(*[OTHER] * 49, AGO), Found(None, more=False)),
    ("a full page without a single id", listed(*[{"id": "x"}] * 50), Found(None, more=True)),
    ("what is no batch", listed(None, 7, {"id": 5, "reference": REFERENCE}), Found(None, more=False)),
]


@pytest.mark.parametrize(("label", "reply", "found"), RECORDS, ids=[case[0] for case in RECORDS])
def test_finds_a_dispatch_by_our_reference(label: str, reply: Reply, found: Found) -> None:
    """Its receipts where it is there; further pages only while they are younger than what is looked for."""
    assert UPSTREAM.found(reply, SENT) == found


@pytest.mark.parametrize("reply", [Reply(404), Reply(401), Reply(500), Reply(200, b"{}"), Reply(200, b"<html>")])
def test_what_is_no_list_says_nothing(reply: Reply) -> None:
    """An upstream without such a list is no upstream that does not know it."""
    with pytest.raises(SendError):
        UPSTREAM.found(reply, SENT)
