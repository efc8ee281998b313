"""What is remembered: one port, chosen by URL."""

from pathlib import Path

from gateway.errors import ConfigError
from gateway.store.sql import SqlStore
from gateway.store.sqlite import SqliteStore


def open_store(url: str) -> SqlStore:
    """The store a URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://…` or `memory:`.

    Must be called inside a running event loop. Raises ConfigError.
    """
    if url == "memory:":
        return SqliteStore(None)
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return SqliteStore(Path(url.removeprefix("sqlite:///")))
    if url.startswith("postgresql://"):
        # The driver is loaded where it is used.
        from gateway.store.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore(url)
    raise ConfigError(["store: the URL is not understood; use sqlite:///PATH, postgresql://… or memory:"])
