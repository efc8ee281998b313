"""What tests with real clients share: the programs, and a tap on what they send."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from gateways import Running
from programs import NODE_MODULES, Tap, run


@pytest.fixture
async def tap(running: Running) -> AsyncIterator[Tap]:
    """A gateway with the sandbox behind it, and a tap in front."""
    async with Tap(await running()) as tap:
        yield tap


@pytest.fixture
def curl(program: Callable[[str], str]) -> tuple[str, ...]:
    """curl, told to be quiet about all but errors."""
    return (program("curl"), "--silent", "--show-error", "--fail")


@pytest.fixture
def php(program: Callable[[str], str]) -> str:
    """PHP."""
    return program("php")


@pytest.fixture
async def php_soap(php: str, missing: Callable[[str], Any]) -> str:
    """PHP with its SOAP extension."""
    if "soap" not in (await run(php, "-m")).split():
        missing("PHP has no SOAP extension: install php-soap")
    return php


@pytest.fixture
async def perl(program: Callable[[str], str], missing: Callable[[str], Any]) -> str:
    """Perl with SOAP::Lite."""
    path = program("perl")
    if not await run(path, "-e", "print 1 if eval { require SOAP::Lite }"):
        missing("Perl has no SOAP::Lite: install libsoap-lite-perl")
    return path


@pytest.fixture
def node(program: Callable[[str], str], missing: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """node, which finds the package `soap`."""
    path = program("node")
    if not (NODE_MODULES / "soap").is_dir():
        missing("node's package soap is not installed: run make clients")
    monkeypatch.setenv("NODE_PATH", str(NODE_MODULES))
    return path
