"""REST v1's look-up of phone numbers: whether a number can be one, and how it is written.

Sources: the provider's WordPress plugin, which asks without credentials, from its server, and reads `isValid` and
`e164Format` of the first number. The other properties are inferred.
"""

import re
from typing import Any

from adapters.rest_v1.wire import Document, as_text, read_object
from gateway.errors import Malformed, TooLarge

MAX_BODY = 16 * 2**10
"""Bytes. Anybody may ask, so a question is answered that costs little."""
MAX_NUMBERS = 100
MAX_NUMBER = 50
"""Characters, more than anybody writes a number with."""


def answer(body: bytes) -> Document:
    """The document that answers a question. Raises Malformed, TooLarge."""
    if len(body) > MAX_BODY:
        raise TooLarge(MAX_BODY)
    given = read_object(body)
    region, numbers = _region(given.get("defaultregion")), _numbers(given.get("phonenumbers"))
    return {"phoneNumbers": [_found(number, region) for number in numbers]}


def _region(value: object) -> str | None:
    """The country of numbers without a country code; without it those are no numbers."""
    # The library is large, and most gateways are never asked.
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415

    if value is None or value == "":
        return None
    region = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch("[A-Z]{2}", region) or region not in SUPPORTED_REGIONS:
        raise Malformed("The request is invalid", {"DefaultRegion": ["Give a country by its two letters, as SE"]})
    return region


def _numbers(value: object) -> list[str]:
    entries = value if isinstance(value, list) else [] if value is None else [value]
    numbers = [text for entry in entries[: MAX_NUMBERS + 1] if (text := as_text(entry)) is not None]
    if not 0 < len(entries) <= MAX_NUMBERS or len(numbers) < len(entries) or max(map(len, numbers)) > MAX_NUMBER:
        sentence = f"Give a list of 1 to {MAX_NUMBERS} strings of at most {MAX_NUMBER} characters"
        raise Malformed("The request is invalid", {"PhoneNumbers": [sentence]})
    return numbers


def _found(text: str, region: str | None) -> Document:
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return _document(text, number=None)
    return _document(text, number if phonenumbers.is_valid_number(number) else None)


def _document(text: str, number: Any) -> Document:
    import phonenumbers  # noqa: PLC0415

    kinds = phonenumbers.PhoneNumberFormat
    written = {
        name: None if number is None else phonenumbers.format_number(number, kind)
        for name, kind in (
            ("e164Format", kinds.E164),
            ("internationalFormat", kinds.INTERNATIONAL),
            ("nationalFormat", kinds.NATIONAL),
        )
    }
    return {
        "phoneNumber": text,
        "isValid": number is not None,
        **written,
        "countryCode": None if number is None else number.country_code,
        "region": None if number is None else phonenumbers.region_code_for_number(number),
    }
