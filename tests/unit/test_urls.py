"""Addresses of providers: what can never be called is refused before anything is sent."""

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.urls import BaseUrl

READ = TypeAdapter(BaseUrl).validate_python


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v2", "http://127.0.0.1:9/api", "http://[::1]:8080", "https://sms.exämple.se/a/b/"]
)
def test_an_address_is_kept_as_it_is(url: str) -> None:
    """Scheme, host, perhaps a port and a path."""
    assert READ(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com/v2",
        "ftp://api.example.com",
        "https:///v2",
        "https://api.example.com:99999/v2",
        "https://api.example.com:abc/v2",
        "https://api.example.com:0/v2",
        "https://[::1/v2",
        "https://user:password@api.example.com/v2",
        "https://api.example.com/v2?key=1",
        "https://api.example.com/v2#part",
        "https://api.example.com/a b",
        "https://api.example.com/v2\n",
        "https://api.example.com\\v2",
    ],
)
def test_what_cannot_be_called_is_refused(url: str) -> None:
    """One sentence says what is wanted, and does not show what was written."""
    with pytest.raises(ValidationError, match="must be the address of a service"):
        READ(url)
