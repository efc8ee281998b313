"""Phone numbers: what callers write, made the digits that are sent."""

import re

MAX_DIGITS = 15
"""E.164."""

_SHORTEST = 7
"""Digits of a person's number with its country code."""

_TRUNK = re.compile(r"^(\s*(?:\+|00)\s*[1-9][\d\s.\-]*)\(0\)")
"""`+46 (0)70…`: the 0 in brackets is dialled at home only."""

_DRESSING = re.compile(r"[\s\-().\u00a0]+")


def normalise(raw: str, country: str) -> str | None:
    """The MSISDN (digits with country code, no `+`) that a caller means, or None where it is no phone number.

    `+46…`, `0046…` and national `070…` (which gets `country`, e.g. "46") are all seen from legacy clients, with
    blanks, hyphens and brackets.
    """
    number = raw if raw.isdigit() else _DRESSING.sub("", _TRUNK.sub(r"\1", raw))
    if number.startswith("+"):
        number = number[1:]
    elif number.startswith("00"):
        number = number[2:]
    elif number.startswith("0") and len(number) > 1:
        number = country + number[1:]
    if not (number.isascii() and number.isdigit() and 3 <= len(number) <= MAX_DIGITS) or number.startswith("0"):
        return None
    return number


def international(written: str) -> str:
    """The MSISDN of a person, as operations write it. Raises ValueError, saying how to.

    A national number is one of a country that nobody has said, and one of few digits stands in half of all texts.
    """
    msisdn = normalise(written, "0")
    if msisdn is None or len(msisdn) < _SHORTEST:
        raise ValueError(f"Write the number with its country code, at least {_SHORTEST} digits, as 46712345678")
    return msisdn


def listed(text: str) -> list[str]:
    """The numbers in a list, as they are written: separated by commas (seen in clients) or semicolons."""
    return [number for entry in text.replace(";", ",").split(",") if (number := entry.strip())]


_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{8,15}(?![0-9A-Za-z])").sub


def without_numbers(text: str) -> str:
    """A text in which all that may be a phone number is masked."""
    return _NUMBER(lambda number: mask(number[0]), text)


def mask(number: str) -> str:
    """A number as logs show it: country and last two digits, `46*******78`."""
    return number if len(number) <= 5 else f"{number[:2]}{'*' * (len(number) - 4)}{number[-2:]}"
