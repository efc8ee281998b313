"""What the outside can see: log lines and metrics. Never a secret, never a text, numbers masked."""

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from gateway.config import Log
from gateway.msisdn import mask

Event = MutableMapping[str, Any]

_ALWAYS_SECRET = frozenset({"key", "keys", "password", "token", "authorization", "body", "text", "content", "query"})
_NUMBERS = frozenset({"recipient", "sender"})


def configure(settings: Log, secrets: Iterable[str] = ()) -> None:
    """Set structlog up: JSON lines, or colours on a terminal. `secrets` are field names adapters declare."""
    pretty = settings.format == "pretty" or (settings.format == "auto" and sys.stdout.isatty())
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redactor(frozenset(secrets) | _ALWAYS_SECRET),
    ]
    level = getattr(logging, settings.level.upper())
    if pretty:
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.PrintLoggerFactory(sys.stdout),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=orjson.dumps),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
            cache_logger_on_first_use=True,
        )
    # aiohttp and asyncio log through the standard library; what they have to say is about sockets, not messages.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s", force=True)
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def redactor(secrets: frozenset[str]) -> Callable[[Any, str, Event], Event]:
    """A processor that blanks fields with a secret's name and masks phone numbers."""

    def redact(_logger: Any, _method: str, event: Event) -> Event:
        for name in event.keys() & secrets:
            event[name] = "[redacted]"
        for name in event.keys() & _NUMBERS:
            event[name] = mask(str(event[name]))
        return event

    return redact


class Metrics:
    """The counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered", "face", "caller", "outcome")
        self.accepted = self._counter("messages_accepted", "Messages stored durably", "face", "caller")
        self.deprecated = self._counter("deprecated_calls", "Calls of a withdrawn protocol", "face", "caller")
        self.attempts = self._counter("attempts", "Hand-overs to an upstream", "upstream", "outcome")
        self.statuses = self._counter("statuses", "Statuses appended to messages", "upstream", "status")
        self.ignored = self._counter("reports_ignored", "Reports that changed nothing", "upstream", "reason")
        self.unknown_codes = self._counter("unknown_codes", "Codes nobody documented, kept raw", "upstream")
        self.callbacks = self._counter("callbacks", "Delivery reports posted to callers", "outcome")
        self.queue = Gauge("sluss_dispatches", "Unfinished dispatches", ["upstream", "state"], registry=self.registry)
        self.held = Gauge(
            "sluss_upstream_held", "1 while an upstream refuses our credentials", ["upstream"], registry=self.registry
        )
        self.latency = Histogram(
            "sluss_attempt_seconds",
            "How long a hand-over takes",
            ["upstream"],
            registry=self.registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"sluss_{name}", words, labels, registry=self.registry)

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
