"""What is passed on to an upstream, and back: no path leads out of its API, and nothing that is secret crosses."""

from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from gateway.errors import NotFound
from gateway.ports import Call
from gateway.relaying import homeward, onward, veiled, without

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
    "/v2/batches.",
    "/v2/batches%20",
    "/v2/%20batches",
    "/v2/batches./1",
    "/v2/batches%20/",
    "/v2/%EF%BD%82atches",
    "/v2/batche%C5%BF",
    "/v2/blac%E2%84%AAlist",
    "/v2/%C0%AE%C0%AE/x",
    "/v2/batches%C0%AF",
    "/v2/me%FF",
    "/v2",
    "/api/x",
]


@pytest.mark.parametrize(("path", "expected"), GOOD)
def test_a_path_below_the_face_is_one_below_the_upstreams_base(path: str, expected: str) -> None:
    """It is passed on as it is written, with its query."""
    passed = onward(Call("PATCH", path, "a=%2F&b=1", {}, b""), "/v2/", own=False)

    assert (passed.method, passed.path, passed.query) == ("PATCH", expected, "a=%2F&b=1")


@pytest.mark.parametrize("path", STRANGE)
def test_a_path_that_means_something_else_is_nowhere(path: str) -> None:
    """One that leads upwards, hides a slash, or hides an address that is served here from whoever looks for it."""
    with pytest.raises(NotFound):
        onward(Call("GET", path), "/v2/", own=True)


@pytest.mark.parametrize("call", [Call("TRACE", "/v2/x"), Call("CONNECT", "/v2/x"), Call("GET", "/v2/x", "a=\udcff")])
def test_what_no_api_takes_is_nowhere(call: Call) -> None:
    """Methods that speak to proxies, and queries that are no text."""
    with pytest.raises(NotFound):
        onward(call, "/v2/", own=True)


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

    assert set(onward(Call("GET", "/v2/x", headers=headers), "/v2/", own=True).headers) == {
        "Accept",
        "Content-Length",
        "Content-Type",
        "If-None-Match",
    }
    headers["Content-Encoding"] = "gzip"
    passed = onward(Call("GET", "/v2/x", headers=headers), "/v2/", own=True)
    assert not {"Content-Length", "Content-Encoding"} & set(passed.headers), "it is passed on unpacked"


@pytest.mark.parametrize("path", ["/api/me/children", "/api/ME/children/1", "/api/me"])
def test_the_account_of_the_upstream_is_nobody_elses(path: str) -> None:
    """It shows the keys of the accounts below it; a caller's own account is the caller's to see."""
    with pytest.raises(NotFound):
        onward(Call("GET", path), "/api/", own=False)
    assert onward(Call("GET", path), "/api/", own=True).path == path.removeprefix("/api/")


THEIRS, OURS = "https://api.example/v2", "http://sms.example.org/v2"
ADDRESSES = [
    ("https://api.example/v2/surveys/1", f"{OURS}/surveys/1"),
    ("http://API.example:80/V2/surveys?a=1#b", f"{OURS}/surveys?a=1#b"),
    ("https://api.example:443/v2", OURS),
    ("/v2/surveys/1", f"{OURS}/surveys/1"),
    ("2", f"{OURS}/surveys/2"),
    ("//api.example/v2/x", f"{OURS}/x"),
    ("https://api.example/v2x/y", "https://api.example/v2x/y"),
    ("/login", "https://api.example/login"),
    ("https://api.example:8443/v2/x", "https://api.example:8443/v2/x"),
    ("https://api.example.net/v2/x", "https://api.example.net/v2/x"),
    ("https://api.example:x/v2", "https://api.example:x/v2"),
    ("mailto:a@b.example", "mailto:a@b.example"),
    ("http://[bad", "http://[bad"),
]


@pytest.mark.parametrize(("address", "named"), ADDRESSES)
def test_an_answer_names_our_addresses(address: str, named: str) -> None:
    """Where it names the upstream's, however that is written; all others are what they were."""
    headers = {"Location": address, "Link": f'<{address}>; rel="next"'}
    told = homeward(headers, f"{THEIRS}/surveys/1", THEIRS, OURS)

    assert told == {"Location": named, "Link": f'<{named}>; rel="next"'}


def test_only_harmless_fields_come_back() -> None:
    """Cookies and the server's own words stay behind; several links are one list of them (RFC 9110, 5.3)."""
    headers = CIMultiDict(
        {
            "content-type": "application/json",
            "Content-Length": "2",
            "Set-Cookie": "session=1",
            "Server": "IIS",
            "Connection": "close",
            "WWW-Authenticate": "Bearer",
        }
    )
    headers.add("Link", f'<{THEIRS}/surveys?start=1>; rel="prev"')
    headers.add("Link", f'<{THEIRS}/surveys?start=2>; rel="next"')

    assert homeward(headers, THEIRS, THEIRS, OURS) == {
        "Content-Type": "application/json",
        "Content-Length": "2",
        "Link": f'<{OURS}/surveys?start=1>; rel="prev", <{OURS}/surveys?start=2>; rel="next"',
    }
    headers["Content-Encoding"] = "gzip"
    assert "Content-Length" not in homeward(headers, THEIRS, THEIRS, OURS), "it comes back unpacked"


def test_what_no_header_can_hold_stays_behind() -> None:
    """A control character in a field of the provider's breaks no answer."""
    assert homeward({"ETag": "a\x01b", "Content-Type": "a/b"}, THEIRS, THEIRS, OURS) == {"Content-Type": "a/b"}


def test_a_secret_is_in_no_field() -> None:
    """However the provider repeats it; what is shorter than a key is no secret."""
    told = without({"ETag": '"the-secret"', "Location": "/x?key=the-secret"}, [b"the-secret", b"x"])
    assert told == {"ETag": '"**********"', "Location": "/x?key=**********"}


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The same bytes, cut."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 100])
async def test_a_secret_is_in_no_answer(size: int) -> None:
    """However it was cut; nothing else is changed, and nothing becomes shorter."""
    data = b"ab secret-1 secret-1the-other-one secret- secret"
    shown = b"".join([chunk async for chunk in veiled(pieces(data, size), [b"secret-1", b"the-other-one"])])

    assert shown == b"ab ******** ********************* secret- secret"


async def test_what_is_shorter_than_a_key_is_no_secret() -> None:
    """A placeholder of a few letters would stand in innocent words; without secrets a piece is passed on as it is."""
    assert [chunk async for chunk in veiled(pieces(b"a token", 3), [b"token"])] == [b"a t", b"oke", b"n"]
