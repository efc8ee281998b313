"""What is passed on to an upstream, and back: no path leads out of its API, and nothing that is secret crosses."""

import pytest

from gateway.errors import NotFound
from gateway.ports import Call, Reply
from gateway.relaying import homeward, onward

GOOD = [
    ("/v2/surveys", "surveys"),
    ("/V2/Surveys/a%20b/", "Surveys/a%20b/"),
    ("/v2/surveys/%C3%A5/questions/1", "surveys/%C3%A5/questions/1"),
    ("/v2/a.b-c_d~e/f:g@h!$&'()*+,=", "a.b-c_d~e/f:g@h!$&'()*+,="),
]
STRANGE = [
    "/v2/../api/me",
    "/v2/./surveys",
    "/v2/surveys/..",
    "/v2/%2e%2e/api",
    "/v2/%2E./api",
    "/v2/surveys%2f..%2fx",
    "/v2/surveys%5c..",
    "/v2/surveys\\x",
    "/v2//evil.example/x",
    "/v2/surveys//x",
    "/v2/%62atches",
    "/v2/b%61tches/1",
    "/v2/%42ATCHES",
    "/v2/batches%3b",
    "/v2/batches;x=1",
    "/v2/%2562atches",
    "/v2/surveys%00",
    "/v2/surveys%0d%0aX:1",
    "/v2/surveys\u00e5",
    "/v2/surveys x",
    "/v2/surveys%3fa",
    "/v2/surveys%23a",
    "/v2",
    "/api/x",
]


@pytest.mark.parametrize(("path", "expected"), GOOD)
def test_a_path_below_the_face_is_one_below_the_upstreams_base(path: str, expected: str) -> None:
    """It is passed on as it is written, with its query and its body."""
    passed = onward(Call("PATCH", path, "a=%2F&b=1", {}, b"body"), "/v2/")

    assert (passed.method, passed.path, passed.query, passed.body) == ("PATCH", expected, "a=%2F&b=1", b"body")


@pytest.mark.parametrize("path", STRANGE)
def test_a_path_that_means_something_else_is_nowhere(path: str) -> None:
    """One that leads upwards, hides a slash, or hides an address that is served here from whoever looks for it."""
    with pytest.raises(NotFound):
        onward(Call("GET", path), "/v2/")


@pytest.mark.parametrize("call", [Call("TRACE", "/v2/x"), Call("CONNECT", "/v2/x"), Call("GET", "/v2/x", "a=\udcff")])
def test_what_no_api_takes_is_nowhere(call: Call) -> None:
    """Methods that speak to proxies, and queries that are no text."""
    with pytest.raises(NotFound):
        onward(call, "/v2/")


def test_only_harmless_fields_are_passed_on() -> None:
    """Neither what is meant for us alone, nor what belongs to one connection, nor what nobody knows."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "If-None-Match": '"1"',
        "Authorization": "Bearer secret",
        "Cookie": "a=b",
        "Host": "sms.example.org",
        "Connection": "X-Mine",
        "X-Mine": "1",
        "X-Forwarded-For": "10.0.0.1",
        "Proxy-Authorization": "Basic x",
        "Transfer-Encoding": "chunked",
        "Content-Length": "4",
        "Expect": "100-continue",
        "TE": "trailers",
    }

    assert set(onward(Call("GET", "/v2/x", headers=headers), "/v2/").headers) == {
        "Accept",
        "Content-Type",
        "If-None-Match",
    }


def test_an_answer_names_our_addresses() -> None:
    """Where it names the upstream's; cookies and the server's own words stay behind."""
    headers = {
        "Content-Type": "application/json",
        "Location": "https://api.example/v2/surveys/1",
        "Link": '<https://api.example/v2/surveys?start=1>; rel="next"',
        "Set-Cookie": "session=1",
        "Server": "IIS",
        "Connection": "close",
        "Content-Encoding": "gzip",
        "WWW-Authenticate": "Bearer",
    }
    reply = homeward(Reply(201, b"{}", headers), "https://api.example/v2", "http://sms.example.org/v2")

    assert reply == Reply(
        201,
        b"{}",
        {
            "Content-Type": "application/json",
            "Link": '<http://sms.example.org/v2/surveys?start=1>; rel="next"',
            "Location": "http://sms.example.org/v2/surveys/1",
        },
    )
