"""Secrets on their way through the store: a caller's own credentials, and texts that hold a code.

They are sealed under a key of the configuration, so that whoever has the database alone cannot read them.
"""

import contextlib
import hashlib
import hmac
from collections.abc import Sequence
from functools import cache

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from gateway.errors import Misconfigured, Unsupported
from gateway.ports import Credentials

_MARKS = b"sluss marks"


class Seal:
    """Seals with the first of its keys, opens with any: a new key is put in front, and the old one removed later."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        """`keys` are 32 bytes in URL-safe base64, as `new_seal_key` makes them; without one nothing can be sealed."""
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys]) if keys else None
        # Keys of their own for the digests: what is learnt of the one says nothing of the other.
        self._marking = [hmac.digest(key.get_secret_value().encode(), _MARKS, hashlib.sha256) for key in keys]

    @property
    def ready(self) -> bool:
        """Whether anything can be sealed."""
        return self._fernet is not None

    def close(self, credentials: Credentials) -> bytes:
        """The credentials as they may be stored."""
        return self._closed(orjson.dumps([credentials.account, credentials.key.get_secret_value()]))

    def open(self, sealed: bytes) -> Credentials:
        """The credentials again. Raises Misconfigured where no key of the configuration opens them."""
        opened = self._opened(sealed)
        if opened is None:
            raise Misconfigured("No key under sealing.keys opens the credentials of this message")
        account, key = orjson.loads(opened)
        return Credentials(account, SecretStr(key))

    def hide(self, text: str) -> bytes:
        """A text as it may be stored."""
        return self._closed(text.encode())

    def reveal(self, hidden: bytes) -> str:
        """The text again. Raises Unsupported where no key of the configuration opens it: it cannot be sent."""
        opened = self._opened(hidden)
        if opened is None:
            raise Unsupported("No key under sealing.keys opens the text of this message")
        return opened.decode()

    def marks(self, *words: str) -> list[bytes]:
        """What these words are known by without being told: a digest under each key, the newest first."""
        told = orjson.dumps(words)
        return [hmac.digest(key, told, hashlib.sha256) for key in self._marking]

    def _closed(self, told: bytes) -> bytes:
        if self._fernet is None:
            raise LookupError("there is no key to seal with")
        return self._fernet.encrypt(told)

    def _opened(self, sealed: bytes) -> bytes | None:
        if self._fernet is not None:
            with contextlib.suppress(InvalidToken):
                return self._fernet.decrypt(sealed)
        return None


@cache
def process_key() -> SecretStr:
    """A key that dies with this process: for a store that does so, too."""
    return SecretStr(new_seal_key())


def new_seal_key() -> str:
    """A random key to seal with."""
    return Fernet.generate_key().decode()
