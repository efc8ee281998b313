"""Codes that prove that somebody holds a phone: what is asked for, what is kept of them, and how they are made."""

import secrets
import string
from typing import NamedTuple

DIGITS = string.digits
LETTERS = "".join(sorted(set(string.ascii_uppercase + string.digits) - set("0O1I")))
"""Capital letters and digits, without those that are taken for one another."""
ATTEMPTS = 5
"""Wrong answers after which a code is worth nothing any more."""
PLACE = "{0}"
"""Where the code goes in a message's format."""


class Asked(NamedTuple):
    """What somebody says of a code that is to be sent, or of all of an account's; None where nothing is said."""

    sender: str | None = None
    format: str | None = None
    length: int | None = None
    seconds: int | None = None
    numeric: bool | None = None
    concurrent: int | None = None


DEFAULTS = Asked("iP1", PLACE, 5, 1200, numeric=False, concurrent=5)
"""The provider's. Source: its page on two-factor authentication; the format is inferred."""


class Passcode(NamedTuple):
    """A code that was sent; `message` is the number of the SMS that carried it."""

    key: int
    account: str
    phone: str
    hash: str
    expires: int
    attempts: int
    message: int


def settled(*asked: Asked) -> Asked:
    """What holds: of each thing, what is said first; the provider's defaults last."""
    return Asked(*(next(value for value in said if value is not None) for said in zip(*asked, DEFAULTS, strict=True)))


def new_code(length: int, *, numeric: bool) -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(DIGITS if numeric else LETTERS) for _ in range(length))
