"""v1's number look-up, which asks for no credentials. Source: the form of the one client that was seen to use it.

The library that knows the numbering plans is large: it is imported with the first look-up.
"""

import orjson

from adapters.rest_v1.contacts import given_object
from adapters.rest_v1.wire import Document, as_text
from gateway.errors import Malformed
from gateway.ports import Reply

MOST = 100
"""Numbers of one request."""
LONGEST = 40
"""Characters of a number; more are no number."""


def answer(body: bytes) -> Reply:
    """Each number with what its country's plan says of it. Raises Malformed."""
    given = given_object(body)
    region, numbers = given.get("defaultregion"), given.get("phonenumbers")
    problems = {}
    if region is not None and not (isinstance(region, str) and len(region) == 2 and region.isascii()):
        problems["DefaultRegion"] = ["DefaultRegion is a country in two letters, such as SE"]
    texts = [as_text(number) for number in numbers] if isinstance(numbers, list) else []
    if not 0 < len(texts) <= MOST or None in texts:
        problems["PhoneNumbers"] = [f"PhoneNumbers is a list of 1 to {MOST} numbers"]
    if problems:
        raise Malformed("The request is invalid", problems)
    found = [_looked_up(text or "", str(region).upper() if region else None) for text in texts]
    return Reply(200, orjson.dumps({"phoneNumbers": found}), {"Content-Type": "application/json; charset=utf-8"})


def _looked_up(text: str, region: str | None) -> Document:
    import phonenumbers  # noqa: PLC0415 - see above

    nothing: Document = {
        "phoneNumber": text[:LONGEST],
        "isValid": False,
        "e164Format": None,
        "region": None,
        "type": None,
    }
    if len(text) > LONGEST:
        return nothing
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return nothing
    if not phonenumbers.is_valid_number(number):
        return nothing
    kind = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(number))
    return nothing | {
        "isValid": True,
        "e164Format": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        "region": phonenumbers.region_code_for_number(number),
        "type": kind.lower(),
    }
