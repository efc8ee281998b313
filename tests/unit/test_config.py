"""The settings tree: defaults, forms, and every problem in one go, in sentences that show no secret."""

import sys
from ipaddress import ip_network
from pathlib import Path
from types import ModuleType
from typing import Annotated, Self, cast

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, ValidationError, model_validator

from gateway import registry
from gateway.config import Address, Listen, Log, Retry, Settings, UpstreamSettings, findings, load
from gateway.errors import ConfigError
from gateway.ports import Adapter, Face, Local, Reports

HASH = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
SCRYPT = "scrypt:16384:8:1:c2FsdHNhbHRzYWx0c2E=:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0"


def _quotes(value: object) -> object:
    raise ValueError(f"cannot use {value!r} here")


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even")
    return number


class _Proxy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str = ""

    @model_validator(mode="after")
    def _quotes(self) -> Self:
        if self.host:
            raise ValueError(f"cannot use {self.host} here")
        return self


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    token: SecretStr | None = None
    strength: int = 1
    picky: Annotated[str, AfterValidator(_quotes)] = ""
    even: Annotated[int, AfterValidator(_even)] = 0
    hosts: Annotated[tuple[str, ...], AfterValidator(_quotes)] = ()
    proxy: _Proxy = _Proxy()


def _adapter(name: str, **rest: object) -> Adapter:
    return Adapter(name=name, title=name, **rest)  # type: ignore[arg-type]


@pytest.fixture(name="acme", autouse=True)
def _acme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three adapters of one's own: with options and reports, without options, and one that only serves clients."""
    local, face = cast("type[Local]", object), cast("type[Face]", object)
    adapters = {
        "acme.sms": _adapter("sms", options=_Options, local=local, reports=cast("type[Reports]", object)),
        "acme.bare": _adapter("bare", local=local),
        "acme.soap": _adapter("soap", face=face),
    }
    for name, adapter in adapters.items():
        module = ModuleType(name)
        module.ADAPTER = adapter  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(registry, "faces", lambda: (adapters["acme.soap"], _adapter("sendsms", face=face)))


MINIMAL = """\
version: 1
upstreams:
  main: {adapter: acme.bare}
routes:
  - {name: default, to: main}
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Where the tests write their configuration."""
    return tmp_path / "sluss.yaml"


def _load(path: Path, text: str) -> Settings:
    path.write_text(text, "utf-8")
    return load(path, {})


def _problems(path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _load(path, text)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_what_is_not_said_has_its_default(path: Path) -> None:
    """A version, an upstream and a route are enough; all else is loopback, a file beside, and nobody who may call."""
    settings = _load(path, MINIMAL)

    assert settings.listen == Listen(
        public=Address("127.0.0.1", 8080),
        internal=Address("127.0.0.1", 8081),
        public_url=None,
        trusted_proxies=(),
        hook_secret=None,
        shutdown="20s",
    )
    assert settings.store == "sqlite:///./sluss.db"
    assert settings.callers == ()
    assert settings.upstreams == {
        "main": UpstreamSettings(
            name="main",
            adapter="acme.bare",
            rate=None,
            concurrency=128,
            timeout="30s",
            connect_timeout="5s",
            retry=Retry(first="1s", max="5m", give_up="24h"),
        )
    }
    assert settings.routes[0].when.everything
    assert settings.callbacks.model_dump() == {"allow_private": False, "timeout": 10.0}
    assert settings.log == Log(level="info", format="auto")


def test_everything_that_is_said_arrives(path: Path) -> None:
    """Each key becomes what the gateway works with: seconds, rates per second, networks, sets of names."""
    settings = _load(
        path,
        f"""\
version: 1
listen:
  public: "[::]:8080"
  internal: localhost:0
  public_url: https://sms.example.org/gw
  trusted_proxies: [10.0.0.0/8, "fd00::/8"]
  hook_secret: 0123456789abcdef
  shutdown: 500ms
store: "memory:"
callers:
  - name: erp
    account: 12345
    keys: ["{HASH}", {{hash: "{SCRYPT}", name: old, allow_from: [10.1.2.3]}}]
    allow_from: [10.1.0.0/16]
    faces: [soap]
    country: 47
    currency: NOK
    organization: Räksmörgås AB
upstreams:
  main:
    adapter: acme.sms
    rate: 600/m
    concurrency: 4
    timeout: 1m
    connect_timeout: 1.5s
    retry: {{first: 2s, max: 1h, give_up: 7d}}
    url: https://x.example
    token: hunter2
routes:
  - name: tests
    when: {{face: soap, caller: [erp], sender: 46700000000, recipient: [4670000*, 46701234567]}}
    to: main
  - {{name: default, to: main}}
callbacks: {{allow_private: true, timeout: 3s}}
log: {{level: debug, format: json}}
""",
    )

    listen, caller, upstream, rule = (
        settings.listen,
        settings.callers[0],
        settings.upstreams["main"],
        settings.routes[0],
    )
    assert (listen.public, listen.internal) == (Address("::", 8080), Address("localhost", 0))
    assert listen.public_url == "https://sms.example.org/gw"
    assert listen.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert listen.hook_secret == SecretStr("0123456789abcdef")
    assert listen.shutdown == 0.5
    assert settings.store == "memory:"
    assert (caller.name, caller.account) == ("erp", "12345")
    assert [(key.hash, key.name, key.allow_from) for key in caller.keys] == [
        (HASH, "", ()),
        (SCRYPT, "old", (ip_network("10.1.2.3/32"),)),
    ]
    assert (caller.allow_from, caller.faces) == ((ip_network("10.1.0.0/16"),), ("soap",))
    assert (caller.country, caller.currency, caller.organization) == ("47", "NOK", "Räksmörgås AB")
    assert (upstream.rate, upstream.concurrency, upstream.timeout, upstream.connect_timeout) == (10.0, 4, 60.0, 1.5)
    assert (upstream.retry.first, upstream.retry.max, upstream.retry.give_up) == (2.0, 3600.0, 604800.0)
    assert upstream.options == _Options(url="https://x.example", token=SecretStr("hunter2"))
    assert (rule.when.face, rule.when.caller) == (frozenset({"soap"}), frozenset({"erp"}))
    assert (rule.when.sender, rule.when.recipient) == (frozenset({"46700000000"}), ("4670000*", "46701234567"))
    assert (settings.callbacks.allow_private, settings.callbacks.timeout) == (True, 3.0)
    assert settings.log == Log(level="debug", format="json")


def _with(line: str) -> str:
    return MINIMAL + line + "\n"


def _caller(rest: str) -> str:
    return _with(f"callers: [{{name: erp, account: a, keys: ['{HASH}'], {rest}}}]")


def _upstream(rest: str) -> str:
    return MINIMAL.replace("acme.bare", f"acme.bare, {rest}")


def _options(rest: str) -> str:
    return MINIMAL.replace("acme.bare", f"acme.sms, {rest}")


def _rule(rest: str) -> str:
    return MINIMAL.replace("routes:\n", f"routes:\n  - {rest}\n")


def _when(rest: str) -> str:
    return MINIMAL.replace("routes:\n", f"routes:\n  - {{name: r, to: main, when: {rest}}}\n")


_DURATION = "must be a duration with its unit, such as 500ms, 30s, 5m, 24h or 7d"
_RATE = "must be a rate with its unit, such as 20/s, 600/m or 1000/h"
_ADDRESS = 'must be HOST:PORT, such as 127.0.0.1:8080 or "[::]:8080" (in quotes)'
_URL = "must be the URL clients reach, such as https://sms.example.org: no / at its end, no query"
_NETWORK = "must be an address or a network, such as 10.1.2.3 or 10.1.0.0/16, with no bits set behind the prefix"
_NO_HASH = "is no hash of a key: make a new key with 'sluss key new', or hash the one in use with 'sluss key hash'"
_PHONE = (
    "must be digits with the country code, * for any further ones and ? for any single one:"
    " 46700001111, 4670000*, 46?0*"
)
_RANGE = "must be a number (2) or a range: 1-160, 161- for 161 and more, -70 for 70 and less"
_HOURS = 'must be hours of a day in quotes, as "08:00-17:00" or "22:00-06:00"'
_SLUG = "must be a short name of lower-case letters, digits, - and _"
_EMPTY = "is empty: give it a value, or remove the key"

STORES = "only sqlite:///PATH, postgresql://USER@HOST/DATABASE and memory: are supported"
WRONG = [
    ("no version", MINIMAL.replace("version: 1\n", ""), "1: version: is missing"),
    ("another version", MINIMAL.replace("version: 1", "version: 2"), "1: version: must be 1"),
    ("a misspelt section", _with("calers: []"), "6: unknown key 'calers' (did you mean 'callers'?)"),
    ("a misspelt key", _with("log: {levle: info}"), "6: log: unknown key 'levle' (did you mean 'level'?)"),
    ("a key like nothing", _with("log: {x: y}"), "6: log: unknown key 'x' (there is: format, level)"),
    ("an empty section", _with("listen:"), f"6: listen: {_EMPTY}"),
    ("an empty key", _with("listen:\n  shutdown:"), f"7: listen.shutdown: {_EMPTY}"),
    ("a section that is a list", _with("log: []"), "6: log: must be a mapping of keys to values"),
    ("a duration without a unit", _with("listen: {shutdown: 30}"), f"6: listen.shutdown: {_DURATION}"),
    ("a duration that is false", _with("listen: {shutdown: false}"), f"6: listen.shutdown: {_DURATION}"),
    ("a time-out of nothing", _with("callbacks: {timeout: 0}"), "6: callbacks.timeout: must be more than 0"),
    ("a port alone", _with("listen: {public: 8080}"), f"6: listen.public: {_ADDRESS}"),
    ("a port too high", _with("listen: {public: localhost:70000}"), f"6: listen.public: {_ADDRESS}"),
    ("IPv6 without brackets", _with("listen: {public: '::1:8080'}"), f"6: listen.public: {_ADDRESS}"),
    ("no IPv6 in brackets", _with("listen: {public: '[1.2.3.4]:8080'}"), f"6: listen.public: {_ADDRESS}"),
    (
        "two listeners on one address",
        _with("listen: {internal: 127.0.0.1:8080}"),
        "6: listen: public and internal are the same address: give internal a port of its own",
    ),
    ("a URL with a slash", _with("listen: {public_url: 'https://x.se/'}"), f"6: listen.public_url: {_URL}"),
    ("a URL with a query", _with("listen: {public_url: 'https://x.se?a=b'}"), f"6: listen.public_url: {_URL}"),
    ("a URL with a password", _with("listen: {public_url: 'https://a:b@x.se'}"), f"6: listen.public_url: {_URL}"),
    ("a URL without a scheme", _with("listen: {public_url: x.se}"), f"6: listen.public_url: {_URL}"),
    ("a URL that cannot be split", _with("listen: {public_url: 'http://[x'}"), f"6: listen.public_url: {_URL}"),
    (
        "a network with host bits",
        _with("listen: {trusted_proxies: [10.0.0.1/8]}"),
        f"6: listen.trusted_proxies.0: {_NETWORK}",
    ),
    (
        "one network without a list",
        _with("listen: {trusted_proxies: 10.0.0.0/8}"),
        "6: listen.trusted_proxies: must be a list",
    ),
    ("a short secret", _with("listen: {hook_secret: hunter2}"), "6: listen.hook_secret: is too short: at least 16"),
    ("another engine", _with("store: mysql://h/d"), f"6: store: {STORES}"),
    ("a store without a path", _with("store: 'sqlite:///'"), f"6: store: {STORES}"),
    (
        "a level that is none",
        _with("log: {level: loud}"),
        "6: log.level: must be 'debug', 'info', 'warning' or 'error'",
    ),
    (
        "a boolean that is none",
        _with("callbacks: {allow_private: perhaps}"),
        "6: callbacks.allow_private: must be true or false",
    ),
    (
        "a caller without a key",
        _with("callers: [{name: r, account: b, keys: []}]"),
        "6: callers.0.keys: is empty: at least one is needed",
    ),
    (
        "a name that is none",
        _with(f"callers: [{{name: ERP, account: b, keys: ['{HASH}']}}]"),
        f"6: callers.0.name: {_SLUG}",
    ),
    (
        "an empty account",
        _with(f"callers: [{{name: r, account: '', keys: ['{HASH}']}}]"),
        "6: callers.0.account: is too short: at least 1",
    ),
    ("a country of zero", _caller("country: 0"), "6: callers.0.country: must be a country calling code, such as 46"),
    ("a small currency", _caller("currency: sek"), "6: callers.0.currency: must be three capital letters, such as SEK"),
    ("a face that is none", _caller("faces: [sope]"), "6: callers.0.faces: unknown face 'sope' (did you mean 'soap'?)"),
    ("a bad network", _caller("allow_from: [5]"), f"6: callers.0.allow_from.0: {_NETWORK}"),
    (
        "no upstream",
        MINIMAL.replace("main: {adapter: acme.bare}", "{}"),
        "2: upstreams: is empty: at least one is needed",
    ),
    ("a bad upstream name", MINIMAL.replace("main", "Main"), f"3: upstreams.Main.name: {_SLUG}"),
    (
        "an upstream without adapter",
        MINIMAL.replace("adapter: acme.bare", "url: x"),
        "3: upstreams.main.adapter: is missing",
    ),
    (
        "more in a shared request than one carries",
        MINIMAL.replace(
            "adapter: acme.bare", "adapter: rest_v2, url: 'https://x.se/v2', token: t, max_recipients: 80, gather: 81"
        ),
        "3: upstreams.main.gather: must be at most max_recipients: lower it, or raise that",
    ),
    (
        "an adapter that is none",
        MINIMAL.replace("acme.bare", "rest_v3"),
        "3: upstreams.main.adapter: unknown adapter 'rest_v3' (did you mean 'rest_v2'?)",
    ),
    (
        "an adapter that only serves",
        MINIMAL.replace("acme.bare", "acme.soap"),
        "3: upstreams.main.adapter: adapter 'acme.soap' only serves clients: it cannot be an upstream",
    ),
    (
        "a name in the wrong place",
        _upstream("name: other"),
        "2: upstreams: an upstream is named by its key: remove 'name' from what stands below it",
    ),
    ("a rate without a unit", _upstream("rate: 20"), f"3: upstreams.main.rate: {_RATE}"),
    ("a rate of nothing", _upstream("rate: 0/s"), f"3: upstreams.main.rate: {_RATE}"),
    ("no concurrency", _upstream("concurrency: 0"), "3: upstreams.main.concurrency: must be at least 1"),
    ("too much concurrency", _upstream("concurrency: 1001"), "3: upstreams.main.concurrency: must be at most 1000"),
    ("half a request", _upstream("concurrency: 1.5"), "3: upstreams.main.concurrency: must be a whole number"),
    (
        "pauses that shrink",
        _upstream("retry: {first: 1m, max: 1s}"),
        "3: upstreams.main.retry: max is shorter than first: make it at least as long",
    ),
    (
        "a misspelt retry",
        _upstream("retry: {frist: 1m}"),
        "3: upstreams.main.retry: unknown key 'frist' (did you mean 'first'?)",
    ),
    (
        "an option of an adapter without",
        _upstream("concurency: 1"),
        "3: upstreams.main: unknown key 'concurency' (did you mean 'concurrency'?)",
    ),
    ("a missing option", _options("strength: 1"), "3: upstreams.main.url: is missing"),
    ("a misspelt option", _options("url: x, tokn: y"), "3: upstreams.main: unknown key 'tokn' (did you mean 'token'?)"),
    ("options under a key of theirs", _options("url: x, options: {}"), "3: upstreams.main: unknown key 'options'"),
    ("an option of another kind", _options("url: 5"), "3: upstreams.main.url: must be text: put it in quotes"),
    ("a number that is none", _options("url: x, strength: much"), "3: upstreams.main.strength: must be a whole number"),
    (
        "no route",
        MINIMAL.replace("\n  - {name: default, to: main}", " []"),
        "4: routes: is empty: at least one is needed",
    ),
    (
        "a route nowhere",
        MINIMAL.replace("to: main", "to: mian"),
        "5: routes.0.to: unknown upstream 'mian' (did you mean 'main'?)",
    ),
    ("a rule for a stranger", _when("{caller: eps}"), "5: routes.0.when.caller: unknown caller 'eps'"),
    (
        "a rule for no face",
        _when("{face: sendsm}"),
        "5: routes.0.when.face: unknown face 'sendsm' (did you mean 'sendsms'?)",
    ),
    ("a national number", _when("{recipient: '070*'}"), f"5: routes.0.when.recipient.0: {_PHONE}"),
    ("a star alone", _when("{recipient: '*'}"), f"5: routes.0.when.recipient.0: {_PHONE}"),
    (
        "a country by its letters",
        _when("{country: SE}"),
        "5: routes.0.when.country.0: must be a country calling code, such as 46",
    ),
    ("a priority that is none", _when("{priority: 3}"), "5: routes.0.when.priority.0: must be normal or high"),
    (
        "a text that asks nothing",
        _when("{text: {}}"),
        "5: routes.0.when.text: asks nothing: name length, segments, encoding or matches",
    ),
    ("a range that shrinks", _when("{text: {length: 9-2}}"), f"5: routes.0.when.text.length: {_RANGE}"),
    ("a range of nothing", _when("{text: {segments: '-'}}"), f"5: routes.0.when.text.segments: {_RANGE}"),
    (
        "a misspelt question of the text",
        _when("{text: {lenght: 1}}"),
        "5: routes.0.when.text: unknown key 'lenght' (did you mean 'length'?)",
    ),
    (
        "a time that asks nothing",
        _when("{time: {zone: UTC}}"),
        "5: routes.0.when.time: asks nothing: name days or between",
    ),
    (
        "a day that is none",
        _when("{time: {days: lördag}}"),
        "5: routes.0.when.time.days.0: must be a day: mon, tue, wed, thu, fri, sat, sun",
    ),
    ("hours without quotes", _when("{time: {between: 8-17}}"), f"5: routes.0.when.time.between.0: {_HOURS}"),
    ("the same hour twice", _when("{time: {between: '08:00-08:00'}}"), f"5: routes.0.when.time.between.0: {_HOURS}"),
    ("later than midnight", _when("{time: {between: '08:00-24:30'}}"), f"5: routes.0.when.time.between.0: {_HOURS}"),
    (
        "a route that goes nowhere",
        _rule("{name: r}"),
        "5: routes.0: give either 'to', an upstream, or 'reject', the status of REST v2 that is answered",
    ),
    (
        "a route that sends and rejects",
        _rule("{name: r, to: main, reject: 405}"),
        "5: routes.0: give either 'to', an upstream, or 'reject', the status of REST v2 that is answered",
    ),
    (
        "a rejection with more",
        _rule("{name: r, reject: 405, hold: true}"),
        "5: routes.0: a rule that rejects sends nothing: remove the keys beside name, when and reject",
    ),
    (
        "a rejection that is no end",
        _rule("{name: r, reject: 111}"),
        "5: routes.0.reject: must be a status of REST v2 that ends in failure, as 405: 'sluss codes' lists them",
    ),
    (
        "weights of nothing",
        _rule("{name: r, to: {main: 0}}"),
        "5: routes.0.to: every weight is 0, so nobody would get anything: give one upstream more",
    ),
    (
        "a weight for a stranger",
        _rule("{name: r, when: {sender: x}, to: {main: 1, mian: 2}}"),
        "5: routes.0.to: unknown upstream 'mian' (did you mean 'main'?)",
    ),
    (
        "a fallback that is a stranger",
        _rule("{name: r, when: {sender: x}, to: main, fallback: mian}"),
        "5: routes.0.fallback: unknown upstream 'mian' (did you mean 'main'?)",
    ),
    (
        "a fallback to itself",
        _rule("{name: r, to: main, fallback: main}"),
        "5: routes.0: fallback names an upstream that 'to' names as well",
    ),
    (
        "a rejection as delivered",
        _rule("{name: r, when: {sender: x}, reject: 201}"),
        "5: routes.0.reject: must be a status of REST v2 that ends in failure, as 405: 'sluss codes' lists them",
    ),
    (
        "a fallback for nothing at all",
        _rule("{name: r, to: main, fallback: next, on: []}"),
        "5: routes.0.on: is empty: at least one is needed",
    ),
    (
        "a word to wait for from nobody",
        _rule("{name: r, to: main, hold: true, reply: sent}"),
        "5: routes.0: what is held has no upstream's word to wait for: remove 'hold' or 'reply: sent'",
    ),
    (
        "keys that are not used",
        _caller("passthrough: true"),
        "6: callers.0.keys: must be left out with passthrough: its keys are the upstream's to check",
    ),
    (
        "a key that seals nothing",
        MINIMAL + "sealing: {keys: [too-short]}",
        "6: sealing.keys.0: is no key to seal with: make one with 'sluss key seal'",
    ),
    (
        "credentials that nothing seals",
        MINIMAL + "callers: [{name: old, account: a, passthrough: true}]",
        (
            "1: a caller is passed through, so its credentials are stored until they are used: name under"
            " sealing.keys a key to seal them with, made by 'sluss key seal'"
        ),
    ),
    (
        "an account that is passed through and known",
        _caller("}, {name: old, account: a, passthrough: true"),
        "6: callers.1.account: 'erp' has it too: an account that is passed through is one caller's (see {path}:6)",
    ),
    (
        "quiet for ever",
        _rule("{name: r, to: main, quiet: {between: ['00:00-12:00', '12:00-24:00']}}"),
        "5: routes.0.quiet: never ends, so nothing would leave: write 'hold: true' where operations decide",
    ),
    (
        "a sender that would be cut",
        _rule("{name: r, to: main, rewrite: {sender: MyCompanyName}}"),
        "5: routes.0.rewrite.sender: must be a number, or a name of at most 11 characters without blanks around it",
    ),
    (
        "a sender of blanks",
        _rule("{name: r, to: main, rewrite: {sender: '  '}}"),
        "5: routes.0.rewrite.sender: must be a number, or a name of at most 11 characters without blanks around it",
    ),
    (
        "a prefix that a template would fill in",
        _rule("{name: r, to: main, rewrite: {prefix: '{TEST} '}}"),
        "5: routes.0.rewrite.prefix: must not hold {words} in braces: in a template they would be replaced",
    ),
    ("a cap of nothing", _caller("daily: 0"), "6: callers.0.daily: must be at least 1"),
    ("a concurrency of nothing", _caller("concurrency: 0"), "6: callers.0.concurrency: must be at least 1"),
    (
        "a fallback for no reason",
        _rule("{name: r, to: main, fallback: next, on: late}"),
        "5: routes.0.on.0: must be unreachable, throttled, held, refused, unknown or a final status of REST v2, as 402",
    ),
    (
        "a reason without a fallback",
        _rule("{name: r, to: main, on: refused}"),
        "5: routes.0: 'on' says when to fall back, so it needs a 'fallback'",
    ),
    (
        "a wait for nothing",
        _rule("{name: r, to: main, within: 3s}"),
        "5: routes.0: 'within' says how long to wait for the upstream's word: it needs 'reply: sent'",
    ),
    (
        "a wait of an hour",
        _rule("{name: r, to: main, reply: sent, within: 1h}"),
        "5: routes.0.within: must be at most 60",
    ),
    (
        "a rewriting that is misspelt",
        _rule("{name: r, to: main, rewrite: {sendr: x}}"),
        "5: routes.0.rewrite: unknown key 'sendr' (did you mean 'sender'?)",
    ),
    (
        "a rule for nobody",
        _when("{sender: []}"),
        "5: routes.0.when.sender: is empty, so it would match everything: remove the key or name something",
    ),
    ("a misspelt condition", _when("{sendr: x}"), "5: routes.0.when: unknown key 'sendr' (did you mean 'sender'?)"),
    ("what an adapter refuses", _options("url: x, even: 3"), "3: upstreams.main.even: must be even"),
    ("an option within options", _options("url: x, proxy: {hots: x}"), "3: upstreams.main.proxy: unknown key 'hots'"),
    ("an option that says nothing", _options("url: x, strength:"), f"3: upstreams.main.strength: {_EMPTY}"),
    (
        "a list of upstreams",
        MINIMAL.replace("main: {adapter: acme.bare}", "[]"),
        "2: upstreams: must be a mapping of keys to values",
    ),
    (
        "an upstream that is a list",
        MINIMAL.replace("{adapter: acme.bare}", "[]"),
        "3: upstreams.main: must be a mapping of keys to values",
    ),
    (
        "a control character",
        _caller('organization: "a\\tb"'),
        "6: callers.0.organization: must not hold control characters",
    ),
    ("a mapping of faces", _when("{face: {soap: 1}}"), "5: routes.0.when.face: must be a list"),
    (
        "a test that expects nothing",
        MINIMAL + "tests:\n  - {given: {caller: a, recipient: '4670'}, expect: {}}\n",
        "7: tests.0.expect: expects nothing: name route, upstream or reject",
    ),
    (
        "a test of nobody",
        MINIMAL + "tests:\n  - {given: {caller: a}, expect: {route: default}}\n",
        "7: tests.0.given.recipient: is missing",
    ),
    (
        "a test of a national number",
        MINIMAL + "tests:\n  - {given: {caller: a, recipient: '070'}, expect: {route: default}}\n",
        "7: tests.0.given.recipient: must be a number in digits with its country code, as 46700001111",
    ),
    (
        "a test at no time",
        MINIMAL + "tests:\n  - {given: {caller: a, recipient: '4670', at: noon}, expect: {route: default}}\n",
        "7: tests.0.given.at: must be a time in quotes, as 2026-05-01T08:00:00Z or with an offset",
    ),
    (
        "a test of two ends",
        MINIMAL + "tests:\n  - {given: {caller: a, recipient: '4670'}, expect: {upstream: main, reject: 405}}\n",
        "7: tests.0.expect: what is rejected goes to no upstream: name one of the two",
    ),
    (
        "a misspelt test",
        MINIMAL + "tests:\n  - {given: {caller: a, recipient: '4670', sendr: x}, expect: {route: default}}\n",
        "7: tests.0.given: unknown key 'sendr' (did you mean 'sender'?)",
    ),
    (
        "a route in the shadow of another",
        MINIMAL.replace("routes:\n", "routes:\n  - {name: a, to: main, when: {recipient: 467*}}\n").replace(
            "  - {name: default", "  - {name: b, to: main, when: {recipient: 4670*}}\n  - {name: default"
        ),
        "6: routes.1: is never reached: 'a' above it takes all of its messages (see {path}:5)",
    ),
    (
        "a route that is never reached",
        MINIMAL + "  - {name: late, to: main, when: {sender: x}}\n",
        "6: routes.1: is never reached: move it above 'default', which takes everything",
    ),
    (
        "no default route",
        MINIMAL.replace("to: main", "to: main, when: {sender: x}"),
        "5: routes.0: no default route: end with a route without 'when', for what no other takes",
    ),
]


@pytest.mark.parametrize(("label", "text", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_one_mistake_is_one_sentence(path: Path, label: str, text: str, expected: str) -> None:
    """Line, path and what to do: one sentence for one mistake, and none for what follows from it."""
    assert _problems(path, text) == [expected.replace("{path}", str(path))]


HASHES = [
    ("a key in the clear", "hunter2-hunter2"),
    ("a hash without its kind", "a" * 64),
    ("a SHA-256 that is cut", "sha256:" + "a" * 63),
    ("a SHA-1", "sha1:" + "a" * 40),
    ("a scrypt whose n is no power of two", "scrypt:16383:8:1:c2FsdHNhbHRzYWx0c2E=:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0"),
    ("a scrypt that takes a gigabyte", "scrypt:1048576:8:1:c2FsdHNhbHRzYWx0c2E=:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0"),
    ("a scrypt without salt", "scrypt:16384:8:1:AAAA:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0"),
    ("a scrypt with a short digest", "scrypt:16384:8:1:c2FsdHNhbHRzYWx0c2E=:ZGlnZXN0"),
    ("a scrypt that is not base64", "scrypt:16384:8:1:c2FsdHNhbHRzYWx0c2E:ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0"),
]


@pytest.mark.parametrize(("label", "text"), HASHES, ids=[row[0] for row in HASHES])
@pytest.mark.parametrize("form", ["'{}'", "{{hash: '{}'}}"])
def test_what_is_no_hash_is_refused_and_not_shown(path: Path, label: str, text: str, form: str) -> None:
    """A key where its hash should be may be the real one: the sentence says what to run instead, and no more."""
    written = _with(f"callers: [{{name: erp, account: a, keys: [{form.format(text)}]}}]")

    assert _problems(path, written) == [f"6: callers.0.keys.0.hash: {_NO_HASH}"]


def test_the_hash_of_a_key_may_be_in_capitals(path: Path) -> None:
    """Other tools print SHA-256 in capitals; the form that is compared is lower case."""
    settings = _load(path, _with(f"callers: [{{name: erp, account: a, keys: ['sha256:{'A' * 64}']}}]"))

    assert settings.callers[0].keys[0].hash == HASH


def test_every_problem_is_told_at_once_in_the_order_of_the_file(path: Path) -> None:
    """Wrong forms do not hide wrong names: what is sound is checked against the rest."""
    problems = _problems(
        path,
        f"""\
version: 1
callers:
  - {{name: erp, account: a, keys: ["{HASH}"], faces: [sope]}}
  - {{name: erp, account: b, keys: ["{HASH}", "{OTHER}"]}}
  - {{name: crm, account: c, keys: [oops]}}
upstreams:
  main: {{adapter: acme.bare, rate: 20}}
  next: {{adapter: acme.smss}}
routes:
  - {{name: r, to: nxt, when: {{caller: crm}}}}
  - {{name: r, to: main}}
log: {{level: loud}}
""",
    )

    assert problems == [
        "3: callers.0.faces: unknown face 'sope' (did you mean 'soap'?)",
        f"4: callers.1.name: the name 'erp' is taken (see {path}:3)",
        f"4: callers.1.keys.0: this key is already in use: a key names one caller (see {path}:3)",
        f"5: callers.2.keys.0.hash: {_NO_HASH}",
        f"7: upstreams.main.rate: {_RATE}",
        "8: upstreams.next.adapter: adapter 'acme.smss' cannot be imported: No module named 'acme'",
        "10: routes.0.to: unknown upstream 'nxt' (did you mean 'next'?)",
        f"11: routes.1.name: the name 'r' is taken (see {path}:10)",
        "12: log.level: must be 'debug', 'info', 'warning' or 'error'",
    ]


SECRETS = [
    ("a secret that is too short", _with("listen: {hook_secret: hunter2}")),
    ("a secret that is a list", _with("listen: {hook_secret: [hunter2]}")),
    ("a key as a key's name", _with("callers: [{name: r, account: b, keys: [{hunter2: }]}]")),
    ("a key as a mapping", _with("callers: [{name: r, account: b, keys: {hunter2: x}}]")),
    ("an option without a blank", _options("url: x, token:hunter2")),
    ("an option that is a list", _options("url: x, token: [hunter2]")),
    ("an option of the wrong kind", _options("url: x, strength: hunter2")),
    ("an option whose validator quotes it", _options("url: x, picky: hunter2")),
    ("a list of options whose validator quotes it", _options("url: x, hosts: [a, hunter2]")),
    ("a section of options whose validator quotes it", _options("url: x, proxy: {host: hunter2}")),
    ("a password in the store", _with("store: postgresql://u:hunter2@h/d")),
    ("a password in the public URL", _with("listen: {public_url: 'https://u:hunter2@h'}")),
    ("a section that is a secret", _with("token:hunter2: x")),
]


@pytest.mark.parametrize(("label", "text"), SECRETS, ids=[row[0] for row in SECRETS])
def test_no_problem_shows_what_may_be_a_secret(path: Path, label: str, text: str) -> None:
    """Problems end up in logs and tickets: what stood in the file is in none of them."""
    problems = _problems(path, text)

    assert problems
    assert "hunter2" not in "\n".join(problems)


def test_settings_show_no_secret(path: Path) -> None:
    """Neither secrets nor hashes are in the settings' own words for themselves."""
    settings = _load(
        path, _options("url: x, token: hunter2") + f"callers: [{{name: r, account: b, keys: ['{HASH}']}}]\n"
    )

    assert "hunter2" not in repr(settings)
    assert "a" * 64 not in repr(settings)


def test_settings_do_not_change() -> None:
    """What was checked once holds: the tree is frozen."""
    with pytest.raises(ValidationError):
        Log().level = "debug"  # type: ignore[misc]


def test_sections_can_be_built_from_their_own_types() -> None:
    """What has been read once is taken as it is: addresses, networks, options."""
    options = _Options(url="x")

    assert Listen(trusted_proxies=(ip_network("10.0.0.0/8"),)).trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert UpstreamSettings(name="main", adapter="acme.sms", options=options).options is options


def test_settings_built_in_a_program_are_checked_too() -> None:
    """The same names must exist, whoever builds the tree."""
    with pytest.raises(ValidationError, match="unknown upstream 'mian'"):
        Settings.model_validate(
            {"version": 1, "upstreams": {"main": {"adapter": "acme.bare"}}, "routes": [{"name": "r", "to": "mian"}]}
        )


_CALLERS = f"callers: [{{name: r, account: b, keys: ['{HASH}']}}]"

FINDINGS = [
    ("all is well", f"upstreams: {{main: {{adapter: acme.bare}}}}\n{_CALLERS}", []),
    (
        "nobody can call",
        "upstreams: {main: {adapter: acme.bare}}",
        ["callers: there is none, so nobody can send: add one with a key from 'sluss key new'"],
    ),
    (
        "an upstream that nothing leads to",
        f"upstreams: {{main: {{adapter: acme.bare}}, trial: {{adapter: acme.bare}}}}\n{_CALLERS}",
        ["upstreams.trial: no route leads here: remove it, or name it in routes"],
    ),
    (
        "reports that cannot come in",
        f"upstreams: {{main: {{adapter: acme.sms, url: x, token: y}}}}\n{_CALLERS}",
        ["upstreams.main: its delivery reports cannot come in: set listen.public_url"],
    ),
    (
        "reports that anyone may post",
        f"listen: {{public_url: 'https://x.se'}}\nupstreams: {{main: {{adapter: acme.sms, url: x}}}}\n{_CALLERS}",
        ["upstreams.main: anyone can guess where its reports are posted: set listen.hook_secret"],
    ),
    (
        "a relay beside a list of recipients",
        (
            "upstreams: {main: {adapter: rest_v2, url: 'https://x.se/v2', token: t, relay: true}}\n"
            f"only: ['46700000001']\nlisten: {{public_url: 'https://y.se'}}\n{_CALLERS}"
        ),
        ["upstreams.main: what is relayed is not held to 'only': it can reach anybody"],
    ),
    (
        "three slashes where four were meant",
        f"store: sqlite:///var/lib/sluss.db\nupstreams: {{main: {{adapter: acme.bare}}}}\n{_CALLERS}",
        [
            (
                "store: the path is relative to the working directory: write sqlite:////... (four slashes) for an"
                " absolute one, or sqlite:///./... to say that it is meant"
            )
        ],
    ),
    (
        "four slashes",
        f"store: sqlite:////var/lib/sluss.db\nupstreams: {{main: {{adapter: acme.bare}}}}\n{_CALLERS}",
        [],
    ),
]


@pytest.mark.parametrize(("label", "text", "expected"), FINDINGS, ids=[row[0] for row in FINDINGS])
def test_what_works_but_is_hardly_meant_is_a_finding(path: Path, label: str, text: str, expected: list[str]) -> None:
    """A finding stops nothing: it is what `sluss check` warns of."""
    settings = _load(path, f"version: 1\nroutes: [{{name: default, to: main}}]\n{text}\n")

    assert findings(settings) == expected
