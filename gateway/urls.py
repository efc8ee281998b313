"""Addresses of providers, as a configuration writes them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        whole = None
    if not whole or set(text) & set("?#@ \\") or not text.isprintable():
        raise ValueError(
            "must be the address of a service, as https://api.example.com/v2: no query, no account or password"
        )
    return text


BaseUrl = Annotated[
    str, AfterValidator(_base), WithJsonSchema({"type": "string", "pattern": r"^https?://[^\s?#@\\]+$"})
]
"""Scheme, host, perhaps a port and a path."""
