"""Sender ids: what the provider documents, and what its older faces let through."""

import re

MAX_NAME = 11

_NUMBER = re.compile(r"\+?[0-9]{1,15}").fullmatch
_DIGITS = re.compile(r"\+?[0-9]+").fullmatch
_NAME = re.compile(r"[0-9A-Za-z]{1,11}").fullmatch


def is_documented(sender: str) -> bool:
    """Whether REST v2's rules allow it: up to 15 digits, or 1-11 letters and digits.

    The page gives a minimum of 3 and a pattern with a minimum of 1; we take the wider one and let the upstream judge.
    """
    return bool(_NUMBER(sender) or _NAME(sender))


def shorten(sender: str) -> str:
    """What the older faces make of a sender: blanks trimmed, a name cut to 11 characters, a number left whole.

    Even one too long to be allowed: cut, it would be somebody else's number.
    """
    sender = sender.strip()
    return sender if _DIGITS(sender) else sender[:MAX_NAME].rstrip()
