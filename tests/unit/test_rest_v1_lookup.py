"""REST v1's look-up of phone numbers: answered to anybody, cheaply, whatever is asked."""

import contextlib
import subprocess
import sys
from typing import Any

import orjson
import pytest
from gateways import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rest_v1.face import RestV1Face
from adapters.rest_v1.lookup import MAX_BODY, MAX_NUMBERS
from gateway.errors import Malformed, MethodNotAllowed, RequestError, TooLarge, UnsupportedMedia
from gateway.ports import Call, Reply

FACE = RestV1Face()
AT = "/api/phonenumber/lookup"
JSON = {"Content-Type": "application/json"}


def asked(body: bytes, path: str = AT) -> Reply:
    """The answer to a question without credentials. Raises RequestError."""
    reply = FACE.decode(Call("POST", path, headers=JSON, body=body))
    assert isinstance(reply, Reply)
    return reply


def found(region: object, *numbers: object) -> list[dict[str, Any]]:
    """What is said of numbers."""
    reply = asked(orjson.dumps({"DefaultRegion": region, "PhoneNumbers": numbers}))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    document = orjson.loads(reply.body)
    assert list(document) == ["phoneNumbers"]
    entries: list[dict[str, Any]] = document["phoneNumbers"]
    return entries


def test_a_national_number_is_found() -> None:
    """What the provider's plugin asks, and what it reads: isValid and e164Format; names in camelCase."""
    assert found("SE", "070-123 45 67") == [
        {
            "phoneNumber": "070-123 45 67",
            "isValid": True,
            "e164Format": "+46701234567",
            "internationalFormat": "+46 70 123 45 67",
            "nationalFormat": "070-123 45 67",
            "countryCode": 46,
            "region": "SE",
        }
    ]


NUMBERS = [
    ("SE", "+47 406 12 345", "+4740612345"),
    (None, "+46701234567", "+46701234567"),
    ("", "+46701234567", "+46701234567"),
    ("se", "0701234567", "+46701234567"),
    ("NO", "40612345", "+4740612345"),
    ("SE", 46701234567, "+46701234567"),
    (None, "0701234567", None),
    ("SE", "0", None),
    ("SE", "", None),
    ("SE", "hello", None),
    ("SE", "0701234567890123", None),
    ("SE", "٠٧٠١٢٣٤٥٦٧", "+46701234567"),
    ("SE", "+999123456", None),
    ("SE", "\0", None),
]


@pytest.mark.parametrize(("region", "number", "e164"), NUMBERS)
def test_whether_it_can_be_a_number(region: str | None, number: object, e164: str | None) -> None:
    """A number that can be none is not valid, and has no form to be written in."""
    (entry,) = found(region, number)

    assert (entry["isValid"], entry["e164Format"]) == (e164 is not None, e164)
    assert entry["phoneNumber"] == str(number)
    if e164 is None:
        assert {entry[name] for name in ("internationalFormat", "nationalFormat", "countryCode", "region")} == {None}


def test_many_are_answered_in_their_order() -> None:
    """One entry for each number, where it was asked; one without a list is a list of one."""
    numbers = ["0701234567", "no", "0731234567"]

    assert [entry["isValid"] for entry in found("SE", *numbers)] == [True, False, True]
    assert [entry["phoneNumber"] for entry in found("SE", *numbers)] == numbers
    assert (
        b"+46701234567" in asked(b'{"defaultregion":"SE","PHONENUMBERS":"0701234567"}', "/Api/PhoneNumber/Lookup/").body
    )


WRONG = [
    (b"{}", "PhoneNumbers"),
    (b'{"PhoneNumbers":[]}', "PhoneNumbers"),
    (b'{"PhoneNumbers":[null]}', "PhoneNumbers"),
    (b'{"PhoneNumbers":[[]]}', "PhoneNumbers"),
    (b'{"PhoneNumbers":[1.5]}', "PhoneNumbers"),
    (b'{"PhoneNumbers":{}}', "PhoneNumbers"),
    (b'{"PhoneNumbers":["' + b"1" * 51 + b'"]}', "PhoneNumbers"),
    (orjson.dumps({"PhoneNumbers": ["1"] * (MAX_NUMBERS + 1)}), "PhoneNumbers"),
    (b'{"PhoneNumbers":["1"],"DefaultRegion":"XX"}', "DefaultRegion"),
    (b'{"PhoneNumbers":["1"],"DefaultRegion":"Sweden"}', "DefaultRegion"),
    (b'{"PhoneNumbers":["1"],"DefaultRegion":46}', "DefaultRegion"),
    (b'{"PhoneNumbers":["1"],"DefaultRegion":["SE"]}', "DefaultRegion"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_question_is_told_what_is_wrong(body: bytes, field: str) -> None:
    """The property that is wrong is named, with what to do about it."""
    with pytest.raises(Malformed) as caught:
        asked(body)

    assert list(orjson.loads(FACE.refuse(caught.value, Call("POST", AT), None).body)["ModelState"]) == [field]


def test_a_question_is_small() -> None:
    """Anybody may ask, so what costs more than a little is not even parsed; the most that is answered fits."""
    assert len(found("SE", *(["+" + "4" * 49] * MAX_NUMBERS))) == MAX_NUMBERS
    with pytest.raises(TooLarge):
        asked(b" " * (MAX_BODY + 1))


def test_only_json_is_read_and_only_by_post() -> None:
    """As everywhere in this API: 415 without a type, 405 with another method."""
    with pytest.raises(UnsupportedMedia):
        FACE.decode(Call("POST", AT, body=b"{}"))
    with pytest.raises(MethodNotAllowed) as caught:
        FACE.decode(Call("GET", AT))
    assert FACE.refuse(caught.value, Call("GET", AT), None).headers["Allow"] == "POST"


def test_no_script_of_another_page_is_invited() -> None:
    """The plugin asks from its server: no browser needs to be allowed anything."""
    assert list(asked(b'{"PhoneNumbers":["1"]}').headers) == ["Content-Type"]


def test_the_library_is_loaded_by_the_first_question() -> None:
    """A gateway that nobody asks never pays for it: neither its start nor its memory."""
    source = (
        "import sys; from gateway import registry; registry.load('rest_v1').face();"
        "print('phonenumbers' in sys.modules);"
        "from adapters.rest_v1 import lookup; from gateway.ports import Call;"
        "headers = {'Content-Type': 'application/json'};"
        "lookup.answer(Call('POST', lookup.ADDRESS, headers=headers, body=b'{\"PhoneNumbers\":[\"1\"]}'));"
        "print('phonenumbers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "True"]


PHONES = st.text(max_size=50) | st.text(st.sampled_from("0123456789+ ()-./;=extphone٣*#~"), max_size=50)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    st.none() | st.sampled_from(["SE", "GB", "AQ", "BR", "AR", "ZZ", "001"]) | st.text(max_size=3),
    st.lists(PHONES | st.integers(0, 2**63) | st.none(), max_size=3) | PHONES,
)
def test_any_question_is_answered_or_refused(region: object, numbers: object) -> None:
    """No number and no region, however odd, makes anything but an answer or a RequestError."""
    with contextlib.suppress(RequestError):
        document = orjson.loads(asked(orjson.dumps({"DefaultRegion": region, "PhoneNumbers": numbers})).body)
        assert all(entry["isValid"] is (entry["e164Format"] is not None) for entry in document["phoneNumbers"])
