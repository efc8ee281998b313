"""What operations see: one JSON object per line, no secret, numbers masked; and metrics."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from gateway import observe
from gateway.config import Log
from gateway.observe import Lines, Metrics, redactor

KEY = "CnbXFfyTM5BTKh7uNV"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test configures, the next one finds logging as it was."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    handlers, level, server_level = root.handlers[:], root.level, server.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    server.setLevel(server_level)


def logged(capture: pytest.CaptureFixture[bytes]) -> list[dict[str, Any]]:
    """Every line that was printed, read as JSON."""
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


def test_a_line_is_one_json_object(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Event, level, time and fields, whatever they hold; a line break in a value breaks no line."""
    observe.configure(Log(format="json"))
    log = structlog.get_logger()
    log.info("request", path="/a\n/b", ms=1.5, caller="å😀", facts={"a": [1, None]})
    log.warning("held", count=2**70, odd=object, half="/\udcff", raw=b"\xff")

    first, second = logged(capsysbinary)
    assert first.pop("timestamp")[10] == "T"
    assert first == {
        "event": "request",
        "level": "info",
        "path": "/a\n/b",
        "ms": 1.5,
        "caller": "å😀",
        "facts": {"a": [1, None]},
    }
    assert (second["event"], second["level"]) == ("held", "warning")
    assert (second["count"], second["odd"], second["half"]) == (2**70, "<class 'object'>", "/?")


def test_an_exception_stays_on_its_line(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A trace is a field of the line, for whoever mends it."""
    observe.configure(Log(format="json"))
    try:
        {}["a bug"]
    except KeyError:
        structlog.get_logger().exception("face.crashed", face="soap")

    (line,) = logged(capsysbinary)
    assert (line["event"], line["level"], line["face"]) == ("face.crashed", "error", "soap")
    assert "KeyError: 'a bug'" in line["exception"]
    assert "exc_info" not in line


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_a_level_leaves_out_what_is_below(
    capsysbinary: pytest.CaptureFixture[bytes], level: str, expected: list[str]
) -> None:
    """What is below the configured level is not printed."""
    observe.configure(Log(format="json", level=level))
    log = structlog.get_logger()
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")

    assert [line["level"] for line in logged(capsysbinary)] == expected


SECRETS = ["key", "keys", "password", "token", "authorization", "body", "text", "content", "query", "pass", "pwd"]


@pytest.mark.parametrize("method", ["debug", "info", "warning", "error"])
def test_secrets_are_blanked(capsysbinary: pytest.CaptureFixture[bytes], method: str) -> None:
    """Fields that are always secret, and those that an adapter declares, never show; the rest does, on every level."""
    observe.configure(Log(format="json", level="debug"), ["pass", "pwd"])
    log = structlog.get_logger().bind(token=KEY)
    getattr(log, method)("odd", **dict.fromkeys(SECRETS, KEY), caller="erp", wrapped=SecretStr(KEY))

    out = capsysbinary.readouterr().out
    assert KEY.encode() not in out
    line = orjson.loads(out)
    assert {line[name] for name in SECRETS} == {"[redacted]"}
    assert line["caller"] == "erp"


def test_secrets_are_blanked_on_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The pretty form hides what the other hides."""
    observe.configure(Log(format="pretty"), ["pass"])
    structlog.get_logger().info("odd", key=KEY, recipient="46712345678", **{"pass": KEY})

    out = capsys.readouterr().out
    assert "odd" in out
    assert KEY not in out
    assert "46712345678" not in out


@pytest.mark.parametrize(
    ("given", "shown"),
    [("46712345678", "46*******78"), (46712345678, "46*******78"), ("iP1", "iP1"), ("Firma AB", "Fi****AB"), ("", "")],
)
def test_numbers_are_masked(given: object, shown: str) -> None:
    """A recipient or a sender shows its country and its last two digits."""
    redact = redactor(frozenset({"key"}))

    assert redact(None, "info", {"event": "x", "recipient": given}) == {"event": "x", "recipient": shown}
    assert redact(None, "info", {"event": "x", "sender": given}) == {"event": "x", "sender": shown}


async def test_lines_of_one_turn_are_written_together() -> None:
    """Inside of a loop a write serves all lines of a turn, in order; none is lost, none comes twice."""
    stream = io.BytesIO()
    lines = Lines(stream)
    for event in ("a", "b", "c"):
        lines.msg(event=event)
    assert stream.getvalue() == b""
    await asyncio.sleep(0)
    assert stream.getvalue() == b'{"event":"a"}\n{"event":"b"}\n{"event":"c"}\n'
    lines.info(event="d")
    await asyncio.sleep(0)

    assert stream.getvalue().endswith(b'{"event":"c"}\n{"event":"d"}\n')


async def test_a_line_that_cannot_be_written_takes_no_neighbour_along() -> None:
    """An object that cannot be named is a line that says so."""

    class Nameless:
        """Fails whoever prints it."""

        def __repr__(self) -> str:
            raise RuntimeError

    stream = io.BytesIO()
    lines = Lines(stream)
    lines.msg(event="a")
    lines.msg(event="b", what=Nameless())
    lines.msg(event="c")
    await asyncio.sleep(0)

    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert said == [{"event": "a"}, {"event": "b", "level": "error", "unwritable": ["event", "what"]}, {"event": "c"}]


def test_a_loop_that_ended_too_soon_holds_no_line_back() -> None:
    """What a loop did not come to write is written with the next line, in another loop or outside of any."""
    for last in (lambda lines: lines.msg(event="b"), lambda lines: asyncio.run(_say(lines, "b"))):
        stream = io.BytesIO()
        lines = Lines(stream)
        loop = asyncio.new_event_loop()

        def say_and_stop(lines: Lines = lines, loop: asyncio.AbstractEventLoop = loop) -> None:
            loop.stop()
            lines.msg(event="a")

        loop.call_soon(say_and_stop)
        loop.run_forever()
        loop.close()
        last(lines)

        assert stream.getvalue() == b'{"event":"a"}\n{"event":"b"}\n'


async def _say(lines: Lines, event: str) -> None:
    lines.msg(event=event)


def test_outside_of_a_loop_a_line_is_written_at_once() -> None:
    """What a command says before a loop runs is not kept waiting."""
    stream = io.BytesIO()
    lines = Lines(stream)
    lines.msg(event="a")
    assert stream.getvalue() == b'{"event":"a"}\n'
    lines.error(event="b")

    assert stream.getvalue() == b'{"event":"a"}\n{"event":"b"}\n'


def test_metrics_are_read_by_prometheus() -> None:
    """The text parses, every name begins with sluss_, and what was counted is in it."""
    metrics = Metrics()
    metrics.answered("soap", "erp", "ok")
    metrics.answered("soap", "erp", "ok")
    metrics.took("soap", "erp", 500)
    metrics.deprecated.labels("soap", "erp").inc()
    metrics.attempts.labels("main", "sent").inc()
    metrics.statuses.labels("main", "Queued").inc(3)
    metrics.queue.labels("main", "ready").set(4)
    metrics.held.labels("main").set(1)
    metrics.latency.labels("main").observe(0.2)

    families = list(text_string_to_metric_families(metrics.render().decode()))
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }

    assert samples == {
        ("sluss_requests_total", "erp", "ok", "soap"): 2.0,
        ("sluss_messages_accepted_total", "erp", "soap"): 500.0,
        ("sluss_deprecated_calls_total", "erp", "soap"): 1.0,
        ("sluss_attempts_total", "main", "sent"): 1.0,
        ("sluss_statuses_total", "Queued", "main"): 3.0,
        ("sluss_dispatches", "main", "ready"): 4.0,
        ("sluss_upstream_held", "main"): 1.0,
        ("sluss_attempt_seconds_count", "main"): 1.0,
        ("sluss_attempt_seconds_sum", "main"): 0.2,
        ("sluss_connections",): 0.0,
        ("sluss_requests_under_way",): 0.0,
        ("sluss_request_bytes",): 0.0,
    }
    assert all(family.name.startswith("sluss_") and family.documentation for family in families)


def test_each_gateway_counts_for_itself() -> None:
    """Two gateways in one process share no counter."""
    first, second = Metrics(), Metrics()
    first.answered("soap", "erp", "ok")

    assert first.render() != second.render()
    assert second.registry.get_sample_value("sluss_requests_total") is None


def test_a_crash_on_a_terminal_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """The pretty log has traces, but not the values of the frames: there are keys and texts among them."""

    def breaks(secret: str) -> None:
        raise RuntimeError(str(len(secret)))

    observe.configure(Log(format="pretty"))
    try:
        breaks("enoyna-rof-ton"[::-1])  # backwards, for the trace does show this line
    except RuntimeError:
        structlog.get_logger().exception("it.broke")

    said = capsys.readouterr().out
    assert "RuntimeError" in said
    assert "not-for-anyone" not in said
