"""The files in config/ load, say every key there is, and say the defaults truly."""

import re
from pathlib import Path

import pytest
from builders import NOW
from pydantic import BaseModel

from adapters.sendsms.options import SendSmsOptions
from adapters.soap.options import SoapOptions
from gateway import registry
from gateway.config import Callbacks, Listen, Log, Retry, Settings, findings, load
from gateway.config.loading import SECTIONS, scalars
from gateway.rehearsal import failures

FOLDER = Path(__file__).parent.parent / "config"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "compose.yaml")

ENVIRON = {
    "HOOK_SECRET": "0123456789abcdef",
    "INTERNAL_TOKEN": "0123456789abcdef",
    "ERP_KEY_HASH": "sha256:" + "a" * 64,
    "ERP_OLD_KEY_HASH": "sha256:" + "b" * 64,
    "V2_TOKEN": "token",
    "SIGNING_KEY": "whsec_" + "A" * 32,
    **{f"{name}_KEY_HASH": f"sha256:{at:064x}" for at, name in enumerate(("ALARMS", "BOOKING", "INVOICES"))},
    **{f"{name}_TOKEN": "token" for name in ("OLD", "NEW", "MAIN", "CANARY", "FIRST", "SECOND")},
    **dict.fromkeys(("FORM_USER", "FORM_PASSWORD", "JSON_TOKEN", "XML_KEY"), "secret"),
}


@pytest.fixture(name="example")
def _example() -> Settings:
    """The example, with the secrets it refers to."""
    return load(FOLDER / "sluss.example.yaml", ENVIRON)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_file_loads(path: Path) -> None:
    """What is shipped can be used as it is."""
    assert load(path, ENVIRON).version == 1


RECIPES = sorted(path.name for path in FOLDER.glob("route-*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_does_what_it_says(name: str) -> None:
    """The tests in each recipe of the cookbook hold, and the page about routes names it."""
    settings = load(FOLDER / name, ENVIRON)

    assert len(settings.tests) > 1
    assert failures(settings, NOW) == []
    assert f"(../config/{name})" in (FOLDER.parent / "docs" / "routing.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["dev.yaml", "sluss.example.yaml", "upstream-http.yaml"])
def test_nothing_is_found_in_what_the_documents_speak_of(name: str) -> None:
    """`sluss check` has nothing to say about the files that people start from."""
    settings = load(FOLDER / name, ENVIRON)
    assert findings(settings) + failures(settings, NOW) == []


def test_the_example_says_every_key(example: Settings) -> None:
    """A setting that is not in the example does not exist for its reader."""
    unsaid = {path: keys for path, keys in _unsaid(example) if keys}

    assert unsaid == {}


def _unsaid(example: Settings) -> list[tuple[str, set[str]]]:
    erp, main, trial = example.callers[0], example.upstreams["main"], example.upstreams["trial"]
    said: list[tuple[str, BaseModel | None, set[str]]] = [
        (
            "settings",
            example,
            {"only", "sealing", "retention"},
        ),  # in comments: without them all is open, and kept
        ("listen", example.listen, set()),
        ("tls", example.listen.tls, set()),
        ("caller", erp, {"passthrough"}),  # in a comment: it stands in the place of keys
        ("key", erp.keys[1], set()),
        ("upstream", main, {"name", "options"}),
        ("retry", main.retry, set()),
        ("rest_v2", main.options, set()),
        ("sandbox", trial.options, set()),
        ("rule", example.routes[0], {"within", "reject"}),  # in a comment and in the next route: they exclude others
        ("when", example.routes[0].when, set()),
        ("text", example.routes[0].when.text, set()),
        ("time", example.routes[0].when.time, set()),
        ("quiet", example.routes[0].quiet, set()),
        ("rewrite", example.routes[0].rewrite, set()),
        ("test", example.tests[0], set()),
        ("given", example.tests[0].given, set()),
        ("expect", example.tests[0].expect, {"upstream", "reject"}),  # in the tests below it
        ("face", example.faces["soap"], {"name", "options"}),
        ("soap", example.faces["soap"].options, {"wsdl", "operations", "mms"}),  # in comments: they name a file
        ("sendsms", example.faces["sendsms"].options, set()),
        ("callbacks", example.callbacks, set()),
        ("log", example.log, set()),
    ]
    return [
        (name, set(type(section).model_fields) - section.model_fields_set - written_otherwise)
        for name, section, written_otherwise in said
        if section is not None
    ]


def test_the_example_shows_a_section_of_every_kind(example: Settings) -> None:
    """The test above looks at one section of each kind that a file may have; none is forgotten."""
    in_comments, of_adapters = {"sealing", "retention"}, {"rest_v2", "sandbox", "soap", "sendsms"}

    assert len(_unsaid(example)) == len(SECTIONS) - len(in_comments) + len(of_adapters)


def test_the_examples_values_are_the_defaults(example: Settings) -> None:
    """Whoever copies the example changes nothing by it, but for what its comments say."""
    listen, main, trial = example.listen, example.upstreams["main"], example.upstreams["trial"]
    without_default = {"public_url", "trusted_proxies", "hook_secret", "internal_token", "tls"}

    assert listen.model_dump(exclude=without_default) == Listen().model_dump(exclude=without_default)
    assert example.listen.tls is not None
    assert {name: getattr(example.listen.tls, name) for name in ("hsts", "legacy")} == {"hsts": 0, "legacy": False}
    assert example.store == Settings.model_fields["store"].default
    assert {name: getattr(example.callers[0], name) for name in ("country", "currency", "organization")} == {
        "country": "46",
        "currency": "SEK",
        "organization": "",
    }
    assert (main.concurrency, main.timeout, main.connect_timeout, main.retry) == (128, 30.0, 5.0, Retry())
    assert (example.callbacks, example.log) == (Callbacks(), Log())
    assert (example.faces["soap"].options or SoapOptions()).model_dump() == SoapOptions().model_dump()
    assert example.faces["sendsms"].options == SendSmsOptions(charsets={"ip1-54321": "iso-8859-1"})
    for name, upstream in (("rest_v2", main), ("sandbox", trial)):
        options = registry.load(name).options
        assert options is not None
        defaults = {key: field.default for key, field in options.model_fields.items() if not field.is_required()}
        assert dict(upstream.options or ()).items() >= defaults.items()


def test_the_page_names_every_variable() -> None:
    """docs/configuration.md lists the settings that the environment may set, all of them and no other."""
    page = (FOLDER.parent / "docs" / "configuration.md").read_text("utf-8")

    named = re.findall(r"^\| `SLUSS_([A-Z_]+)` \| `([a-z_.]+)` \|$", page, re.MULTILINE)

    assert {path: variable for variable, path in named} == {
        ".".join(map(str, where)): "__".join(map(str, where)).upper() for where in scalars()
    }


def test_dev_needs_nothing_and_reaches_nobody() -> None:
    """A fresh checkout answers on loopback alone, and what it takes stays inside the process."""
    settings = load(FOLDER / "dev.yaml", {})

    assert (settings.listen.public.host, settings.listen.internal.host) == ("127.0.0.1", "127.0.0.1")
    assert {upstream.adapter for upstream in settings.upstreams.values()} == {"sandbox"}
    assert settings.store.startswith("sqlite:///")
    assert all(network.is_loopback for caller in settings.callers for network in caller.allow_from)
    assert all(caller.allow_from for caller in settings.callers)
