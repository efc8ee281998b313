"""REST v1's look-up of phone numbers: whether a number can be one, and how it is written.

Sources: the provider's WordPress plugin, which asks without credentials, from its server, and reads `isValid` and
`e164Format` of the first number. The other properties are inferred.
"""

import re
from typing import Annotated, Any

import orjson

from adapters.rest_v1.documents import FoundNumber, LookupDocument
from adapters.rest_v1.exchange import STRING, Body, Read, document_of, read, whole_text
from gateway.errors import MethodNotAllowed, TooLarge
from gateway.openapi import Document, Operation
from gateway.ports import Call, Reply

ADDRESS = "/api/phonenumber/lookup"
MAX_BODY = 16 * 2**10
"""Bytes. Anybody may ask, so a question is answered that costs little."""
MAX_NUMBERS = 10
"""Each costs half a millisecond, and the client that was seen asks about one."""
MAX_NUMBER = 50
"""Characters, more than anybody writes a number with."""
_NUMBER: Document = {**STRING, "maxLength": MAX_NUMBER}


def _region(value: object) -> str | None:
    """The country of numbers without a country code; without it those are no numbers."""
    # The library is large, and most gateways are never asked.
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415

    if value is None or value == "":
        return None
    region = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch("[A-Z]{2}", region) or region not in SUPPORTED_REGIONS:
        raise ValueError("Give a country by its two letters, as SE")
    return region


def _numbers(value: object) -> list[str]:
    entries = value if isinstance(value, list) else [] if value is None else [value]
    numbers = [text for entry in entries[: MAX_NUMBERS + 1] if (text := whole_text(entry)) is not None]
    if not 0 < len(entries) <= MAX_NUMBERS or len(numbers) < len(entries) or max(map(len, numbers)) > MAX_NUMBER:
        raise ValueError(f"Give a list of 1 to {MAX_NUMBERS} strings of at most {MAX_NUMBER} characters")
    return numbers


class LookupRequest(Body):
    """Numbers, and the country of those without a country code."""

    default_region: Annotated[
        str | None, Read(_region, {"type": ["string", "null"], "pattern": "^([A-Za-z]{2})?$"})
    ] = None
    phone_numbers: Annotated[
        list[str],
        Read(
            _numbers,
            {"anyOf": [{"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": MAX_NUMBERS}, _NUMBER]},
        ),
    ]


OPERATION = Operation(
    "POST",
    ADDRESS,
    "Tell whether numbers can be numbers, and how they are written",
    LookupDocument,
    body=LookupRequest,
    refusals=(400, 413, 415),
    tag="phonenumber",
    open=True,
)


def answer(call: Call) -> Reply:
    """What a question is answered with, whoever asks. Raises RequestError."""
    if call.method != "POST":
        raise MethodNotAllowed(["POST"])
    if len(call.body) > MAX_BODY:
        raise TooLarge(MAX_BODY)
    request = read(LookupRequest, document_of(call))
    found: LookupDocument = {
        "phoneNumbers": [_found(number, request.default_region) for number in request.phone_numbers]
    }
    return Reply(200, orjson.dumps(found), {"Content-Type": "application/json; charset=utf-8"})


def _found(text: str, region: str | None) -> FoundNumber:
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return _document(text, number=None)
    return _document(text, number if phonenumbers.is_valid_number(number) else None)


def _document(text: str, number: Any) -> FoundNumber:
    import phonenumbers  # noqa: PLC0415

    def written(kind: int) -> str | None:
        return None if number is None else str(phonenumbers.format_number(number, kind))

    kinds = phonenumbers.PhoneNumberFormat
    return {
        "phoneNumber": text,
        "isValid": number is not None,
        "e164Format": written(kinds.E164),
        "internationalFormat": written(kinds.INTERNATIONAL),
        "nationalFormat": written(kinds.NATIONAL),
        "countryCode": None if number is None else number.country_code,
        "region": None if number is None else phonenumbers.region_code_for_number(number),
    }
