"""The gateways that share a database: their duties are rows in it, and what they tell one another are notifications."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

import psycopg
import structlog

from gateway.errors import Busy
from gateway.ports import Word
from gateway.store import pg_session
from gateway.store.db import Db
from gateway.store.pg_duties import Duties

log = structlog.get_logger()

T = TypeVar("T")


class Write(Protocol):
    """Runs a function in a transaction."""

    def __call__(self, work: Callable[[Db], T], /) -> Awaitable[T]:
        """Done once it is durable. Raises Busy."""
        ...


_CHANNEL = "sluss"
_GATHER = 0.02
"""Seconds for which words are gathered, so that a flood of messages is one word."""
_AGAIN = 1.0
"""Seconds until words are told again that could not be, or until the server is asked again for words."""
_TURN = 0.2
"""Seconds for which the listener waits before it looks whether it shall end."""


class PgCompany:
    """See `gateway.ports.Company`."""

    alone = False

    def __init__(self, url: str, write: Write) -> None:
        self.duties = Duties()
        self._url = url
        self._write = write
        self._words: dict[str, None] = {}
        self._telling: asyncio.Task[None] | None = None
        self._listener: threading.Thread | None = None
        self._closed = threading.Event()

    async def attend(self, wanted: Collection[str], busy: Collection[str]) -> frozenset[str]:
        """Say that this gateway lives; see the port."""
        return await self._write(lambda db: self.duties.attend(db, wanted, busy))

    def tell(self, word: Word, about: str) -> None:
        """Tell the others; see the port."""
        self._words[f"{self.duties.gateway} {word} {about}"] = None
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            await asyncio.sleep(_GATHER)
            while self._words and not self._closed.is_set():
                words, self._words = list(self._words), {}
                try:
                    await self._write(partial(_notify, words))
                except Busy:
                    self._words = dict.fromkeys([*words, *self._words])
                    await asyncio.sleep(_AGAIN)
        finally:
            self._telling = None

    def listen(self, heard: Callable[[Word, str], None]) -> None:
        """Let what others tell be heard; see the port."""
        loop = asyncio.get_running_loop()

        def hear(word: Word, about: str) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(heard, word, about)

        self._listener = threading.Thread(target=self._listen, args=(hear,), name="sluss-listener", daemon=True)
        self._listener.start()

    async def close(self) -> None:
        """Hand all duties on, and hear nothing more."""
        self._closed.set()
        if self._telling is not None:
            self._telling.cancel()
        if self._listener is not None:
            await asyncio.to_thread(self._listener.join)
        with suppress(Busy):  # then they run out
            await self._write(self.duties.leave)

    def _listen(self, hear: Callable[[Word, str], None]) -> None:
        while not self._closed.is_set():
            try:
                with pg_session.connected(self._url) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    hear(Word.MISSED, "")
                    while not self._closed.is_set():
                        for notification in connection.notifies(timeout=_TURN):
                            self._hear(notification.payload, hear)
            except psycopg.Error as error:
                log.warning("company.unheard", reason=pg_session.sentence(error))
                self._closed.wait(_AGAIN)

    def _hear(self, payload: str, hear: Callable[[Word, str], None]) -> None:
        teller, _, said = payload.partition(" ")
        word, _, about = said.partition(" ")
        if teller != str(self.duties.gateway):
            with suppress(ValueError):  # a newer gateway may have words that this one has not
                hear(Word(word), about)


def _notify(words: list[str], db: Db) -> None:
    # In one statement: whoever else writes waits meanwhile.
    said = "SELECT pg_notify(?, word) FROM json_array_elements_text(CAST(? AS JSON)) AS word"
    db.execute(said, (_CHANNEL, json.dumps(words)))
