"""REST v1's two-factor codes: what is read of a request, and the very bytes that are answered."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rest_v1.face import RestV1Face
from gateway.commands import (
    Answer,
    CheckPasscode,
    GetPasscodeSettings,
    PasscodeSent,
    PasscodeSettings,
    PasscodeValid,
    SendPasscode,
    SetPasscodeSettings,
)
from gateway.errors import Malformed, MethodNotAllowed, RequestError, UnsupportedMedia
from gateway.ports import Call, Inbound

FACE = RestV1Face()
HEADERS = {"Authorization": "Basic aXAxLTEyMzQ1OkNuYlhGZnlUTTVCVEtoN3VOVg==", "Content-Type": "application/json"}
CREATED = 1765855622589
AT = "/api/authentications"


def decoded(method: str, path: str, body: bytes = b"") -> Inbound:
    """The question that a call asks."""
    question = FACE.decode(Call(method, path, headers=HEADERS, body=body))
    assert isinstance(question, Inbound)
    return question


def problems(method: str, path: str, body: bytes) -> dict[str, list[str]]:
    """What a client reads that is wrong with single properties."""
    question = decoded(method, path, body)
    assert isinstance(question.command, Malformed)
    reply = FACE.refuse(question.command, Call(method, path), question)
    assert reply.status == 400
    found: dict[str, list[str]] = orjson.loads(reply.body).get("ModelState", {})
    return found


REQUESTS = [
    pytest.param(b'{"Phone":"+46700000001"}', SendPasscode("+46700000001"), id="a phone alone"),
    pytest.param(
        b'{"Phone":"46700000001","From":"iP1","MessageFormat":"Code: {0}","Length":"6","ExpirationTime":"1200"}',
        SendPasscode("46700000001", PasscodeSettings(None, "iP1", "Code: {0}", 6, 1200, None)),
        id="the provider's C# sample: numbers are strings",
    ),
    pytest.param(
        b'{"phone":46700000001,"LENGTH":25,"expirationtime":86400,"NumericOnly":true,"x":1}',
        SendPasscode("46700000001", PasscodeSettings(None, None, None, 25, 86400, True)),
        id="numbers as numbers, any letter case, what is not known ignored",
    ),
    pytest.param(
        b'{"Phone":"070","From":null,"MessageFormat":null,"Length":null,"ExpirationTime":null,"NumericOnly":"False"}',
        SendPasscode("070", PasscodeSettings(numeric=False)),
        id="nulls, and a truth as a string",
    ),
    pytest.param(
        b'{"Phone":"070","Length":" 3 ","ExpirationTime":1,"ConcurrentLimit":"no"}',
        SendPasscode("070", PasscodeSettings(length=3, lifetime=1)),
        id="the least of everything, and the limit is none of a request's",
    ),
]


@pytest.mark.parametrize(("body", "command"), REQUESTS)
def test_a_request_for_a_code_is_read(body: bytes, command: SendPasscode) -> None:
    """Documented properties with their bounds, and what the provider's own sample sends."""
    assert decoded("POST", AT, body).command == command
    assert decoded("POST", "/Api/Authentications/", body).command == command


WRONG = [
    (b"{}", {"Phone": ["Phone is required"]}),
    (b'{"Phone":null,"Length":2}', ["Phone", "Length"]),
    (b'{"Phone":""}', ["Phone"]),
    (b'{"Phone":{}}', ["Phone"]),
    (b'{"Phone":"1","Length":26}', {"Length": ["Length must be a whole number from 3 to 25"]}),
    (b'{"Phone":"1","Length":"5.0"}', ["Length"]),
    (b'{"Phone":"1","Length":5.5}', ["Length"]),
    (b'{"Phone":"1","Length":true}', ["Length"]),
    (b'{"Phone":"1","Length":"\xd9\xa3"}', ["Length"]),
    (b'{"Phone":"1","Length":"' + b"9" * 5000 + b'"}', ["Length"]),
    (b'{"Phone":"1","ExpirationTime":0}', ["ExpirationTime"]),
    (b'{"Phone":"1","ExpirationTime":86401}', ["ExpirationTime"]),
    (b'{"Phone":"1","ExpirationTime":-5}', ["ExpirationTime"]),
    (b'{"Phone":"1","NumericOnly":"yes"}', {"NumericOnly": ["NumericOnly must be true or false"]}),
    (b'{"Phone":"1","NumericOnly":1}', ["NumericOnly"]),
    (
        b'{"Phone":"1","MessageFormat":"Your code"}',
        {"MessageFormat": ["MessageFormat must contain {0}, where the code goes"]},
    ),
    (b'{"Phone":"1","MessageFormat":"{0}' + b"x" * 2000 + b'"}', ["MessageFormat"]),
    (b'{"Phone":"1","MessageFormat":"{0}\\u0000"}', ["MessageFormat"]),
    (b'{"Phone":"1","From":[]}', ["From"]),
    (b'{"Phone":"1","From":"' + b"x" * 101 + b'"}', ["From"]),
    (b"[]", {}),
    (b"{", {}),
    (b"", {}),
]


@pytest.mark.parametrize(("body", "said"), WRONG)
def test_a_wrong_request_is_told_what_is_wrong(body: bytes, said: dict[str, list[str]] | list[str]) -> None:
    """Every property that is wrong is named, with what to do about it."""
    found = problems("POST", AT, body)

    assert found == said if isinstance(said, dict) else list(found) == said


def test_a_code_to_check_is_read() -> None:
    """Phone and code, both needed; a code of digits may come as a number."""
    path = f"{AT}/validate"

    assert decoded("POST", path, b'{"Phone":"+4670","Code":"AB2CD"}').command == CheckPasscode("+4670", "AB2CD")
    assert decoded("POST", path, b'{"phone":4670,"code":12345}').command == CheckPasscode("4670", "12345")
    assert problems("POST", path, b"{}") == {"Phone": ["Phone is required"], "Code": ["Code is required"]}
    assert list(problems("POST", path, b'{"Phone":"4670","Code":"' + b"1" * 101 + b'"}')) == ["Code"]


def test_settings_are_read() -> None:
    """All of them are set at once: what is null or left out is unset."""
    path = f"{AT}/settings"
    whole = (
        b'{"ConcurrentLimit":"3","From":"Bank","MessageFormat":"{0}!","Length":4,"ExpirationTime":60,'
        b'"NumericOnly":true}'
    )

    assert decoded("GET", path).command == GetPasscodeSettings()
    assert decoded("PUT", path, whole).command == SetPasscodeSettings(PasscodeSettings(3, "Bank", "{0}!", 4, 60, True))
    assert decoded("PUT", path, b'{"Length":null}').command == SetPasscodeSettings(PasscodeSettings())
    assert list(problems("PUT", path, b'{"ConcurrentLimit":0}')) == ["ConcurrentLimit"]
    assert list(problems("PUT", path, b'{"ConcurrentLimit":101,"MessageFormat":"x"}')) == [
        "MessageFormat",
        "ConcurrentLimit",
    ]


ANSWERS: list[tuple[Answer, tuple[str, str], bytes]] = [
    (
        PasscodeSent(1001, "46700000001", CREATED, CREATED + 1200_000),
        ("POST", AT),
        (
            b'{"ID":1001,"Phone":"46700000001","Created":"2025-12-16T03:27:02.5890000+00:00",'
            b'"Expires":"2025-12-16T03:47:02.5890000+00:00"}'
        ),
    ),
    (PasscodeValid("46700000001"), ("POST", f"{AT}/validate"), b'{"Phone":"46700000001","IsValid":true}'),
    (
        PasscodeSettings(3, "Bank", "{0}!", 4, 60, False),
        ("PUT", f"{AT}/settings"),
        b'{"ConcurrentLimit":3,"From":"Bank","MessageFormat":"{0}!","Length":4,"ExpirationTime":60,"NumericOnly":false}',
    ),
    (
        PasscodeSettings(),
        ("GET", f"{AT}/settings"),
        (
            b'{"ConcurrentLimit":null,"From":null,"MessageFormat":null,"Length":null,"ExpirationTime":null,'
            b'"NumericOnly":null}'
        ),
    ),
]


@pytest.mark.parametrize(("answer", "asked", "body"), ANSWERS, ids=["sent", "valid", "settings", "nothing set"])
def test_answers_are_objects_in_pascal_case(answer: Answer, asked: tuple[str, str], body: bytes) -> None:
    """Each answer has its properties in one order; none of them is the code."""
    method, path = asked
    reply = FACE.encode(answer, decoded(method, path, b'{"Phone":"+46700000001","Code":"x"}'), Call(method, path))

    assert (reply.status, reply.body) == (200, body)


def test_what_is_wrong_with_the_message_is_told_of_the_request() -> None:
    """The names in an error are those that the client wrote."""
    error = Malformed("no", {"format": ["a"], "msisdn": ["b"], "sender": ["c"], "code": ["d"]})

    document = orjson.loads(FACE.refuse(error, Call("POST", AT), None).body)
    assert document["ModelState"] == {"MessageFormat": ["a"], "Phone": ["b"], "From": ["c"], "Code": ["d"]}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", AT, "POST"), ("GET", f"{AT}/validate", "POST"), ("POST", f"{AT}/settings", "GET, PUT")],
)
def test_other_methods_are_refused(method: str, path: str, allow: str) -> None:
    """A known path says which methods it takes."""
    with pytest.raises(MethodNotAllowed) as caught:
        FACE.decode(Call(method, path, headers=HEADERS))

    assert FACE.refuse(caught.value, Call(method, path), None).headers["Allow"] == allow


@pytest.mark.parametrize("method_and_path", [("POST", AT), ("POST", f"{AT}/validate"), ("PUT", f"{AT}/settings")])
def test_a_body_must_say_that_it_is_json(method_and_path: tuple[str, str]) -> None:
    """As for an SMS."""
    method, path = method_and_path
    question = FACE.decode(Call(method, path, headers=HEADERS | {"Content-Type": "text/plain"}, body=b"{}"))

    assert isinstance(question, Inbound)
    assert isinstance(question.command, UnsupportedMedia)


NAMES = ("Phone", "Code", "From", "MessageFormat", "Length", "ExpirationTime", "NumericOnly", "ConcurrentLimit")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.lists(st.none(), max_size=1),
    st.just("{0}"),
    st.just({}),
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.sampled_from([("POST", AT), ("POST", f"{AT}/validate"), ("PUT", f"{AT}/settings")]),
    st.dictionaries(st.sampled_from(NAMES), VALUES).map(orjson.dumps) | st.binary(max_size=30),
)
def test_any_body_is_read_or_refused(to: tuple[str, str], body: bytes) -> None:
    """No body makes anything but a command or a RequestError with words for it."""
    question = decoded(*to, body)

    if isinstance(question.command, RequestError):
        assert orjson.loads(FACE.refuse(question.command, Call(*to), question).body)["Message"]
