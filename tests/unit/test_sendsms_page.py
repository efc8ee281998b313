"""The page `visastatus.aspx`: what a person is shown of an SMS, and what no page ever shows."""

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from builders import NOW, a_batch, a_content, a_message
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from adapters.sendsms.face import SendSmsFace
from adapters.sendsms.options import SendSmsOptions
from gateway.commands import GetMessage, MessageStatus
from gateway.errors import (
    Busy,
    Forbidden,
    GatewayError,
    Internal,
    Malformed,
    MethodNotAllowed,
    NotFound,
    RequestError,
    TooLarge,
    Unauthenticated,
)
from gateway.model import Account, StatusEntry
from gateway.ports import Call, Inbound, Reply
from gateway.status import Status

FACE = SendSmsFace()
PATH = "/visastatus.aspx"
ASKED = {"acc": "ip1-12345", "pass": "hemlig", "id": "1001"}
HOSTILE = "\"'><script>alert(1)</script>&amp;"
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def posted(**over: str) -> Call:
    """The form as a browser posts it."""
    return Call("POST", PATH, body=urlencode(ASKED | over).encode())


def got(**over: str) -> Call:
    """An address with everything in it, as an old bookmark has it."""
    return Call("GET", PATH, query=urlencode(ASKED | over))


def asked(call: Call, face: SendSmsFace = FACE) -> Inbound:
    """The question that a call asks."""
    decoded = face.decode(call)
    assert isinstance(decoded, Inbound)
    return decoded


def refused(call: Call) -> Reply:
    """The page that a call gets which is refused before or after its credentials were checked."""
    try:
        error = asked(call).command
    except RequestError as raised:
        error = raised
    assert isinstance(error, RequestError)
    return FACE.refuse(error, call, None)


def a_result(*history: StatusEntry, delayed: bool = False, recipient: str = "46712345678") -> MessageStatus:
    """An SMS with this history."""
    message = a_message(recipient=recipient, status=history[-1].status, modified=history[-1].created)
    account = Account("ip1-12345", "Org", "SEK", "46")
    return MessageStatus(a_batch(content=a_content(body="Din kod 4711")), message, history, account, delayed)


DELIVERED = a_result(
    StatusEntry(Status.ACCEPTED, NOW),
    StatusEntry(Status.SUBSCRIBER_OFFLINE, NOW + 2_000, "503", "handset off <b>", "main"),
    StatusEntry(Status.DELIVERED_TO_HANDSET, NOW + 60_999, "201", None, "main"),
)


def shown(result: MessageStatus, call: Call | None = None, face: SendSmsFace = FACE) -> Reply:
    """The page of an SMS."""
    call = call or posted()
    return face.encode(result, asked(call, face), call)


def cells(reply: Reply) -> list[list[str]]:
    """The rows of a page's table, the head first."""
    return [[cell.text_content() for cell in row] for row in html.fromstring(reply.body).iter("tr")]


def written(reply: Reply) -> dict[str, str | None]:
    """What the page's form is filled in with."""
    return {field.get("name"): field.get("value") for field in html.fromstring(reply.body).iter("input")}


def sentence(reply: Reply) -> str | None:
    """What the page says is wrong."""
    said = html.fromstring(reply.body).xpath("//*[@role='alert']")
    return said[0].text_content() if said else None


class Tags(HTMLParser):
    """Collects the tags of a page, with their attributes, and whatever was left open."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As the parser calls it."""
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """As the parser calls it; the tag that ends is the one opened last."""
        assert self.open.pop() == tag


PAGES = {
    "the empty form": lambda: FACE.decode(Call("GET", PATH)),
    "a result": lambda: shown(DELIVERED),
    "a refusal": lambda: refused(posted(id="x")),
    "a refusal of something hostile": lambda: refused(posted(id=HOSTILE, acc=HOSTILE)),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_is_html_that_runs_and_loads_nothing(page: object) -> None:
    """Every page is whole HTML5 in English, its form posts to itself, and it names nothing to fetch or to run."""
    assert callable(page)
    reply = page()

    assert {**reply.headers} == HEADERS
    text = reply.body.decode()
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">\n')
    read = Tags(text)
    assert read.open == []
    names = {name for name, _ in read.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "base", "a"}
    attributes = {attribute for _, attributes in read.tags for attribute in attributes}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"src", "href", "style"}
    (form,) = [attributes for name, attributes in read.tags if name == "form"]
    assert form == {"method": "post", "action": "visastatus.aspx"}
    assert [attributes.get("type") for name, attributes in read.tags if name == "input"] == [None, "password", None]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "acc=&pass=&id=", "lang=sv"])
def test_who_asks_nothing_gets_the_form(method: str, query: str) -> None:
    """An address without account, key and id is answered with an empty form, whoever asks."""
    reply = FACE.decode(Call(method, "/VisaStatus.aspx", query=query))

    assert isinstance(reply, Reply)
    assert reply.status == 200
    assert written(reply) == {"acc": "", "pass": None, "id": ""}
    assert sentence(reply) is None


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(posted(), id="the form"),
        pytest.param(got(), id="an old bookmark"),
        pytest.param(got()._replace(method="HEAD"), id="HEAD"),
        pytest.param(posted(id=" 1001\t"), id="an id with blanks around, as it is pasted"),
        pytest.param(posted()._replace(query="acc=a&pass=b&id=1"), id="a posted form, whatever its address says"),
        pytest.param(got()._replace(body=b"acc=a&pass=b&id=1"), id="an address, whatever its body says"),
        pytest.param(got()._replace(path="/VISASTATUS.ASPX"), id="the path in another letter case"),
        pytest.param(
            Call("POST", PATH, body=b"ACC=ip1-12345&Pass=hemlig&%49D=1001"), id="names in any letter case, escaped"
        ),
    ],
)
def test_asks_for_the_message(call: Call) -> None:
    """Form and bookmark ask for one SMS, with the caller's own credentials."""
    question = asked(call)

    assert question.command == GetMessage(1001)
    assert question.credentials.account == "ip1-12345"
    assert question.credentials.key.get_secret_value() == "hemlig"


@pytest.mark.parametrize(
    ("body", "account", "key"),
    [
        pytest.param(b"acc=%C3%A5keri&pass=n%C3%B6tl%C3%A5s&id=1001", "åkeri", "nötlås", id="UTF-8, as the form is"),
        pytest.param(b"acc=%E5keri&pass=n%F6tl%E5s&id=1001", "åkeri", "nötlås", id="Latin-1 of an old script"),
        pytest.param(b"acc=\xe5keri&pass=n\xf6tl%E5s&id=1001", "åkeri", "nötlås", id="raw bytes of Latin-1"),
        pytest.param("acc=åkeri&pass=nötlås&id=1001".encode(), "åkeri", "nötlås", id="raw bytes of UTF-8"),
    ],
)
def test_recovers_what_was_posted(body: bytes, account: str, key: str) -> None:
    """A body is read with the care that queries are."""
    credentials = asked(Call("POST", PATH, body=body)).credentials

    assert (credentials.account, credentials.key.get_secret_value()) == (account, key)


def test_a_pinned_charset_is_that_of_queries_alone() -> None:
    """The page's own form is UTF-8 whatever the account's queries are; a bookmark is such a query."""
    face = SendSmsFace(SendSmsOptions(charsets={"ip1-12345": "iso-8859-1"}))
    pair = "acc=ip1-12345&id=1001&pass=n%C3%B6t"

    assert asked(Call("POST", PATH, body=pair.encode()), face).credentials.key.get_secret_value() == "nöt"
    assert asked(Call("GET", PATH, query=pair), face).credentials.key.get_secret_value() == "nÃ¶t"


def test_shows_the_whole_history() -> None:
    """Every step stands there, newest last: local time with its offset, the older code, its words, v2's name."""
    reply = shown(DELIVERED)

    assert reply.status == 200
    assert cells(reply) == [
        ["Time (Europe/Stockholm)", "Code", "Meaning", "REST v2 status"],
        ["2018-10-23 19:43:19+02:00", "10", "Received by the gateway", "Accepted"],
        ["2018-10-23 19:43:21+02:00", "21", "Delivered to the GSM network", "SubscriberOffline"],
        ["2018-10-23 19:44:19+02:00", "22", "Delivered to the phone", "DeliveredToHandset"],
    ]
    told = html.fromstring(reply.body).xpath("//p")[0].text_content()
    assert told == "SMS 1001 to 46*******78, created 2018-10-23 19:43:19+02:00"


def test_shows_no_text_no_number_and_no_key() -> None:
    """The page tells how it went, not what was said to whom, and it hands no key to whoever reads over a shoulder."""
    for call in (posted(), got()):
        page = shown(DELIVERED, call).body.decode()

        assert not [secret for secret in ("4711", "46712345678", "hemlig", "handset off") if secret in page]


def test_the_form_keeps_account_and_id() -> None:
    """Whoever asks for the next SMS writes its id and the key alone."""
    assert written(shown(DELIVERED)) == {"acc": "ip1-12345", "pass": None, "id": "1001"}


def test_a_message_whose_time_has_not_come_is_delayed() -> None:
    """A message that waits for its window, here or at the provider, is the older code 11."""
    steps = (StatusEntry(Status.ACCEPTED, NOW), StatusEntry(Status.QUEUED, NOW))

    assert [row[1:] for row in cells(shown(a_result(*steps, delayed=True)))[1:]] == [
        ["11", "Delayed delivery", "Accepted"],
        ["11", "Delayed delivery", "Queued"],
    ]
    assert cells(shown(a_result(*steps)))[2][1:] == ["10", "Received by the gateway", "Queued"]


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        ("Europe/Stockholm", ["0001-01-01 01:12:12+01:12:12", "2026-10-25 02:30:00+01:00", "9999-12-31T23:59:59Z"]),
        ("America/New_York", ["0001-01-01T00:00:00Z", "2026-10-24 21:30:00-04:00", "9999-12-31 18:59:59-05:00"]),
    ],
)
def test_every_time_can_be_shown(zone: str, times: list[str]) -> None:
    """An hour that comes twice is told apart, and no report of an odd time keeps anybody from the page."""
    face = SendSmsFace(SendSmsOptions.model_validate({"time_zone": zone}))
    moments = (-62_135_596_800_000, 1_792_891_800_000, 253_402_300_799_000)
    history = [StatusEntry(Status.ACCEPTED, moment) for moment in moments]

    head, *rows = cells(shown(a_result(*history), face=face))

    assert head[0] == f"Time ({zone})"
    assert [row[0] for row in rows] == times


@pytest.mark.parametrize("status", Status, ids=lambda status: status.label)
def test_every_status_has_its_row(status: Status) -> None:
    """Whatever status there is, its name stands beside a code and its words."""
    *_, (_, code, words, label) = cells(shown(a_result(StatusEntry(status, NOW))))

    assert code.isdigit()
    assert words
    assert label == status.label


WRONG_KEY = "The credentials are missing or wrong, or may not be used from here."
NO_ID = "An SMS id is a number, as the answer to sending it gave it."
MISTAKEN = [
    ("no key", posted(**{"pass": ""}), 403, WRONG_KEY),
    ("no account", got(acc=""), 403, WRONG_KEY),
    ("an empty body", Call("POST", PATH), 403, WRONG_KEY),
    ("no id", posted(id=""), 400, NO_ID),
    ("a word for an id", got(id="abc"), 400, NO_ID),
    ("a negative id", posted(id="-1001"), 400, NO_ID),
    ("a fraction", posted(id="1001.0"), 400, NO_ID),
    ("a digit that counts nothing", posted(id="1001²"), 400, NO_ID),
    ("more digits than any id", posted(id="9" * 11), 400, NO_ID),
    ("a number larger than any id", posted(id="2147483648"), 400, NO_ID),
]


@pytest.mark.parametrize(("label", "call", "status", "said"), MISTAKEN, ids=[case[0] for case in MISTAKEN])
def test_a_mistake_is_told_above_the_form(label: str, call: Call, status: int, said: str) -> None:
    """What cannot be asked is answered with the form, what was written into it, and what to mend."""
    reply = refused(call)

    assert (reply.status, sentence(reply)) == (status, said)
    given = dict(pair.split("=") for pair in (call.query or call.body.decode()).split("&") if pair)
    kept = {name: given.get(name, "") for name in ("acc", "id")}
    assert {name: quote(value or "") for name, value in written(reply).items()} == {**kept, "pass": ""}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"acc=a&pass=b&id=" + b"9" * 4096, 413, id="a huge value"),
        pytest.param(b"&" * 1_000_000, 413, id="very many empty pairs"),
        pytest.param(b"&" * 1000, 400, id="more pairs than are read"),
    ],
)
def test_a_form_that_is_no_form_of_ours_is_not_read(body: bytes, status: int) -> None:
    """Whoever has no key may not make the gateway read long forms; the answer repeats nothing of them."""
    reply = refused(Call("POST", PATH, body=body))

    assert reply.status == status
    assert set(written(reply).values()) <= {"", None}


def test_the_page_repeats_the_beginning_of_a_value() -> None:
    """A long id does not come back as a long page."""
    assert written(refused(posted(id="9" * 3000)))["id"] == "9" * 100


def test_an_id_is_judged_after_the_credentials() -> None:
    """Nobody learns what ids look like without a key: the mistake waits in the question."""
    question = asked(posted(id="abc"))

    assert question.credentials.account == "ip1-12345"
    assert isinstance(question.command, Malformed)


REFUSED: list[tuple[GatewayError, int]] = [
    (Unauthenticated(), 403),
    (Forbidden(), 403),
    (NotFound("There is no SMS with this id"), 404),
    (MethodNotAllowed(["GET"]), 405),
    (TooLarge(1), 413),
    (Malformed(), 400),
    (Busy(), 503),
    (Internal(), 500),
    (GatewayError(), 500),
]


@pytest.mark.parametrize(("error", "status"), REFUSED, ids=[type(case[0]).__name__ for case in REFUSED])
def test_a_refusal_is_the_form_with_a_sentence(error: GatewayError, status: int) -> None:
    """Whatever the gateway refuses has a fitting HTTP status, and its words stand above the form."""
    reply = FACE.refuse(error, posted(), asked(posted()))

    assert (reply.status, sentence(reply)) == (status, f"{error.detail}.")
    assert written(reply) == {"acc": "ip1-12345", "pass": None, "id": "1001"}
    assert "hemlig" not in reply.body.decode()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post"])
def test_other_methods_are_refused(method: str) -> None:
    """The page knows GET, HEAD and POST, and says so; sendsms.aspx beside it takes any method."""
    reply = refused(posted()._replace(method=method))

    assert (reply.status, {**reply.headers}) == (405, {**HEADERS, "Allow": "GET, HEAD, POST"})
    assert sentence(reply) == "Use GET or HEAD or POST."
    assert isinstance(FACE.decode(Call(method, "/sendsms.aspx", query="acc=a&pass=b")), Inbound)


@pytest.mark.parametrize("make", [posted, got])
@pytest.mark.parametrize("field", ["acc", "id"])
def test_what_is_hostile_is_a_text_like_any_other(make: object, field: str) -> None:
    """Markup in what was written ends no attribute and starts no element; it is shown as it is."""
    assert callable(make)
    call = make(**{field: HOSTILE})
    for reply in (FACE.refuse(NotFound(), call, None), FACE.refuse(Unauthenticated(), call, None)):
        assert b"<script" not in reply.body.lower()
        assert written(reply)[field] == HOSTILE


def test_a_hostile_recipient_is_a_text_like_any_other() -> None:
    """Even what the store holds is escaped: a recipient is digits only as long as every face keeps to that."""
    reply = shown(a_result(StatusEntry(Status.ACCEPTED, NOW), recipient="<b"))

    assert b"<b" not in re.sub(rb"<(body|button)>", b"", reply.body)
    assert b"to &lt;b," in reply.body


PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["acc", "pass", "id", "ID", "X", ""]),
        st.text(alphabet="%u0D8+=;<>&\"'{}\x00åa1\udcff", max_size=20),
    ),
    max_size=6,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.one_of(st.text(), PAIRS), st.sampled_from(["GET", "POST"]))
def test_any_form_is_read_or_refused(text: str, method: str) -> None:
    """Nothing that is sent makes anything but a page or a question, and every page is the same elements."""
    body = text.encode("utf-8", "surrogateescape")
    call = Call(method, PATH, query=text) if method == "GET" else Call(method, PATH, body=body)
    try:
        decoded = FACE.decode(call)
    except Unauthenticated as error:
        decoded = FACE.refuse(error, call, None)
    if isinstance(decoded, Inbound):
        decoded = FACE.refuse(NotFound(), call, decoded)

    assert decoded.status in (200, 403, 404)
    names = [name for name, _ in Tags(decoded.body.decode()).tags]
    assert [name for name in names if name not in ("p", "strong")] == [
        *("html", "head", "meta", "meta", "title", "style", "body", "h1", "form"),
        *("label", "input", "label", "input", "label", "input", "button"),
    ]
