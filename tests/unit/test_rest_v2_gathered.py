"""What a v2 provider gets where single messages of several batches share a request.

Source: the provider's page on sending, as in ip1-api.md, 1.3: recipients are an array of numbers, or, for templates, an
object of number to arguments with `default`; `{name}` in the body is replaced by the recipient's value.
"""

from typing import Any

import orjson
import pytest
from builders import NOW, a_batch, a_content, a_dispatch, a_message
from pydantic import ValidationError

from adapters.rest_v2.upstream import RestV2Options, RestV2Upstream
from gateway.gathering import joined
from gateway.model import DataCoding, Dispatch
from gateway.ports import Gathering, Receipt, Receipts, Reply
from gateway.status import Status

GIVEN = {"url": "https://api.example/v2", "token": "t"}
UPSTREAM = RestV2Upstream(RestV2Options.model_validate(GIVEN | {"gather": 50}))
REFERENCE = "5bcf5db7d1000000000003e9"
"""Of the first: its second, its kind, its key."""


def a_single(key: int, body: str) -> Dispatch:
    """A message of a batch of its own."""
    content = a_content(body=body, datacoding=DataCoding.UCS, tags=("spring",), reference=f"order {key}")
    batch = a_batch(key=key, created=NOW + key - 1001, content=content)
    return a_dispatch(batch=batch, messages=(a_message(number=key, recipient=f"4670000{key}"),))


COMMON = {
    "type": "sms",
    "datacoding": "ucs",
    "priority": 1,
    "reference": REFERENCE,
    "deliveryReportUrl": "https://sms.example.org/hooks/main/x",
    "tags": ["spring"],
}
WIRE = [
    (
        "the same text",
        ["Hej {alla}", "Hej {alla}"],
        {"sender": "iP1", "recipients": ["46700001001", "46700001002"], "body": "Hej {alla}"},
    ),
    (
        "a text for each",
        ["Kod 17 åäö", "Kod 4"],
        {
            "sender": "iP1",
            "recipients": {
                "46700001001": {"text": "Kod 17 åäö"},
                "46700001002": {"text": "Kod 4"},
                "default": {},
            },
            "body": "{text}",
        },
    ),
]


@pytest.mark.parametrize(("texts", "expected"), [case[1:] for case in WIRE], ids=[case[0] for case in WIRE])
def test_what_the_provider_reads(texts: list[str], expected: dict[str, Any]) -> None:
    """One batch under the first one's reference: a list where the text is one, an argument for each where it is not."""
    whole = joined((a_single(1001, texts[0]), a_single(1002, texts[1])))
    call = UPSTREAM.encode(whole, "https://sms.example.org/hooks/main/x")
    document = orjson.loads(call.body)

    assert document == expected | COMMON
    assert list(document) == [*expected, *COMMON]
    assert (call.method, call.path) == ("POST", "https://api.example/v2/batches")


def test_what_the_provider_answers_is_true_of_each() -> None:
    """One answer, or one entry in the provider's list, is a receipt for every message in the request."""
    whole = joined((a_single(1001, "a"), a_single(1002, "b")))
    document = {"id": "5bcf5db7ba000000000003e9", "status": 101, "reference": REFERENCE}
    expected = Receipts(document["id"], tuple(Receipt(number, Status.QUEUED, "101") for number in (1001, 1002)))

    assert UPSTREAM.decode(Reply(201, orjson.dumps(document)), whole) == expected
    assert UPSTREAM.found(Reply(200, orjson.dumps([document])), whole).receipts == expected


def test_nothing_is_shared_unless_it_is_asked_for() -> None:
    """The option is off by default, and says how many; no more than one request carries."""
    plain = RestV2Upstream(RestV2Options.model_validate(GIVEN))

    assert isinstance(plain, Gathering)
    assert (plain.gather, UPSTREAM.gather) == (1, 50)
    assert RestV2Options.model_validate(GIVEN | {"gather": 80, "max_recipients": 80}).gather == 80


@pytest.mark.parametrize(("gather", "most"), [(81, 80), (0, 80), (501, 500)])
def test_a_request_that_is_too_large_is_a_problem(gather: int, most: int) -> None:
    """Whoever asks for more than a request carries is refused."""
    with pytest.raises(ValidationError, match="gather"):
        RestV2Options.model_validate(GIVEN | {"gather": gather, "max_recipients": most})
