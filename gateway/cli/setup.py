"""The commands that set a gateway up and look after it: check, schema, key, doctor."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json
from gateway.cli.output import ExitCode, fail, say, show_json

LONG_KEY = 16
"""Characters from which a key is taken to be random, so that a fast hash cannot be guessed."""


def check(
    file: Annotated[Path | None, typer.Argument(help="The configuration file; found as --config is elsewhere.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read a configuration as the gateway would, and show its callers, upstreams, routes and every problem.

    Ends with 1 where something works but is probably not meant, and with 2 where the gateway would not start.
    """
    from gateway.cli import summary

    raise typer.Exit(summary.check(file, as_json=as_json))


def reload(*, config: ConfigFile = None, as_json: Json = False) -> None:
    """Make the running gateway read its configuration again, and show what changed.

    Callers, upstreams, routes and faces change at once, all of it or nothing; what is under way keeps what was decided
    for it. A configuration with a problem, or whose own tests fail, is refused (exit code 2) and changes nothing.
    """
    from gateway.cli import operating

    operating.RunningGateway(config, as_json=as_json).reload(dry_run=False)


def diff(*, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show what a reload would change: the running gateway's configuration against its file. Never shows a secret.

    Ends with 1 where they differ.
    """
    from gateway.cli import operating

    raise typer.Exit(operating.RunningGateway(config, as_json=as_json).reload(dry_run=True))


def schema(*, _as_json: Json = False) -> None:
    """Print the JSON Schema of the configuration, for editors: they complete its keys and mark mistakes.

    It is JSON with and without --json. docs/configuration.md tells how an editor finds it.
    """
    from gateway.config.schema import document

    show_json(document())


def key_new(
    *,
    caller: Annotated[str | None, typer.Option(help="The caller's name, for the line to paste.")] = None,
    as_json: Json = False,
) -> None:
    """Make a random API key. It is shown this once; the configuration holds only its hash."""
    from gateway.auth import hash_key, new_key

    key = new_key()
    hashed = hash_key(key)
    line = _line(caller, hashed)
    if as_json:
        show_json({"key": key, "hash": hashed, "yaml": line})
        return
    say(f"Key, for the caller, shown this once:  {key}")
    say(f"Hash, for the configuration:           {hashed}")
    say(f"\nPaste under {'callers' if caller else 'a caller'}:\n  {line}")


def _line(caller: str | None, hashed: str) -> str:
    if caller is None:
        return f'keys: ["{hashed}"]'
    from pydantic import ValidationError

    from gateway.config import Caller

    try:
        Caller.model_validate({"name": caller, "account": caller, "keys": [hashed]})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(reason, param_hint="--caller") from None
    return f'- {{name: "{caller}", account: "{caller}", keys: ["{hashed}"]}}  # account: what its old calls log in as'


def key_hash(
    *,
    scrypt: Annotated[
        bool | None,
        typer.Option(
            "--scrypt/--sha256",
            help=f"scrypt for what a person may have chosen, sha256 for random keys. Default: sha256 from {LONG_KEY}"
            " characters on. REST v2 callers need sha256: a bearer key comes without an account.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hash an API key that a caller already uses, for the configuration.

    The key is asked for without echo, or read from stdin: as an argument it would stay in the shell's history.
    """
    from gateway.auth import hash_key, hash_password

    key = _given_key()
    if not key:
        fail(ExitCode.USAGE, "No key was given: type it at the prompt, or write it to stdin.")
    slow = len(key) < LONG_KEY if scrypt is None else scrypt
    hashed = hash_password(key) if slow else hash_key(key)
    if as_json:
        show_json({"hash": hashed, "yaml": _line(None, hashed)})
    else:
        say(hashed)


def key_seal(*, as_json: Json = False) -> None:
    """Make a random key to seal stored credentials with, for sealing.keys: callers that are passed through need one.

    To change it, put a new key in front; remove the old one when no message waits that was accepted before.
    """
    from gateway.sealing import new_seal_key

    key = new_seal_key()
    if as_json:
        show_json({"key": key, "yaml": f'sealing: {{keys: ["{key}"]}}'})
    else:
        say(key)


def key_sign(*, as_json: Json = False) -> None:
    """Make a random key to sign what is posted to a caller with, for callers[].signing; the caller gets it, too."""
    from gateway.signing import new_signing_key

    key = new_signing_key()
    if as_json:
        show_json({"key": key, "yaml": f'signing: "{key}"'})
    else:
        say(key)


def _given_key() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def doctor(
    *,
    config: ConfigFile = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="Only ask the running gateway whether it is ready: 0 yes, 1 no, 3 silence.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at everything a gateway needs on this machine, and say what to do about each problem."""
    from gateway.cli import diagnosis

    if ready:
        raise typer.Exit(diagnosis.ready(config, as_json=as_json))
    raise typer.Exit(diagnosis.doctor(config, as_json=as_json))
