"""What is remembered: one port, chosen by URL."""

from pathlib import Path

from gateway.errors import ConfigError
from gateway.store.sqlite import SqliteStore


def open_store(url: str) -> SqliteStore:
    """The store a URL names: `sqlite:///relative.db`, `sqlite:////absolute.db` or `memory:`.

    Must be called inside a running event loop. Raises ConfigError.
    """
    if url == "memory:":
        return SqliteStore(None)
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return SqliteStore(Path(url.removeprefix("sqlite:///")))
    raise ConfigError([f"store: {url!r} is not understood; use sqlite:///PATH or memory:"])
