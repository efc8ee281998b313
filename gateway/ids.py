"""Public ids: 24 lowercase hex digits derived from a row's integer key, so that no index is needed to find the row.

The shape is the provider's (an ObjectId): 4 bytes seconds of creation, 1 byte kind, 7 bytes key.
An id is an address, not a secret: whoever looks something up by id must own it.
"""

import re
from enum import IntEnum

FIRST_NUMBER = 1001
"""Message numbers start here: legacy clients take any of the codes 0-110 in the place of an id for an error."""

LAST_NUMBER = 2**31 - 1
"""SOAP, GET and v1 clients hold a message's number in a 32-bit integer."""

HIGHEST = 2**62
"""Above the key of every row: where a look at the newest begins, and one at all ends."""

_ID = re.compile(r"[0-9a-f]{24}")


class Kind(IntEnum):
    """What an id names."""

    BATCH = 0xBA
    MESSAGE = 0x35
    DISPATCH = 0xD1
    INCOMING = 0x1C
    CONTACT = 0xC0


_HEX = {kind: f"{kind:02x}" for kind in Kind}


def public_id(kind: Kind, created: int, key: int) -> str:
    """The id of a row: `created` in milliseconds, `key` at most 7 bytes."""
    return f"{created // 1000:08x}{_HEX[kind]}{key:014x}"


def number_of(text: str) -> int | None:
    """The number of a message as callers of the older faces write it, or None where the text is no such number."""
    text = text.strip()
    # Ten digits hold every int32; thousands would be slow to read.
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) > LAST_NUMBER:
        return None
    return int(text)


def key_of(kind: Kind, text: str) -> int | None:
    """The key inside an id of that kind, or None where the text is no such id.

    The seconds are not checked here: compare the found row's own id with the text before answering.
    """
    text = text.lower()
    if not _ID.fullmatch(text) or int(text[8:10], 16) != kind:
        return None
    return int(text[10:], 16)
