"""Requests that may be repeated: a client that gives each a key of its own is answered the same however often it asks.

Source: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from hashlib import blake2b

from gateway.commands import Once
from gateway.errors import Malformed
from gateway.ports import Call

HEADER = "Idempotency-Key"
LONGEST = 255
"""Characters of a key."""


def once_of(call: Call) -> Once | None:
    """The key of a request and its fingerprint; None where it has none. Raises Malformed."""
    given = call.headers.get(HEADER)
    if given is None:
        return None
    key = given.strip().strip('"')
    if not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise Malformed(f"{HEADER} is 1 to {LONGEST} printable ASCII characters")
    return Once(key, blake2b(b"\0".join((call.path.lower().encode(), call.body)), digest_size=16).digest())
