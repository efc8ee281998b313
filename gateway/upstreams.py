"""The configured upstreams: an adapter's codec, joined to the HTTP client or run inside this process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from gateway.clock import Clock
from gateway.config import UpstreamSettings
from gateway.errors import Denied, Refused, SendError, Throttled, Unsupported, WrongKey
from gateway.http import Http
from gateway.model import Dispatch
from gateway.ports import (
    Call,
    Credentials,
    Gathering,
    Local,
    Poll,
    Receipts,
    Records,
    Relaying,
    Reply,
    Stream,
    Upstream,
)
from gateway.relaying import homeward, veiled, without
from gateway.rewriting import outgoing
from gateway.sealing import Seal

PAGES = 10
"""Pages of an upstream's records that are looked through for one dispatch."""
RELAYED = 32
"""Requests that are passed on to one upstream at a time."""

Body = AsyncIterator[bytes] | None
OnCall = Callable[[Call, Reply | None], None]


class Connected(Protocol):
    """An upstream that can be used. Every method raises SendError."""

    @property
    def settings(self) -> UpstreamSettings:
        """What the configuration says of it."""
        ...

    @property
    def max_recipients(self) -> int:
        """Recipients one call may carry."""
        ...

    @property
    def gather(self) -> int:
        """Single messages of several batches that one call may carry; 1 where none is shared."""
        ...

    async def send(self, dispatch: Dispatch) -> Receipts:
        """Hand a dispatch over."""
        ...

    async def poll(self, dispatch: Dispatch) -> Poll:
        """Ask how a dispatch went."""
        ...

    async def find(self, dispatch: Dispatch) -> Receipts | None:
        """Look for a dispatch that was not answered: its receipts, or None where the upstream does not know it."""
        ...

    async def balance(self, credentials: Credentials | None = None) -> tuple[str, str]:
        """(decimal digits, currency) of the account behind this upstream, or of a caller's own. Raises Denied, too."""
        ...

    def relay(
        self, call: Call, body: Body, face: str, base: str, credentials: Credentials | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """Pass on what a face does not serve; `base` is where its client finds that face. Raises Unsupported, too."""
        ...


@dataclass(frozen=True, slots=True)
class Remote:
    """A provider behind HTTP. `on_call` is shown every request that leaves and its answer (None where none came)."""

    settings: UpstreamSettings
    codec: Upstream
    http: Http
    clock: Clock
    report_url: str | None
    on_call: OnCall | None
    as_caller: Callable[[Credentials], Upstream] | None
    seal: Seal
    relayed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(RELAYED))

    @property
    def max_recipients(self) -> int:
        """Recipients one call may carry."""
        return self.codec.max_recipients

    @property
    def gather(self) -> int:
        """Single messages that one call may carry."""
        return self.codec.gather if isinstance(self.codec, Gathering) else 1

    async def send(self, dispatch: Dispatch) -> Receipts:
        """Hand a dispatch over."""
        codec = self._codec(dispatch)
        dispatch = _revealed(dispatch, self.seal)
        try:
            call = codec.encode(dispatch, self.report_url)
        except SendError:
            raise
        except Exception as error:
            # A bug of ours, but one that happened before anything left: that much is certain.
            raise Unsupported("The gateway could not write the request") from error
        reply = await self._perform(call)
        try:
            with _denying(dispatch.sealed is not None):
                return codec.decode(reply, dispatch)
        except Refused as error:
            # What it says of a text that holds a code may quote it, or a part of it.
            told = error.raw_text or ""
            if dispatch.hidden is not None or any(secret in told for secret in self._secrets(dispatch)):
                raise Refused(error.status, error.raw_code) from None
            raise

    async def poll(self, dispatch: Dispatch) -> Poll:
        """Ask how a dispatch went."""
        codec = self._codec(dispatch)
        return codec.read(await self._perform(codec.ask(dispatch)), dispatch, self.clock.now())

    async def find(self, dispatch: Dispatch) -> Receipts | None:
        """Look through the upstream's newest records for our reference. Raises Unsupported where it has none."""
        records = self._codec(dispatch)
        if not isinstance(records, Records):
            raise Unsupported
        for page in range(PAGES):
            found = records.found(await self._perform(records.find(page)), dispatch)
            if found.receipts is not None or not found.more:
                return found.receipts
        return None

    async def balance(self, credentials: Credentials | None = None) -> tuple[str, str]:
        """Ask for the balance."""
        codec = self.codec if credentials is None else self._callers(credentials)
        reply = await self._perform(codec.ask_balance())
        with _denying(credentials is not None):
            return codec.read_balance(reply)

    @asynccontextmanager
    async def relay(
        self, call: Call, body: Body, face: str, base: str, credentials: Credentials | None = None
    ) -> AsyncIterator[Stream]:
        """Pass on what a face of the same protocol does not serve, where the options say so.

        Raises Throttled where too many are being passed on already. The upstream's own key is in no answer.
        """
        codec = self.codec if credentials is None else self._callers(credentials)
        if self.settings.adapter != face or not isinstance(codec, Relaying):
            raise Unsupported
        asked = codec.relay(call)
        if self.relayed.locked():
            raise Throttled("So many requests are being passed on that there is no room for more")
        limits = self.settings
        secrets = [secret.encode() for secret in (*self._configured(), asked.headers["Authorization"].split()[-1])]
        async with (
            self.relayed,
            self.http.stream(asked, body, connect=limits.connect_timeout, total=limits.timeout) as stream,
        ):
            if stream.status == 401 and credentials is None:
                raise WrongKey("The upstream refuses the credentials that it was shown")
            headers = without(homeward(stream.headers, asked.path, codec.base, base), secrets)
            yield Stream(stream.status, headers, veiled(stream.chunks, secrets))

    def _secrets(self, dispatch: Dispatch) -> list[str]:
        """What no words of the upstream's may repeat that are kept."""
        own = [] if dispatch.sealed is None else [self.seal.open(dispatch.sealed).key.get_secret_value()]
        return [*own, *self._configured()]

    def _configured(self) -> list[str]:
        return [value.get_secret_value() for _, value in self.settings.options or () if isinstance(value, SecretStr)]

    def _codec(self, dispatch: Dispatch) -> Upstream:
        return self.codec if dispatch.sealed is None else self._callers(self.seal.open(dispatch.sealed))

    def _callers(self, credentials: Credentials) -> Upstream:
        if self.as_caller is None:
            raise Unsupported("This upstream cannot be called with a caller's own credentials")
        if not all(words.isprintable() for words in (credentials.account or "", credentials.key.get_secret_value())):
            raise Unsupported("The caller's credentials hold control characters")
        return self.as_caller(credentials)

    async def _perform(self, call: Call) -> Reply:
        reply, settings = None, self.settings
        try:
            reply = await self.http.perform(call, connect=settings.connect_timeout, total=settings.timeout)
        finally:
            if self.on_call:
                self.on_call(call, reply)
        return reply


@dataclass(frozen=True, slots=True)
class Inside:
    """An upstream without a socket."""

    settings: UpstreamSettings
    local: Local
    clock: Clock
    seal: Seal

    @property
    def max_recipients(self) -> int:
        """Recipients one call may carry."""
        return self.local.max_recipients

    @property
    def gather(self) -> int:
        """None shares a call: there is nothing to be gained."""
        return 1

    async def send(self, dispatch: Dispatch) -> Receipts:
        """Hand a dispatch over."""
        return self.local.answer(_revealed(dispatch, self.seal))

    async def poll(self, dispatch: Dispatch) -> Poll:
        """Ask how a dispatch went."""
        return self.local.poll(dispatch, self.clock.now())

    async def find(self, dispatch: Dispatch) -> Receipts | None:  # noqa: ARG002 - there is nothing to look through
        """Raises Unsupported: what it swallows it never knew."""
        raise Unsupported

    async def balance(self, credentials: Credentials | None = None) -> tuple[str, str]:  # noqa: ARG002 - all are one
        """The configured balance."""
        return self.local.balance()

    def relay(
        self,
        call: Call,  # noqa: ARG002 - nobody is behind it
        body: Body,  # noqa: ARG002
        face: str,  # noqa: ARG002
        base: str,  # noqa: ARG002
        credentials: Credentials | None = None,  # noqa: ARG002
    ) -> AbstractAsyncContextManager[Stream]:
        """Raises Unsupported."""
        raise Unsupported


def _revealed(dispatch: Dispatch, seal: Seal) -> Dispatch:
    """The dispatch with its text, where another one stands in its place; rewritten as that one was."""
    if dispatch.hidden is None:
        return dispatch
    batch = dispatch.batch
    content = batch.content._replace(body=seal.reveal(dispatch.hidden))
    return outgoing(dispatch._replace(batch=batch._replace(content=content)))


@contextmanager
def _denying(own: bool) -> Iterator[None]:  # noqa: FBT001 - read at its call: denying where they are the caller's own
    """Credentials that are the caller's own are the caller's to mend: the gateway is as it should be."""
    try:
        yield
    except WrongKey as error:
        if own:
            raise Denied(error.detail) from error
        raise
