"""Runs a command line inside the test process, against a configuration that says a bit of everything."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from gateway.cli import app

TOKEN = "the-token-of-the-upstream"
KEY_HASH = f"sha256:{'a' * 64}"

_CONFIG = """\
version: 1
listen: {public_url: "https://sms.example.org", hook_secret: "0123456789abcdef"}
store: sqlite:///STORE
callers:
  - {name: erp, account: ip1-12345, keys: ["HASH"], faces: [rest_v2, sendsms]}
upstreams:
  main: {adapter: rest_v2, url: "https://api.example/v2", token: TOKEN}
  trial: {adapter: sandbox, pace: 0}
routes:
  - {name: tests, when: {recipient: "4670000*"}, to: trial}
  - {name: alarms, when: {sender: ALARM}, to: trial}
  - {name: default, to: main}
"""


def write_config(folder: Path) -> Path:
    """A valid configuration whose store, `sluss.db` beside it, does not exist yet."""
    path = folder / "sluss.yaml"
    text = _CONFIG.replace("STORE", str(folder / "sluss.db")).replace("HASH", KEY_HASH).replace("TOKEN", TOKEN)
    path.write_text(text, "utf-8")
    return path


def change(config: Path, old: str, new: str) -> None:
    """Write something else in the configuration."""
    text = config.read_text("utf-8")
    assert old in text
    config.write_text(text.replace(old, new), "utf-8")


def sluss(*args: object, env: Mapping[str, str] | None = None, given: str | None = None) -> Result:
    """The outcome of a command that is given `given` on stdin; of the environment's SLUSS_… it sees only `env`."""
    ours: dict[str, str | None] = {name: None for name in os.environ if name.startswith("SLUSS_")}
    return CliRunner().invoke(
        app, [str(arg) for arg in args], prog_name="sluss", env=ours | dict(env or {}), input=given
    )


def sluss_json(*args: object, code: int = 0, env: Mapping[str, str] | None = None) -> Any:
    """The one JSON document that a command prints."""
    result = sluss(*args, "--json", env=env)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def told(result: Result) -> str:
    """What stood on stderr, without the frame and the line breaks that a terminal's width makes."""
    return " ".join(result.stderr.replace("│", " ").split())
