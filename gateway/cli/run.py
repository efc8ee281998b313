"""The commands that run a gateway: serve and demo."""

from typing import Annotated

import typer

from gateway.cli.options import ConfigFile, Json


def serve(
    *,
    config: ConfigFile = None,
    public: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where clients call, instead of listen.public.")
    ] = None,
    internal: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Health and metrics, instead of listen.internal.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="sqlite:///PATH or memory:, instead of the configured store.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read the configuration again when its file changes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines, also to a terminal.")] = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; a second signal ends it at once.

    SIGHUP reads the configuration again, as 'sluss reload' does.
    """
    from gateway.cli import process

    flags = {
        "listen.public": public,
        "listen.internal": internal,
        "store": store,
        "log.format": "json" if as_json else None,
    }
    process.run(config, {name: value for name, value in flags.items() if value is not None}, watch=watch)


def demo(
    *,
    serve: Annotated[bool, typer.Option("--serve", help="Leave it running, with commands to paste.")] = False,
    as_json: Json = False,
) -> None:
    """Send one message through each face to a v2 provider on this machine, and watch its statuses come back."""
    from gateway import demo

    raise typer.Exit(demo.run(serve=serve, as_json=as_json))
