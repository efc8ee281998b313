"""The options that several commands share, and reading the configuration they name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    # Only for the annotation: pydantic would make `sluss --help` twice as slow.
    from gateway.config import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables and sentences.")]

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file. Default: $SLUSS_CONFIG, ./sluss.yaml, /etc/sluss/sluss.yaml.",
    ),
]


def read_settings(path: Path | None, overrides: Mapping[str, str] | None = None) -> "Settings":
    """The configuration as the gateway reads it. Raises ConfigError."""
    from gateway import config  # noqa: PLC0415 - see above

    return config.load(config.find(path, os.environ), os.environ, overrides=overrides)
