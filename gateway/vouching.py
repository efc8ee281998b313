"""Credentials that an upstream has found good, remembered for a while without keeping them."""

import hashlib
import secrets
from collections import OrderedDict

from gateway.ports import Credentials

KEPT = 600_000
"""Milliseconds that an upstream's word is believed."""
MOST = 4096


class Vouched:
    """Keyed digests that die with the process: no credential is kept."""

    def __init__(self) -> None:
        self._seed = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def knows(self, credentials: Credentials, now: int) -> bool:
        """Whether they were found good lately."""
        return self._until.get(self._digest(credentials), 0) > now

    def add(self, credentials: Credentials, now: int) -> None:
        """They were found good."""
        self._until[self._digest(credentials)] = now + KEPT
        while len(self._until) > MOST:
            self._until.popitem(last=False)

    def clear(self) -> None:
        """Believe nothing of before: another configuration may ask another upstream."""
        self._until.clear()

    def _digest(self, credentials: Credentials) -> bytes:
        text = f"{credentials.account or ''}\0{credentials.key.get_secret_value()}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._seed, digest_size=32).digest()
