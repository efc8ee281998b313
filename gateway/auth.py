"""Who is calling: credentials to caller. Keys are known only by their hashes."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.config import Caller, Key
from gateway.errors import Busy, Unauthenticated
from gateway.guesses import Guesses
from gateway.networks import within
from gateway.ports import Credentials

CACHE_SECONDS = 600
CACHE_SIZE = 4096
MAX_QUEUED = 16
"""Slow password checks that may wait at once; beyond, callers are told to come again."""


def hash_key(key: str) -> str:
    """The `sha256:` form of a random key, as the configuration holds it."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def hash_password(password: str) -> str:
    """The `scrypt:` form of a key that a person may have chosen: slow to guess, 60 ms to check."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=64 * 2**20)
    return f"scrypt:16384:8:1:{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"


def new_key() -> str:
    """A random key of 192 bits, safe in URLs, headers and XML."""
    return secrets.token_urlsafe(24)


class Auth:
    """The callers' keys, looked up in constant time.

    A random key is found by its SHA-256 at once. A password is checked by scrypt in a thread of its own, and what was
    found valid is remembered under a keyed digest that dies with the process: the cache holds no secret.
    """

    def __init__(self, callers: Sequence[Caller], guesses: Guesses | None = None) -> None:
        self._seed = secrets.token_bytes(32)
        self._slow: ThreadPoolExecutor | None = None
        self._queued = 0
        self._guesses = guesses or Guesses()
        self.configure(callers)

    def configure(self, callers: Sequence[Caller]) -> None:
        """Go by these keys from now on."""
        self._random: dict[bytes, tuple[Caller, Key]] = {}
        self._passwords: dict[str, list[tuple[Caller, Key]]] = {}
        self._verified: OrderedDict[bytes, tuple[float, Caller, Key]] = OrderedDict()
        for caller in callers:
            for key in caller.keys:
                kind, _, value = key.hash.partition(":")
                if kind == "sha256":
                    self._random[bytes.fromhex(value)] = (caller, key)
                else:
                    self._passwords.setdefault(caller.account, []).append((caller, key))
        self._passing = [caller for caller in callers if caller.passthrough]
        if self._passwords and self._slow is None:
            self._slow = ThreadPoolExecutor(1, "sluss-scrypt")

    def known(self, credentials: Credentials, peer: str, face: str) -> Caller | None:
        """The caller these credentials belong to, if it may call this face from there. Raises Unauthenticated.

        None where only `check` can tell: the key is not a random one.
        """
        key = credentials.key.get_secret_value()
        found = self._random.get(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())
        if found is None:
            return self._passed(credentials, peer, face) if self._passing else None
        return _admitted(*found, credentials, peer, face)

    def _passed(self, credentials: Credentials, peer: str, face: str) -> Caller | None:
        """The caller whose credentials the upstream checks; a key without an account is the first one's that fits."""
        for caller in self._passing:
            if credentials.account == caller.account:
                return _admitted(caller, None, credentials, peer, face)
            fits = caller.faces is None or face in caller.faces
            if credentials.account is None and fits and (not caller.allow_from or within(peer, caller.allow_from)):
                return caller
        return None

    async def check(self, credentials: Credentials, peer: str, face: str) -> Caller:
        """As `known`, for passwords too. Raises Unauthenticated; Busy where too many are checked, or were wrong."""
        caller = self.known(credentials, peer, face)
        if caller is not None:
            return caller
        found = None
        if credentials.account is not None and self._passwords:
            found = await self._password(credentials.account, credentials.key.get_secret_value(), peer)
        if found is None:
            raise Unauthenticated
        return _admitted(*found, credentials, peer, face)

    def close(self) -> None:
        """Let the password thread go."""
        if self._slow:
            self._slow.shutdown(cancel_futures=True)

    async def _password(self, account: str, key: str, peer: str) -> tuple[Caller, Key] | None:
        token = hashlib.blake2b(
            f"{account}\0{key}".encode("utf-8", "surrogatepass"), key=self._seed, digest_size=32
        ).digest()
        known = self._verified.get(token)
        if known and known[0] > time.monotonic():
            return known[1:]
        if account not in self._passwords:
            return None
        if self._guesses.spent(account, peer):
            raise Busy("Too many wrong passwords came from your address; try again later")
        for caller, entry in self._passwords.get(account, ()):
            # Which keys there are may have changed while it was being checked.
            if await self._matches(key, entry.hash) and (caller, entry) in self._passwords.get(account, ()):
                self._remember(token, caller, entry)
                self._guesses.forget(account, peer)
                return caller, entry
        self._guesses.failed(account, peer)
        return None

    async def _matches(self, key: str, stored: str) -> bool:
        if self._queued >= MAX_QUEUED:
            raise Busy("Too many passwords are being checked; try again later")
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._slow, password_matches, key, stored)
        finally:
            self._queued -= 1

    def _remember(self, token: bytes, caller: Caller, entry: Key) -> None:
        self._verified[token] = (time.monotonic() + CACHE_SECONDS, caller, entry)
        while len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)


def password_matches(key: str, stored: str) -> bool:
    """Whether a key is the one of a `scrypt:` hash; slow, so not for the event loop."""
    _, n, r, p, salt, digest = stored.split(":")
    expected = base64.b64decode(digest)
    given = hashlib.scrypt(
        key.encode("utf-8", "surrogatepass"),
        salt=base64.b64decode(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        maxmem=192 * 2**20,
        dklen=len(expected),
    )
    return hmac.compare_digest(given, expected)


def _admitted(caller: Caller, entry: Key | None, credentials: Credentials, peer: str, face: str) -> Caller:
    if credentials.account is not None and not hmac.compare_digest(
        caller.account.encode(), credentials.account.encode("utf-8", "surrogatepass")
    ):
        raise Unauthenticated
    if caller.faces is not None and face not in caller.faces:
        raise Unauthenticated
    networks = (entry and entry.allow_from) or caller.allow_from
    if networks and not within(peer, networks):
        raise Unauthenticated
    return caller
