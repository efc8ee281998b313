"""What the REST v1 face reads from the clients that were seen, and the very bytes it answers."""

import base64
from collections.abc import Iterator

import orjson
import pytest
from builders import DONE
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rest_v1 import ADAPTER
from adapters.rest_v1.face import RestV1Face
from gateway.commands import Accepted, AccountStatus, GetAccount, GetMessage, MessageStatus, SubmitBatch
from gateway.errors import (
    BadRecipient,
    BadSender,
    Busy,
    Forbidden,
    GatewayError,
    Internal,
    Malformed,
    MethodNotAllowed,
    NoFunds,
    NotFound,
    Refused,
    RequestError,
    TooLarge,
    TooLate,
    Unauthenticated,
    UnsupportedMedia,
)
from gateway.model import Account, Batch, Content, DataCoding, Message, Recipient
from gateway.ports import Call, Inbound, Reply
from gateway.status import Status
from gateway.text import render

FACE = RestV1Face()
BASIC = "Basic aXAxLTEyMzQ1OkNuYlhGZnlUTTVCVEtoN3VOVg=="
HEADERS = {"Authorization": BASIC, "Content-Type": "application/json"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
ACCOUNT = Account("ip1-12345", "Firma AB", "SEK", "46")
CREATED = 1765855622589


def post(body: bytes, headers: dict[str, str] | None = None, path: str = "/api/sms/send") -> Call:
    """A call that posts an SMS."""
    return Call("POST", path, headers=HEADERS if headers is None else headers, body=body)


def get(path: str, headers: dict[str, str] | None = None) -> Call:
    """A call that asks for something."""
    return Call("GET", path, headers={"Authorization": BASIC} if headers is None else headers)


def submitted(body: bytes) -> SubmitBatch:
    """The batch that a posted body submits."""
    command = FACE.decode(post(body)).command
    assert isinstance(command, SubmitBatch)
    return command


def refusal(call: Call) -> RequestError:
    """The error that waits in a decoded call until its credentials were checked."""
    command = FACE.decode(call).command
    assert isinstance(command, RequestError)
    return command


def outcome(call: Call) -> Inbound | Reply:
    """The question that a call asks, or the refusal it is answered with."""
    try:
        question = FACE.decode(call)
    except RequestError as error:
        return FACE.refuse(error, call, None)
    if isinstance(question.command, RequestError):
        return FACE.refuse(question.command, call, question)
    return question


def batch_of(content: Content, size: int = 1) -> Batch:
    """A stored batch of that content."""
    return Batch(key=42487049, created=CREATED, account="a", caller="c", face="rest_v1", size=size, content=content)


@pytest.mark.parametrize(
    ("body", "sender", "text", "numbers"),
    [
        pytest.param(
            b'{"Numbers":["4673055555"],"From":"iP1","Message":"Test message via iP.1\'s REST API"}',
            "iP1",
            "Test message via iP.1's REST API",
            ["4673055555"],
            id="the provider's PHP sample",
        ),
        pytest.param(
            b'{"Numbers":["+14155552671","+14155552672"],"Contacts":[],"Groups":[],"Email":false,"Prio":1,'
            b'"From":"iP.1","Message":"Hello"}',
            "iP.1",
            "Hello",
            ["+14155552671", "+14155552672"],
            id="the order of the documented sample, with plus signs and a dot in the sender",
        ),
        pytest.param(
            b'{"Prio":1,"From":"iP1","Message":"Hej","Email":false,"Numbers":["46712345678"]}',
            "iP1",
            "Hej",
            ["46712345678"],
            id="the PHP SDK: Prio first, no Contacts and Groups unless there are some",
        ),
        pytest.param(
            b'{"Numbers":["46712345678"],"Contacts":null,"Groups":null,"Email":false,"Prio":0,"From":"iP1",'
            b'"Message":"Hej"}',
            "iP1",
            "Hej",
            ["46712345678"],
            id="the provider's C# sample: nulls, and a Prio that was never set",
        ),
        pytest.param(
            '{"Numbers":["46712345678"],"From":"Kyrkan","Message":"Gudstjänst på söndag"}'.encode(),
            "Kyrkan",
            "Gudstjänst på söndag",
            ["46712345678"],
            id="WHHN: three properties, UTF-8",
        ),
        pytest.param(
            b'{"numbers":["4670"],"FROM":"iP1","mEssage":"Hej"}',
            "iP1",
            "Hej",
            ["4670"],
            id="property names in any letter case",
        ),
        pytest.param(
            b'\xef\xbb\xbf{"Numbers":["4670"],"From":"iP1","Message":"Hej"}', "iP1", "Hej", ["4670"], id="a UTF-8 BOM"
        ),
        pytest.param(
            b'{"Numbers":[4670,"4671"],"From":46709,"Message":123}',
            "46709",
            "123",
            ["4670", "4671"],
            id="numbers where strings belong",
        ),
        pytest.param(
            b'{"Numbers":"4670","From":"iP1","Message":"Hej"}', "iP1", "Hej", ["4670"], id="one number without a list"
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej","Prio":"2","Email":"False","Contacts":"","Groups":[]}',
            "iP1",
            "Hej",
            ["4670"],
            id="values in quotes",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej","Prio":3,"Email":null,"Datum":{"a":[1.5]}}',
            "iP1",
            "Hej",
            ["4670"],
            id="Prio 3 and unknown properties are ignored",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej","Prio":null}', "iP1", "Hej", ["4670"], id="a null Prio"
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej","Prio":-1}', "iP1", "Hej", ["4670"], id="a negative Prio"
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej {namn}","Parameters":null}',
            "iP1",
            "Hej {namn}",
            ["4670"],
            id="null Parameters are no template",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":"iP1","Message":"Hej {namn}","Parameters":{}}',
            "iP1",
            "Hej {namn}",
            ["4670"],
            id="empty Parameters are no template",
        ),
        pytest.param(
            b'{"Numbers":null,"From":"","Message":""}', "", "", [], id="what is empty is left for the service to refuse"
        ),
        pytest.param(b'{"From":"iP1","Message":"Hej"}', "iP1", "Hej", [], id="so is a missing list of numbers"),
    ],
)
def test_reads_every_known_body(body: bytes, sender: str, text: str, numbers: list[str]) -> None:
    """Whatever order and types a real client uses (reference sections 2.1 and 2.3), its message is read whole."""
    command = submitted(body)
    assert command.content == Content(sender=sender, body=text)
    assert command.recipients == tuple(Recipient(number) for number in numbers)
    assert command.loose is True


@pytest.mark.parametrize(
    ("text", "parameters", "rendered"),
    [
        pytest.param(
            "{: Hello {title} {lastName}, how are you? :}",
            {"4610606060": {"title": "Sir", "lastName": "Newton"}, "default": {"lastName": "Friend"}},
            ["{: Hello Sir Newton, how are you? :}", "{: Hello  Friend, how are you? :}"],
            id="the documented sample: own value, else default, else empty, other brackets untouched",
        ),
        pytest.param(
            "{a} {b}",
            {"4610606060": {"a": "1"}},
            ["1 {b}", " {b}"],
            id="an argument that nobody gives is left as it stands",
        ),
        pytest.param("{a}", {"default": {}}, ["{a}", "{a}"], id="an empty default gives nothing"),
        pytest.param("{a}", {"4610606060": None}, ["{a}", "{a}"], id="null instead of arguments gives nothing"),
        pytest.param("{A}{a}", {"default": {"a": "1"}}, ["{A}1", "{A}1"], id="names are case-sensitive"),
        pytest.param("{a}", {"+4610606060": {"a": "1"}}, ["1", ""], id="a plus in the key and none in the number"),
        pytest.param("{a}", {"46769447696": {"a": "1"}}, ["", "1"], id="a plus in the number and none in the key"),
        pytest.param("{a}", {"0046 10-60 60 60": {"a": "1"}}, ["1", ""], id="a key in another spelling"),
        pytest.param("{n}{x}", {"default": {"n": 7, "x": None}}, ["7", "7"], id="a number; null is the empty string"),
        pytest.param(
            "{email}!", {"default": {"email": "a@b.se"}}, ["a@b.se!", "a@b.se!"], id="email is an argument too"
        ),
        pytest.param("{a}", {"46999": {"a": "1"}}, ["", ""], id="arguments of a number that is no recipient count"),
        pytest.param("{a}", {"default": {"a": "{b}", "b": "2"}}, ["{b}", "{b}"], id="values are not templates"),
        pytest.param("{förnamn}", {"default": {"förnamn": "Åsa"}}, ["Åsa", "Åsa"], id="names outside ASCII"),
        pytest.param("Hej", {"default": {"first-name": "Åsa"}}, ["Hej", "Hej"], id="an odd name that is not used"),
    ],
)
def test_templates_render_as_documented(text: str, parameters: object, rendered: list[str]) -> None:
    """The core's `render` gives each recipient the text that REST v1's templating rule promises."""
    document = {
        "From": "TestNOS",
        "Numbers": ["4610606060", "+46769447696"],
        "Message": text,
        "Parameters": parameters,
    }
    command = submitted(orjson.dumps(document))
    defaults = command.content.defaults
    assert defaults is not None
    assert [render(command.content.body, recipient.params, defaults) for recipient in command.recipients] == rendered


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param(b"", {}, id="an empty body"),
        pytest.param(b"{", {}, id="half a body"),
        pytest.param(b'{"Message":"\xe5"}', {}, id="Latin-1"),
        pytest.param(b'{"Message":"\\ud83d"}', {}, id="half a surrogate pair"),
        pytest.param(b"[" * 5000, {}, id="endless nesting"),
        pytest.param(b"[]", {}, id="a list"),
        pytest.param(b"null", {}, id="null"),
        pytest.param(
            b'{"Numbers":["4670"]}',
            {"From": ["From is required"], "Message": ["Message is required"]},
            id="no sender and no text: both are told",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":100.0,"Message":12345678901234567890123}',
            {"From": ["From must be a string"], "Message": ["Message must be a string"]},
            id="numbers whose digits are lost",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"From":true,"Message":1.5}',
            {"From": ["From must be a string"], "Message": ["Message must be a string"]},
            id="values that are no strings",
        ),
        pytest.param(
            b'{"Numbers":["4670",null],"From":"a","Message":"b"}',
            {"Numbers": ["Numbers must be a list of strings"]},
            id="null among the numbers",
        ),
        pytest.param(
            b'{"Numbers":{"4670":1},"From":"a","Message":"b"}',
            {"Numbers": ["Numbers must be a list of strings"]},
            id="numbers as an object",
        ),
        pytest.param(
            b'{"Contacts":["x"],"From":"a","Message":"b"}',
            {"Contacts": ["Contacts must be a list of ids"]},
            id="contacts cannot be carried",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Groups":[true],"From":"a","Message":"b"}',
            {"Groups": ["Groups must be a list of ids"]},
            id="groups cannot be carried, not even beside numbers",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Email":true,"From":"a","Message":"b"}',
            {"Email": ["E-mail copies cannot be sent from here; leave Email out or false"]},
            id="e-mail copies cannot be carried",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"email":"True","From":"a","Message":"b"}',
            {"Email": ["E-mail copies cannot be sent from here; leave Email out or false"]},
            id="e-mail copies asked for in quotes",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Prio":"high","From":"a","Message":"b"}',
            {"Prio": ["Prio must be a whole number"]},
            id="Prio as a word",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Parameters":["x"],"From":"a","Message":"b"}',
            {"Parameters": ["Parameters must hold an object of arguments for each number, or for default"]},
            id="Parameters as a list",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Parameters":{"4670":"x"},"From":"a","Message":"b"}',
            {"Parameters": ["Parameters must hold an object of arguments for each number, or for default"]},
            id="a string instead of arguments",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Parameters":{"4670":{"x":12345678901234567890123}},"From":"a","Message":"{x}"}',
            {"Parameters": ["Template arguments must be strings"]},
            id="a reference of more digits than are kept",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Parameters":{"4670":{"x":1.50}},"From":"a","Message":"{x}"}',
            {"Parameters": ["Template arguments must be strings"]},
            id="a decimal argument, whose digits would change",
        ),
        pytest.param(
            b'{"Numbers":["4670"],"Parameters":{"4670":{"first-name":"x"}},"From":"a","Message":"{first-name}"}',
            {"Parameters": ["A template argument may be named with letters, digits and underscores only"]},
            id="an argument name that could not be replaced",
        ),
    ],
)
def test_refuses_malformed_bodies(body: bytes, fields: dict[str, list[str]]) -> None:
    """What cannot be read or carried is refused, with every problem under its property."""
    error = refusal(post(body))
    assert type(error) is Malformed
    assert error.fields == fields
    assert FACE.refuse(error, post(body), None).status == 400


def encoded(pair: str, charset: str = "utf-8") -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(pair.encode(charset)).decode()


@pytest.mark.parametrize(
    ("header", "account", "key"),
    [
        pytest.param(BASIC, "ip1-12345", "CnbXFfyTM5BTKh7uNV", id="the documented Basic header"),
        pytest.param("bAsIc  aXAxLTE6bjR4", "ip1-1", "n4x", id="the scheme in any letter case, more blanks"),
        pytest.param(encoded("ip1-1:a:b"), "ip1-1", "a:b", id="a colon in the key"),
        pytest.param(encoded("ip1-1:nyckelå"), "ip1-1", "nyckelå", id="a key in UTF-8"),
        pytest.param(encoded("ip1-1:nyckelå", "latin-1"), "ip1-1", "nyckelå", id="a key in Latin-1"),
        pytest.param("Bearer abc.DEF", None, "abc.DEF", id="Bearer"),
        pytest.param("bearer  abc ", None, "abc", id="bearer in lower case, more blanks"),
    ],
)
def test_reads_credentials(header: str, account: str | None, key: str) -> None:
    """HTTP Basic with account and key, or Bearer with the key alone."""
    question = FACE.decode(get("/api/me", {"Authorization": header}))
    assert question.credentials.account == account
    assert question.credentials.key.get_secret_value() == key
    assert key not in repr(question)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no header"),
        pytest.param({"Authorization": ""}, id="an empty header"),
        pytest.param({"Authorization": "Basic"}, id="a scheme alone"),
        pytest.param({"Authorization": "Digest abc"}, id="another scheme"),
        pytest.param({"Authorization": "Basic a"}, id="no base64"),
        pytest.param({"Authorization": "Basic å"}, id="no ASCII"),
        pytest.param({"Authorization": encoded("ip1-12345")}, id="no colon"),
        pytest.param({"Authorization": encoded("ip1-12345:")}, id="no key"),
        pytest.param({"Authorization": encoded(":key")}, id="no account"),
    ],
)
def test_refuses_without_credentials(headers: dict[str, str]) -> None:
    """Without credentials nothing is read, and 401 says which scheme to use."""
    call = post(b"", headers)
    with pytest.raises(Unauthenticated) as caught:
        FACE.decode(call)
    reply = FACE.refuse(caught.value, call, None)
    assert (reply.status, dict(reply.headers)) == (401, JSON | {"WWW-Authenticate": 'Basic realm="api"'})


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; utf8",
        "Text/JSON",
        "application/x+json",
    ],
)
def test_reads_json_media_types(media: str) -> None:
    """JSON under each of its names; the provider's own page writes `application/json; utf8`."""
    body = b'{"Numbers":["4670"],"From":"a","Message":"b"}'
    assert isinstance(FACE.decode(post(body, {**HEADERS, "Content-Type": media})).command, SubmitBatch)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no Content-Type"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="a form"),
        pytest.param({"Content-Type": "text/plain"}, id="plain text"),
        pytest.param({"Content-Type": "+json"}, id="no media type"),
        pytest.param({"Content-Type": "application/jsonp"}, id="something that begins alike"),
    ],
)
def test_refuses_other_media_types(headers: dict[str, str]) -> None:
    """Anything else, and no Content-Type at all, is documented to answer 415."""
    call = post(b'{"Numbers":["4670"],"From":"a","Message":"b"}', {"Authorization": BASIC, **headers})
    error = refusal(call)
    assert isinstance(error, UnsupportedMedia)
    assert FACE.refuse(error, call, None).status == 415


@pytest.mark.parametrize(
    ("path", "command"),
    [
        pytest.param("/api/sms/sent/42487049", GetMessage(42487049), id="one sent SMS"),
        pytest.param("/API/Sms/Sent/7/", GetMessage(7), id="any letter case, a slash at the end"),
        pytest.param("/api/sms/sent/2147483647", GetMessage(2147483647), id="the largest id"),
        pytest.param("/api/me", GetAccount(), id="the account"),
        pytest.param("/api/ME/", GetAccount(), id="the account, any letter case, a slash at the end"),
    ],
)
def test_routes_questions(path: str, command: object) -> None:
    """Paths are matched without regard to case, and a slash at the end does not matter."""
    assert FACE.decode(get(path)).command == command


def test_routes_sending_in_any_case() -> None:
    """The path to send at is matched like the others."""
    call = post(b'{"Numbers":["4670"],"From":"a","Message":"b"}', path="/Api/SMS/Send/")
    assert isinstance(FACE.decode(call).command, SubmitBatch)


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/surveys", "/api/sms/sent/bundle/7/8", "/api/me/children", "/apix/me"],
)
def test_answers_404_where_nothing_is(path: str) -> None:
    """An unknown path is not found, with credentials or without."""
    with pytest.raises(NotFound) as caught:
        FACE.decode(get(path, {}))
    assert FACE.refuse(caught.value, get(path), None).status == 404


@pytest.mark.parametrize("id_", ["abc", "-1", "2147483648", "٣", "99999999999", "1.0"])
def test_answers_404_for_impossible_ids(id_: str) -> None:
    """An id that is no int32 belongs to no SMS."""
    assert isinstance(refusal(get(f"/api/sms/sent/{id_}")), NotFound)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/api/sms/send", "POST"), ("DELETE", "/api/sms/sent/7", "GET"), ("POST", "/api/me/", "GET")],
)
def test_answers_405_for_other_methods(method: str, path: str, allow: str) -> None:
    """A known path with another method says which one it takes."""
    call = Call(method, path)
    with pytest.raises(MethodNotAllowed) as caught:
        FACE.decode(call)
    reply = FACE.refuse(caught.value, call, None)
    assert (reply.status, dict(reply.headers)) == (405, JSON | {"Allow": allow})


def test_answers_one_sms() -> None:
    """One recipient: a list of one object in the documented property order, BundleID null."""
    call = post(b'{"Numbers":["46712345678"],"From":"iP1","Message":"Hej"}')
    question = FACE.decode(call)
    result = Accepted(batch_of(Content(sender="iP1", body="Hej")), (Recipient("46712345678"),), (1,), ACCOUNT, DONE)
    reply = FACE.encode(result, question, call)
    assert (reply.status, dict(reply.headers)) == (200, JSON)
    assert reply.body == (
        b'[{"ID":42487049,"BundleID":null,"Status":10,"StatusDescription":"Received by the gateway",'
        b'"To":"46712345678","CountryCode":null,"Currency":"SEK","TotalPrice":0.0,"Price":0.0,"Encoding":"GSM7",'
        b'"Segments":1,"Prio":1,"From":"iP1","Message":"Hej"}]'
    )


def test_answers_several_templated_sms() -> None:
    """Several recipients: one object each with its own id and text, and the first id as their bundle."""
    body = (
        '{"Numbers":["4671","4672"],"From":"iP1","Message":"Hej {namn}{x}","Parameters":{"4671":{"namn":"Åsa 😀"},'
        '"default":{"namn":"du"}}}'
    ).encode()
    command = submitted(body)
    result = Accepted(batch_of(command.content, 2), command.recipients, (1, 2), ACCOUNT, DONE)
    documents = orjson.loads(FACE.encode(result, FACE.decode(post(body)), post(body)).body)
    assert [
        (sms["ID"], sms["BundleID"], sms["To"], sms["Message"], sms["Encoding"], sms["Segments"]) for sms in documents
    ] == [
        (42487049, 42487049, "4671", "Hej Åsa 😀{x}", "UCS2", 1),
        (42487050, 42487049, "4672", "Hej du{x}", "GSM7", 2),
    ]


def test_answers_a_logged_sms() -> None:
    """A sent SMS: the four dates first, then the same properties; the price for all of it and for a segment."""
    message = Message(
        number=42487050,
        recipient="46712345678",
        segments=3,
        status=Status.DELIVERED_TO_HANDSET,
        modified=CREATED + 61_001,
        price="0.1248",
        currency="EUR",
    )
    content = Content(sender="iP1", body="Hej", datacoding=DataCoding.UCS)
    result = MessageStatus(batch_of(content), message, (), ACCOUNT, delayed=False)
    call = get("/api/sms/sent/42487050")
    reply = FACE.encode(result, FACE.decode(call), call)
    assert (reply.status, dict(reply.headers)) == (200, JSON)
    assert reply.body == (
        b'{"Created":"2025-12-16T03:27:02.5890000+00:00","CreatedDate":"2025-12-16T03:27:02.5890000+00:00",'
        b'"Modified":"2025-12-16T03:28:03.5900000+00:00","UpdatedDate":"2025-12-16T03:28:03.5900000+00:00",'
        b'"ID":42487050,"BundleID":null,"Status":22,"StatusDescription":"Delivered to the phone","To":"46712345678",'
        b'"CountryCode":null,"Currency":"EUR","TotalPrice":0.1248,"Price":0.0416,"Encoding":"UCS2","Segments":3,'
        b'"Prio":1,"From":"iP1","Message":"Hej"}'
    )


@pytest.mark.parametrize(
    ("status", "delayed", "code", "words"),
    [
        (Status.QUEUED, False, 10, "Received by the gateway"),
        (Status.QUEUED, True, 11, "Delayed delivery"),
        (Status.ACCEPTED, True, 11, "Delayed delivery"),
        (Status.DELIVERED_TO_GSM, False, 21, "Delivered to the GSM network"),
        (Status.DELIVERY_TO_HANDSET_FAILED, False, 52, "Delivery to phone failed"),
    ],
)
def test_tells_the_legacy_status(status: Status, delayed: bool, code: int, words: str) -> None:  # noqa: FBT001
    """A message's status is told in the legacy codes and the provider's words for them."""
    message = Message(number=2000, recipient="4670", segments=1, status=status, modified=CREATED)
    result = MessageStatus(batch_of(Content(sender="a", body="b")), message, (), ACCOUNT, delayed=delayed)
    call = get("/api/sms/sent/2000")
    document = orjson.loads(FACE.encode(result, FACE.decode(call), call).body)
    assert (document["Status"], document["StatusDescription"]) == (code, words)


@pytest.mark.parametrize(
    ("country", "balance", "body"),
    [
        (
            "46",
            "-12.50",
            '{"Account":"ip1-12345","Organization":"Firma AB","Type":"Swedish","Balance":-12.50,"Currency":"SEK"}',
        ),
        (
            "47",
            "7",
            '{"Account":"ip1-12345","Organization":"Firma AB","Type":"International","Balance":7,"Currency":"SEK"}',
        ),
    ],
)
def test_answers_the_account(country: str, balance: str, body: str) -> None:
    """The account in the documented property order; the balance may be negative."""
    result = AccountStatus(Account("ip1-12345", "Firma AB", "EUR", country), balance, "SEK")
    reply = FACE.encode(result, FACE.decode(get("/api/me")), get("/api/me"))
    assert (reply.status, reply.body.decode(), dict(reply.headers)) == (200, body, JSON)


@pytest.mark.parametrize(
    ("error", "status", "body", "headers"),
    [
        pytest.param(
            NoFunds(), 403, b'{"Message":"Insufficient credits"}', {}, id="no credits, as the C# sample expects"
        ),
        pytest.param(Forbidden("Not yours"), 403, b'{"Message":"Not yours"}', {}, id="forbidden"),
        pytest.param(TooLate("All has left"), 409, b'{"Message":"All has left"}', {}, id="too late to cancel"),
        pytest.param(TooLarge(9), 413, b'{"Message":"The request body is larger than 9 bytes"}', {}, id="too large"),
        pytest.param(
            BadRecipient("No number", {"recipients": ["Name one"]}),
            400,
            b'{"Message":"No number","ModelState":{"Numbers":["Name one"]}}',
            {},
            id="the service's field names become this protocol's",
        ),
        pytest.param(BadSender("No sender"), 400, b'{"Message":"No sender"}', {}, id="no ModelState without fields"),
        pytest.param(
            Busy(),
            503,
            b'{"Message":"The gateway cannot store the request now; nothing was kept, try again later"}',
            {"Retry-After": "1"},
            id="busy",
        ),
        pytest.param(
            Internal(), 500, b'{"Message":"Something went wrong in the gateway; its log says what"}', {}, id="internal"
        ),
    ],
)
def test_refuses_in_its_own_words(error: GatewayError, status: int, body: bytes, headers: dict[str, str]) -> None:
    """The HTTP status and the error object that clients of REST v1 read."""
    reply = FACE.refuse(error, get("/api/me"), None)
    assert (reply.status, reply.body, dict(reply.headers)) == (status, body, JSON | headers)


def every_error() -> Iterator[GatewayError]:
    """One error of each class in the tree."""
    special = {
        MethodNotAllowed: MethodNotAllowed(["GET"]),
        TooLarge: TooLarge(1),
        Refused: Refused(Status.INTERNAL_ERROR, "9"),
    }
    kinds: list[type[GatewayError]] = [GatewayError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        yield special.get(kind) or kind()


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: type(error).__name__)
def test_every_error_is_an_error_object(error: GatewayError) -> None:
    """Every error answers 400 or more and an object whose Message is a sentence, never an ID or a Status."""
    reply = FACE.refuse(error, get("/api/me"), None)
    document = orjson.loads(reply.body)
    assert 400 <= reply.status <= 504
    assert list(document) == ["Message"]
    assert document["Message"]
    assert reply.headers["Content-Type"] == JSON["Content-Type"]


def test_adapter_declares_itself() -> None:
    """The adapter is named, withdrawn on 2025-10-29, and takes everything under /api/."""
    assert (ADAPTER.name, ADAPTER.deprecated, ADAPTER.face) == ("rest_v1", None, RestV1Face)
    assert (FACE.mounts, FACE.max_body) == (("/api/",), 4194304)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["Numbers", "Contacts", "Groups", "Email", "Prio", "From", "message", "Parameters", "x"])
SENSIBLE = {"Numbers": ["4670"], "From": "iP1", "Message": "Hej {a}", "Parameters": {"4670": {"a": "1"}}}
BODIES = st.one_of(
    st.binary(max_size=50),
    VALUES.map(orjson.dumps),
    st.dictionaries(NAMES, VALUES, max_size=3).map(lambda odd: orjson.dumps(SENSIBLE | odd)),
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(BODIES)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """No body makes anything but a question or a RequestError, and what is refused is told in JSON."""
    result = outcome(post(body))
    assert isinstance(result, Inbound) or orjson.loads(result.body)["Message"]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT"]),
    st.sampled_from(["", "sms/send", "sms/sent/", "me"]),
    st.text(max_size=12),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_any_call_is_read_or_refused(method: str, head: str, tail: str, header: str, media: str) -> None:
    """No path and no header makes anything but a question or a RequestError."""
    for authorization in (header, f"Basic {header}", BASIC):
        call = Call(method, f"/api/{head}{tail}", headers={"Authorization": authorization, "Content-Type": media})
        result = outcome(call)
        assert isinstance(result, Inbound) or orjson.loads(result.body)["Message"]
