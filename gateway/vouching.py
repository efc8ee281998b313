"""Credentials that an upstream judges: asked about seldom for whoever guesses, and remembered without being kept."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gateway.clock import Clock
from gateway.errors import Busy, SendError, Unauthenticated
from gateway.guesses import Guesses
from gateway.ports import Credentials

KEPT = 600_000
"""Milliseconds that an upstream's word is believed."""
MOST = 4096
MAX_ASKED = 16
"""Credentials that upstreams are asked about at once."""

Ask = Callable[[], Awaitable[object]]
"""Asks an upstream for something with credentials. Raises Unauthenticated where they are wrong, SendError otherwise."""


class Vouched:
    """Keyed digests that die with the process: no credential is kept."""

    def __init__(self) -> None:
        self._seed = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def knows(self, credentials: Credentials, now: int) -> bool:
        """Whether they were found good lately."""
        return self._until.get(self.digest(credentials), 0) > now

    def met(self, credentials: Credentials) -> bool:
        """Whether they were found good at some time, and not found wrong since."""
        return self.digest(credentials) in self._until

    def add(self, credentials: Credentials, now: int) -> None:
        """They were found good."""
        self._until[self.digest(credentials)] = now + KEPT
        while len(self._until) > MOST:
            self._until.popitem(last=False)

    def forget(self, credentials: Credentials) -> None:
        """They are wrong now."""
        self._until.pop(self.digest(credentials), None)

    def digest(self, credentials: Credentials) -> bytes:
        """What stands for them."""
        text = f"{credentials.account or ''}\0{credentials.key.get_secret_value()}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._seed, digest_size=32).digest()


class Vouching:
    """What the upstreams of callers that are passed through say of their credentials.

    Each credential that is new takes a try of its account and address, before anybody is asked; one that is found good
    gives all of them back. So an upstream hears a guesser as seldom as the gateway would listen to one.
    """

    def __init__(self, clock: Clock, guesses: Guesses | None = None) -> None:
        self._clock = clock
        self._guesses = guesses or Guesses()
        self._asking: dict[bytes, asyncio.Task[Exception | None]] = {}
        self.clear()

    def clear(self) -> None:
        """Believe nothing of before: another configuration may ask another upstream."""
        self._good = Vouched()
        self._doubted = Vouched()
        """Those that nobody could judge: whoever sends with the same ones meanwhile is guessing nothing."""

    async def vouch(self, account: str, peer: str, credentials: Credentials, ask: Ask) -> SendError | None:
        """Find out whether they are good; returns why nobody can say.

        Raises Unauthenticated where they are wrong, Busy where too many were, or too many are being asked about.
        """
        if self._good.knows(credentials, self._clock.now()):
            return None
        self.admit(account, peer, credentials)
        digest = self._good.digest(credentials)
        task = self._asking.get(digest)
        if task is None:
            if len(self._asking) >= MAX_ASKED:
                raise Busy("Too many keys are being checked; try again later")
            if not self._doubted.met(credentials):
                self._guesses.failed(account, peer)
            task = self._asking[digest] = asyncio.create_task(self._asked(account, peer, credentials, ask))
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        # Whoever asks with the same ones meanwhile waits for the same answer, and who hangs up takes it from nobody.
        error = await asyncio.shield(task)
        if error is None or isinstance(error, SendError):
            return error
        raise error

    def admit(self, account: str, peer: str, credentials: Credentials) -> None:
        """Raises Busy where wrong ones have used up the tries of that address, but for whoever was right before."""
        met = self._good.met(credentials) or self._doubted.met(credentials)
        if not met and self._guesses.spent(account, peer):
            raise Busy("Too many wrong keys came from your address; try again later")

    def refused(self, account: str, peer: str, credentials: Credentials) -> None:
        """An upstream that was asked for something else says that they are wrong.

        That it answers something else says nothing: at some addresses it may not look at them.
        """
        self._good.forget(credentials)
        self._doubted.forget(credentials)
        self._guesses.failed(account, peer)

    async def _asked(self, account: str, peer: str, credentials: Credentials, ask: Ask) -> Exception | None:
        known, doubted = self._good, self._doubted
        try:
            await ask()
        except Unauthenticated as error:
            known.forget(credentials)
            doubted.forget(credentials)
            return error
        except SendError as error:
            doubted.add(credentials, self._clock.now())
            return error
        except Exception as error:  # noqa: BLE001 - it is raised to each that waits for it
            return error
        known.add(credentials, self._clock.now())
        doubted.forget(credentials)
        self._guesses.forget(account, peer)
        return None
