"""What application tests share: gateways in this process, and an upstream that records what reaches it."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import postgresql as postgresql_server
import pytest
from gateways import Process, Running, a_document
from recorder import Recorder

from gateway import app
from gateway.clock import Clock
from gateway.config import Settings
from gateway.runtime import Read


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """Starts gateways in this process, on sockets of their own, and stops them in the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            document: dict[str, Any] | None = None, clock: Clock | None = None, read: Read | None = None
        ) -> app.Gateway:
            settings = Settings.model_validate(document or a_document())
            gateway = await app.start(settings, clock=clock, read=read)
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Callable[..., Process]]:
    """Makes the real command of a configuration, ready to be started, and leaves no process behind."""
    made: list[Process] = []

    def make(document: dict[str, Any], *flags: str) -> Process:
        made.append(Process(tmp_path, document, *flags))
        return made[-1]

    yield make
    for process in made:
        await process.close()


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A v2 provider that records what it takes."""
    async with Recorder() as upstream:
        yield upstream


@pytest.fixture
def program() -> Callable[[str], str]:
    """Finds a program that a test needs: without it the test is skipped, in CI (`CI=true`) it fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        return path or absent(f"{name} is not installed")

    return find


@pytest.fixture
def missing() -> Callable[[str], Any]:
    """Ends a test that lacks something of this machine's: skipped, in CI failed."""
    return absent


def absent(reason: str) -> Any:
    """Skip for a reason; in CI, where everything must be there, fail for it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.Server]:
    """A PostgreSQL server for all tests that need one: without it they are skipped, in CI (`CI=true`) they fail."""
    if postgresql_server.programs() is None:
        absent("PostgreSQL is not installed")
    with postgresql_server.server() as server:
        yield server


@pytest.fixture
def database(postgresql: postgresql_server.Server) -> Iterator[str]:
    """The address of an empty database, which is gone afterwards."""
    name = f"test-{uuid4().hex}"
    yield postgresql.create(name)
    postgresql.drop(name)


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store of either kind."""
    if request.param == "file":
        return f"sqlite:///{tmp_path}/sluss.db"
    database: str = request.getfixturevalue("database")
    return database
