"""The commands that ask about messages: send, status, codes, explain."""

from enum import StrEnum
from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json


class Type(StrEnum):
    """The types of a message."""

    SMS = "sms"
    FLASH = "flash"


def send(
    *,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="The recipient, with country code: 46712345678.")],
    text: Annotated[str, typer.Option(help="What the message says.")],
    sender: Annotated[str, typer.Option("--from", help="The sender: a number, or 1 to 11 letters A-Z and digits.")],
    url: Annotated[str, typer.Option(help="The running gateway.")] = "http://127.0.0.1:8080",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until nothing more will happen to the message.")] = False,
    timeout: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long --wait waits.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Send one SMS through a running gateway, over its REST v2 face.

    The API key comes from the environment variable SLUSS_KEY or is asked for; it is no option, because it would stay
    in the shell's history. Ends with 1 where the gateway refuses, or where --wait sees no delivery.
    """
    from gateway.cli import submission

    raise typer.Exit(
        submission.send(
            submission.Order(to=to, text=text, sender=sender, url=url),
            wait=timeout if wait else None,
            as_json=as_json,
        )
    )


def status(
    message_id: Annotated[
        str, typer.Argument(metavar="ID", help="A message's number, or the 24-digit id of a message or batch.")
    ],
    *,
    config: ConfigFile = None,
    full: Annotated[bool, typer.Option("--full", help="Show phone numbers whole.")] = False,
    as_json: Json = False,
) -> None:
    """Tell where a message or a batch stands, from the store's file. Never shows a text."""
    from gateway.cli import history

    history.show(config, message_id, full=full, as_json=as_json)


def codes(
    code: Annotated[int | None, typer.Argument(help="Only this code, in both vocabularies.")] = None,
    *,
    legacy: Annotated[
        bool | None, typer.Option("--legacy/--v2", help="Only the older APIs' codes, or only v2's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the status codes of both vocabularies, and what each becomes in the other.

    The same number may mean two things: legacy 101 is wrong credentials, v2 101 is Accepted.
    """
    from gateway.cli import codes as tables

    tables.show(code, legacy=legacy, as_json=as_json)


def explain(  # noqa: PLR0913 - to typer an option is an argument
    message_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="A stored message: its number or its 24-digit id.")
    ] = None,
    *,
    config: ConfigFile = None,
    face: Annotated[str, typer.Option(help="The face it would come in by.")] = "rest_v2",
    caller: Annotated[str | None, typer.Option(help="The caller's name.")] = None,
    sender: Annotated[str | None, typer.Option(help="The sender of the message.")] = None,
    to: Annotated[str | None, typer.Option(metavar="NUMBER", help="The recipient.")] = None,
    text: Annotated[str, typer.Option(help="What the message would say.")] = "Hello",
    message_type: Annotated[Type, typer.Option("--type", help="The type of the message.")] = Type.SMS,
    full: Annotated[
        bool, typer.Option("--full", help="Show a stored message's phone number and text, which are hidden otherwise.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell why a message goes where it goes, and the request it leaves as. Nothing is sent.

    With an ID: what became of a stored message. With --caller, --sender and --to: what would become of such a message.
    """
    from gateway.cli import explanation

    if message_id is not None:
        explanation.of_stored(config, message_id, full=full, as_json=as_json)
    elif caller is None or sender is None or to is None:
        raise typer.BadParameter("give the ID of a stored message, or --caller, --sender and --to", param_hint="ID")
    else:
        question = explanation.Question(face, caller, sender, to, text, message_type.value)
        explanation.of_question(config, question, as_json=as_json)
