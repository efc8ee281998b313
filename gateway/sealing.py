"""A caller's own credentials on their way through the store: sealed under a key of the configuration."""

import contextlib
from collections.abc import Sequence

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from gateway.errors import Misconfigured
from gateway.ports import Credentials


class Seal:
    """Seals with the first of its keys, opens with any: a new key is put in front, and the old one removed later."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        """`keys` are 32 bytes in URL-safe base64, as `new_seal_key` makes them; without one nothing can be sealed."""
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys]) if keys else None

    def close(self, credentials: Credentials) -> bytes:
        """The credentials as they may be stored."""
        if self._fernet is None:
            raise LookupError("there is no key to seal with")
        return self._fernet.encrypt(orjson.dumps([credentials.account, credentials.key.get_secret_value()]))

    def open(self, sealed: bytes) -> Credentials:
        """The credentials again. Raises Misconfigured where no key of the configuration opens them."""
        if self._fernet is not None:
            with contextlib.suppress(InvalidToken):
                account, key = orjson.loads(self._fernet.decrypt(sealed))
                return Credentials(account, SecretStr(key))
        raise Misconfigured("No key under sealing.keys opens the credentials of this message")


def new_seal_key() -> str:
    """A random key to seal with."""
    return Fernet.generate_key().decode()
