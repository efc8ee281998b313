"""What the outside can see: log lines and metrics. Never a secret, never a text, numbers masked."""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, BinaryIO, cast

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
    redact = redactor(frozenset(secrets) | _ALWAYS_SECRET)
    structlog.configure(
        processors=[_stamp, redact, _console() if pretty else structlog.processors.format_exc_info],
        wrapper_class=_lean(getattr(logging, settings.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout) if pretty else Lines(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    # aiohttp and asyncio log through the standard library; what they have to say is about sockets, not messages.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s", force=True)
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _console() -> structlog.dev.ConsoleRenderer:
    # The default shows the local variables of every frame: keys, texts and numbers among them.
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _lean(level: int) -> type[structlog.typing.FilteringBoundLogger]:
    """Structlog's filtering logger with a shorter way for `info`: there is such a line for every request."""
    full: Any = structlog.make_filtering_bound_logger(level)
    if level > logging.INFO:
        return cast("type[structlog.typing.FilteringBoundLogger]", full)

    class Lean(full):  # type: ignore[misc]
        def info(self, event: str, **fields: Any) -> Any:
            line: Any = {**self._context, **fields, "event": event}
            try:
                for process in self._processors:
                    line = process(self._logger, "info", line)
            except structlog.DropEvent:
                return None
            return self._logger.msg(line) if isinstance(line, str) else self._logger.msg(**line)

    return cast("type[structlog.typing.FilteringBoundLogger]", Lean)


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _stamp(_logger: Any, method: str, event: Event) -> Event:
    millis = time.time_ns() // 1_000_000
    event["level"] = "error" if method == "exception" else method
    event["timestamp"] = f"{_second(millis // 1000)}.{millis % 1000:03d}Z"
    return event


def _json(event: Event) -> bytes:
    try:
        return orjson.dumps(event, default=repr)
    except TypeError:
        pass
    try:
        # Half a character, from a path or a header that is no text, or a huge number: the line is still written.
        return json.dumps(event, default=repr, ensure_ascii=False).encode("utf-8", "replace")
    except Exception:  # noqa: BLE001 - an object that cannot even be named must not take its neighbours' lines along
        return json.dumps({"event": str(event["event"]), "level": "error", "unwritable": sorted(event)}).encode()


class Lines:
    """Writes events as JSON lines, all of one turn of the event loop at once; outside of a loop each at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[Event] = []
        self._asked: asyncio.AbstractEventLoop | None = None

    def __call__(self, *_args: Any) -> "Lines":
        """As structlog's logger factory: one writer for all loggers."""
        return self

    def msg(self, **event: Any) -> None:
        """Take one event."""
        self._waiting.append(event)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._flush()
            return
        if loop is not self._asked:  # another one may have ended before its turn came
            self._asked = loop
            loop.call_soon(self._flush)

    debug = info = warning = error = critical = exception = msg

    def _flush(self) -> None:
        self._asked = None
        waiting, self._waiting = self._waiting, []
        self._stream.write(b"\n".join([_json(event) for event in waiting]) + b"\n")
        self._stream.flush()


def redactor(secrets: frozenset[str]) -> Callable[[Any, str, Event], Event]:
    """A processor that blanks fields with a secret's name and masks phone numbers."""
    watched = secrets | _NUMBERS

    def redact(_logger: Any, _method: str, event: Event) -> Event:
        if not watched.isdisjoint(event):
            for name in watched.intersection(event):
                event[name] = "[redacted]" if name in secrets else mask(str(event[name]))
        return event

    return redact


class Metrics:
    """The counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Finding a child costs more than counting; the accept path keeps its own.
        self._child = lru_cache(maxsize=4096)(lambda counter, *labels: counter.labels(*labels))
        self.requests = self._counter("requests", "Requests answered", "face", "caller", "outcome")
        self.accepted = self._counter("messages_accepted", "Messages stored durably", "face", "caller")
        self.deprecated = self._counter("deprecated_calls", "Calls of a withdrawn protocol", "face", "caller")
        self.attempts = self._counter("attempts", "Hand-overs to an upstream", "upstream", "outcome")
        self.statuses = self._counter("statuses", "Statuses appended to messages", "upstream", "status")
        self.ignored = self._counter("reports_ignored", "Reports that changed nothing", "upstream", "reason")
        self.unknown_codes = self._counter("unknown_codes", "Codes nobody documented, kept raw", "upstream")
        self.callbacks = self._counter("callbacks", "Delivery reports and messages posted to callers", "outcome")
        self.relayed = self._counter("relayed", "Requests passed on to upstreams", "upstream", "status")
        self.incoming = self._counter("incoming", "Messages that came in", "upstream", "caller")
        self.configurations = self._counter("configurations", "Configurations read while running", "outcome")
        self.tls_refused = self._counter("tls_refused", "Clients with whom no TLS could be agreed on", "reason")
        self.expires = Gauge(
            "sluss_certificate_expires_seconds",
            "When our certificate expires, since 1970",
            ["listener"],
            registry=self.registry,
        )
        self.removed = self._counter("removed", "What was removed because it was old", "kind")
        self.queue = Gauge("sluss_dispatches", "Unfinished dispatches", ["upstream", "state"], registry=self.registry)
        self.outbox = Gauge("sluss_outbox", "Posts to callers", ["caller", "state"], registry=self.registry)
        self.held = Gauge(
            "sluss_upstream_held", "1 while an upstream refuses our credentials", ["upstream"], registry=self.registry
        )
        self.open = Gauge(
            "sluss_upstream_open", "1 while an upstream cannot be reached", ["upstream"], registry=self.registry
        )
        self.paused = Gauge(
            "sluss_upstream_paused", "1 while operations have stopped an upstream", ["upstream"], registry=self.registry
        )
        self.connections = Gauge("sluss_connections", "Clients that are connected", registry=self.registry)
        self.under_way = Gauge("sluss_requests_under_way", "Requests being answered", registry=self.registry)
        self.bodies = Gauge("sluss_request_bytes", "Bytes of the bodies of these", registry=self.registry)
        self.no_room = self._counter("connections_closed", "Connections for which there was no room", "how")
        self.latency = Histogram(
            "sluss_attempt_seconds",
            "How long a hand-over takes",
            ["upstream"],
            registry=self.registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"sluss_{name}", words, labels, registry=self.registry)

    def forget(self, upstream: str) -> None:
        """Say nothing more of how an upstream is that is no more."""
        for gauge in (self.held, self.open, self.paused):
            with contextlib.suppress(KeyError):
                gauge.remove(upstream)

    def crowded(self, how: str) -> None:
        """Count a connection for which there was no room."""
        self.no_room.labels(how).inc()

    def answered(self, face: str, caller: str, outcome: str) -> None:
        """Count a request."""
        self._child(self.requests, face, caller, outcome).inc()

    def called_late(self, face: str, caller: str) -> None:
        """Count a call of a withdrawn protocol."""
        self._child(self.deprecated, face, caller).inc()

    def took(self, face: str, caller: str, messages: int) -> None:
        """Count messages that were accepted."""
        self._child(self.accepted, face, caller).inc(messages)

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)
