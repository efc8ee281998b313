"""The schema that editors read: fresh, sound, no stricter than the gateway, and awake where it must be."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import sluss, sluss_json
from jsonschema import Draft202012Validator

from gateway import registry
from gateway.config import load
from gateway.config.schema import document
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.yaml_source import parse

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "config").glob("*.yaml") if path.name != "compose.yaml")

WHOLE = f"""\
version: 1
listen: {{public: 127.0.0.1:8080, trusted_proxies: [10.0.0.0/24], hook_secret: 0123456789abcdef, shutdown: 20s}}
store: "memory:"
callers:
  - name: erp
    account: ip1-12345
    keys: ["sha256:{"a" * 64}", {{hash: "sha256:{"b" * 64}", name: old}}]
    faces: [soap]
    rate: 50/s
    country: 46
upstreams:
  main: {{adapter: rest_v2, url: "https://api.example/v2", token: abc, concurrency: 8, timeout: 30s}}
  trial: {{adapter: sandbox, pace: 1, retry: {{first: 1s}}}}
  acme:
    adapter: http
    url: "https://api.example/sms?to={{recipient}}&text={{text}}"
    accepted: {{status: 200-299}}
    code: {{json: /code}}
    codes: {{ok: 113}}
    secrets: {{key: abc}}
routes:
  - name: tests
    when: {{recipient: "4670000*", country: 46, face: soap, text: {{length: 1-160}}, time: {{days: mon}}}}
    to: {{main: 95, trial: 5}}
    fallback: acme
    on: [unreachable, 402]
    rewrite: {{gsm: true}}
    reply: sent
    within: 5s
  - {{name: premium, when: {{recipient: "46939*"}}, reject: 405}}
  - {{name: default, to: main}}
tests:
  - {{given: {{caller: erp, recipient: "46701234567", priority: high}}, expect: {{route: default}}}}
faces:
  sendsms: {{scheduling: false}}
callbacks: {{allow_private: false}}
log: {{level: info}}
"""


@pytest.fixture(name="schema", scope="module")
def _schema() -> Draft202012Validator:
    """What judges as an editor does."""
    return Draft202012Validator(document())


def read(text: str) -> dict[str, Any]:
    """The values that YAML says, references left as they are written."""
    written = parse(text.encode(), "sluss.yaml", str)
    assert written.problems == []
    return written.values


def sentences(schema: Draft202012Validator, values: object) -> list[str]:
    """Everything that the schema finds wrong."""
    return [f"{error.json_path}: {error.message}" for error in schema.iter_errors(values)]


def changed(written: str, instead: str) -> str:
    """The configuration above, with a part of it written otherwise."""
    assert WHOLE.count(written) == 1
    return WHOLE.replace(written, instead)


def problems(path: Path, text: str) -> list[str]:
    """Everything that the gateway finds wrong, the way to its file left out."""
    path.write_text(text, "utf-8")
    try:
        load(
            path,
            {"NAME": "erp", "NUMBER": "8", "WORD": "info", "TRUE": "true", "TIME": "5s", "HASH": "sha256:" + "c" * 64},
        )
    except ConfigError as error:
        return list(error.problems)
    return []


def test_the_committed_schema_is_fresh() -> None:
    """config/sluss.schema.json is what `sluss schema` prints now, and the command does nothing else."""
    printed = sluss("schema")

    assert printed.exit_code == 0
    committed = (ROOT / "config" / "sluss.schema.json").read_text("utf-8")
    assert committed == printed.stdout, "config/sluss.schema.json is stale: run `make codes`"
    assert sluss_json("schema") == document()


def test_the_command_tells_what_it_is() -> None:
    """Help says what the command does, ends with an example, and names --json, as that of every command."""
    told = sluss("schema", "--help").stdout

    assert "JSON Schema" in told
    assert "Example: sluss schema > sluss.schema.json" in told
    assert "--json" in told


def test_the_schema_is_one() -> None:
    """It is a schema of the draft that it names, and leads nowhere that is not in it."""
    schema = document()
    referred = {node["$ref"].removeprefix("#/$defs/") for node in nodes(schema) if "$ref" in node}

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert referred == set(schema["$defs"])


def nodes(schema: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(inner)


def test_what_an_editor_offers_can_be_written() -> None:
    """Every default and every example is accepted by the very schema that offers it."""
    schema = document()
    offered = [
        (node, value)
        for node in nodes(schema)
        if {"anyOf", "type", "enum", "$ref"} & node.keys()
        for value in [*node.get("examples", ()), *([node["default"]] if "default" in node else ())]
    ]

    assert len(offered) > 50
    assert not [
        (value, node)
        for node, value in offered
        if not Draft202012Validator({**node, "$defs": schema["$defs"]}).is_valid(value)
    ]


def test_every_key_is_known() -> None:
    """The schema has each section of the configuration, and for each adapter the common keys beside its own."""
    schema = document()
    common = {"adapter", "rate", "concurrency", "timeout", "connect_timeout", "retry"}
    senders = [adapter for adapter in map(registry.load, registry.known()) if adapter.upstream or adapter.local]

    assert set(schema["properties"]) == set(Settings.model_fields)
    assert set(schema["$defs"]["upstream"]["properties"]) >= common
    for adapter in senders:
        assert adapter.options is not None
        own = {field.alias or name for name, field in adapter.options.model_fields.items()}
        definition = schema["$defs"][f"{adapter.name}.upstream"]
        assert set(definition["properties"]) >= common | own, adapter.name
        assert definition["additionalProperties"] is False


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_file_in_config_is_accepted(path: Path, schema: Draft202012Validator) -> None:
    """An editor marks nothing in what is shipped."""
    assert sentences(schema, read(path.read_text("utf-8"))) == []


def blocks() -> Iterator[tuple[str, str]]:
    """The YAML in the documents, each with the page it stands on."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        for match in re.finditer(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            yield page.name, match[1]


def test_what_the_documents_show_is_accepted(schema: Draft202012Validator) -> None:
    """Every configuration, section and upstream that a page shows is what an editor takes for right."""
    seen = set()
    for page, block in blocks():
        values = read(block)
        if not values.keys() - Settings.model_fields.keys():
            whole = {"version": 1, **values}
        elif all(isinstance(section, dict) and "adapter" in section for section in values.values()):
            whole = {"version": 1, "upstreams": values}
        else:
            continue  # Keys of one upstream.
        seen.add(page)
        assert sentences(schema, whole) == [], (page, block)

    assert {"configuration.md", "http-get.md", "http-upstream.md", "routing.md", "soap.md", "upstreams.md"} <= seen


def test_the_example_and_the_page_name_the_schema() -> None:
    """The first line of the example leads an editor to the schema, and docs/configuration.md tells of it."""
    first = (ROOT / "config" / "sluss.example.yaml").read_text("utf-8").splitlines()[0]

    assert first == "# yaml-language-server: $schema=sluss.schema.json"
    assert first in (ROOT / "docs" / "configuration.md").read_text("utf-8")


WRONG = [
    ("an unknown key of the file", "log: {", "logs: {"),
    ("an unknown key of listen", "shutdown: 20s", "stop: 20s"),
    ("an unknown key of a caller", "rate: 50/s", "rates: 50/s"),
    ("an unknown key of a key", "name: old", "called: old"),
    ("an unknown key of retry", "first: 1s", "fist: 1s"),
    ("an unknown key of an upstream's adapter", "concurrency: 8", "parallel: 8"),
    ("a key that another adapter has", "pace: 1", "token: abc"),
    ("an unknown key of an answer's rule", "{status: 200-299}", "{state: 200-299}"),
    ("an unknown key of a route", "    reply: sent\n    within: 5s", "    replies: sent"),
    ("an unknown condition", "country: 46, face", "land: 46, face"),
    ("an unknown key of a text's condition", "length: 1-160", "size: 1-160"),
    ("an unknown key of a time's condition", "days: mon", "day: mon"),
    ("an unknown key of a rewriting", "gsm: true", "gsm7: true"),
    ("an unknown key of a test's message", "priority: high", "urgent: true"),
    ("an unknown end of a test", "expect: {route: default}", "expect: {rule: default}"),
    ("an unknown key of a face", "scheduling: false", "schedule: false"),
    ("an unknown key of a face that has none", "sendsms: {scheduling: false}", "rest_v2: {scheduling: false}"),
    ("an unknown face", "sendsms: {", "fax: {"),
    ("an unknown face of a caller", "faces: [soap]", "faces: [fax]"),
    ("an unknown face of a condition", "face: soap", "face: fax"),
    ("an unknown adapter", "adapter: sandbox", "adapter: sandbax"),
    ("an upstream without its adapter", "adapter: sandbox, ", ""),
    ("an upstream without what its adapter needs", ', url: "https://api.example/v2"', ""),
    ("an upstream whose name is in capitals", "  trial: {", "  Trial: {"),
    ("another version", "version: 1", "version: 2"),
    ("a version in quotes", "version: 1", 'version: "1"'),
    ("a section without the version", "version: 1\n", ""),
    ("an address without its port", "public: 127.0.0.1:8080", "public: 127.0.0.1"),
    ("a number for a network", "[10.0.0.0/24]", "[10]"),
    ("a secret that is too short", "0123456789abcdef", "short"),
    ("a duration without its unit", "shutdown: 20s", "shutdown: 20"),
    ("a duration that is none", "timeout: 30s", "timeout: soon"),
    ("no time at all", "timeout: 30s", "timeout: 0s"),
    ("a rate without its unit", "rate: 50/s", "rate: 50"),
    ("a rate of nothing", "rate: 50/s", "rate: 0/s"),
    ("a word for a number", "concurrency: 8", "concurrency: many"),
    ("a number beyond its bounds", "concurrency: 8", "concurrency: 1001"),
    ("a word for a boolean", "allow_private: false", "allow_private: maybe"),
    ("a mapping for a list", "    faces: [soap]", "    faces: {soap: true}"),
    ("a list for a mapping", "log: {level: info}", "log: [level, info]"),
    ("a caller without an account", "    account: ip1-12345\n", ""),
    ("a key in place of its hash", f'"sha256:{"a" * 64}"', "secret"),
    ("no key", f'keys: ["sha256:{"a" * 64}", {{hash: "sha256:{"b" * 64}", name: old}}]', "keys: []"),
    ("a key of one who is passed through", "    rate: 50/s", "    passthrough: true"),
    ("a caller without keys", f'    keys: ["sha256:{"a" * 64}", {{hash: "sha256:{"b" * 64}", name: old}}]\n', ""),
    ("another store", '"memory:"', "mysql://localhost"),
    ("a country that is none", "    country: 46", "    country: se"),
    ("letters in a recipient", '"4670000*"', "46abc"),
    ("no recipient at all", 'recipient: "4670000*"', "recipient: []"),
    ("an endless range", "length: 1-160", "length: '-'"),
    ("a day that is none", "days: mon", "days: someday"),
    ("a weight below nothing", "trial: 5}", "trial: -5}"),
    ("an outcome that is none", "[unreachable, 402]", "[unreachable, 299]"),
    ("a refusal that is a delivery", "reject: 405", "reject: 201"),
    ("a route that sends and refuses", "reject: 405", "reject: 405, to: main"),
    ("a route that does neither", '{name: premium, when: {recipient: "46939*"}, reject: 405}', "{name: premium}"),
    ("a word that is not of the list", "level: info", "level: loud"),
    ("a secret whose name is in capitals", "secrets: {key: abc}", "secrets: {KEY: abc}"),
    ("a status that is none", "codes: {ok: 113}", "codes: {ok: 999}"),
    ("a status of HTTP that is none", "status: 200-299", "status: 2xx"),
]


@pytest.mark.parametrize(("label", "written", "instead"), WRONG, ids=[case[0] for case in WRONG])
def test_a_mistake_is_marked(
    tmp_path: Path, schema: Draft202012Validator, label: str, written: str, instead: str
) -> None:
    """What the gateway refuses for its form, an editor has marked already."""
    text = changed(written, instead)

    assert problems(tmp_path / "sluss.yaml", text) != []
    assert sentences(schema, read(text)) != []


RIGHT = [
    ("all of it as above", "version: 1", "version: 1"),
    ("one recipient", '"4670000*"', "46700001111"),
    ("a recipient in quotes", '"4670000*"', '"46?0*"'),
    ("a list of recipients", '"4670000*"', '[46700001111, "46700002222", 4673*]'),
    ("one country in quotes", "country: 46, face", 'country: "46", face'),
    ("a list of countries", "country: 46, face", 'country: [46, "47"], face'),
    ("a list of faces", "face: soap", "face: [soap, rest_v1]"),
    ("senders that are numbers", "country: 46, face", "sender: [46700000000, Test], face"),
    ("one tag", "country: 46, face", "tags: 7, face"),
    ("a priority as REST v2 says it", "country: 46, face", "priority: [1, high], face"),
    ("a number for a range", "length: 1-160", "length: 2"),
    ("an open range", "length: 1-160", "length: -70"),
    ("several days, one in capitals", "days: mon", "days: [MON, tue]"),
    ("hours without quotes", "days: mon", "between: 22:00-06:00"),
    ("several hours", "days: mon", 'between: ["08:00-12:00", "13:00-17:00"]'),
    ("one upstream", "{main: 95, trial: 5}", "main"),
    ("a weight of nothing", "trial: 5}", "trial: 0}"),
    ("a list to fall back to", "fallback: acme", "fallback: [acme]"),
    ("one outcome", "[unreachable, 402]", "402"),
    ("an account of digits", "account: ip1-12345", "account: 12345"),
    ("a name of digits", "name: premium", "name: 7"),
    ("a key as a plain hash, in capitals", f'"sha256:{"a" * 64}"', f'"SHA256:{"A" * 64}"'),
    ("a key that was chosen", f'"sha256:{"a" * 64}"', "scrypt:16384:8:1:c2FsdHNhbHRzYWx0c2E=:ZGlnZXN0ZGlnZXN0ZGlnZXN0"),
    ("no faces named", "faces: [soap]", "faces:"),
    ("no rate", "rate: 50/s", "rate: null"),
    ("a duration of nothing", "shutdown: 20s", "shutdown: 0"),
    ("a fraction of a second", "timeout: 30s", "timeout: 0.5s"),
    ("a rate by the hour", "rate: 50/s", "rate: 0.5/h"),
    ("an address of IPv6", "public: 127.0.0.1:8080", 'public: "[::]:8080"'),
    ("a network of IPv6", "[10.0.0.0/24]", '["fd00::/8", 10.1.2.3]'),
    ("one status of HTTP", "{status: 200-299}", "{status: 200}"),
    ("several rules", "{status: 200-299}", "[{status: [200, 202-204]}, {body: ok}]"),
    ("a code that looks like a number", "{ok: 113}", "{17: 409}"),
    ("words that look like numbers", "codes: {ok: 113}", "codes: {ok: 113}\n    values: {priority: {normal: 0}}"),
    ("a reference for a name", "    account: ip1-12345", '    account: "${NAME}"'),
    ("a reference for a whole number", "concurrency: 8", 'concurrency: "${NUMBER}"'),
    ("a reference for a number", "pace: 1", 'pace: "${NUMBER}"'),
    ("a reference for a boolean", "allow_private: false", 'allow_private: "${TRUE}"'),
    ("a reference for a word of a list", "level: info", 'level: "${WORD}"'),
    ("a reference for a duration", "within: 5s", 'within: "${TIME}"'),
    ("a reference for a weight", "trial: 5}", 'trial: "${NUMBER}"}'),
    ("a reference for a key", f'"sha256:{"a" * 64}"', '"${HASH}"'),
    ("a reference for the hash of a key", f'hash: "sha256:{"b" * 64}"', 'hash: "${HASH}"'),
    ("a reference that is shorter than a secret", "hook_secret: 0123456789abcdef", 'hook_secret: "${HASH}"'),
    ("a reference for a part of a value", "127.0.0.1:8080", '"127.0.0.1:80${NUMBER}0"'),
]


@pytest.mark.parametrize(("label", "written", "instead"), RIGHT, ids=[case[0] for case in RIGHT])
def test_what_may_be_written_is_not_marked(
    tmp_path: Path, schema: Draft202012Validator, label: str, written: str, instead: str
) -> None:
    """Each form of a value that the gateway reads is right to an editor, too."""
    text = changed(written, instead)

    assert problems(tmp_path / "sluss.yaml", text) == []
    assert sentences(schema, read(text)) == []


def test_a_reference_may_name_a_file(schema: Draft202012Validator) -> None:
    """docs/configuration.md: `${file:/path}` is a file's content; what is no reference is judged as it stands."""
    for reference, marked in (("${file:/run/n}", False), ("${file:n}", True), ("${N-1}", True), ("$N", True)):
        values = read(changed("concurrency: 8", f'concurrency: "{reference}"'))
        assert bool(sentences(schema, values)) is marked, reference


def test_an_adapter_of_ones_own_has_keys_of_its_own(schema: Draft202012Validator) -> None:
    """What the module of somebody else knows is not marked; the common keys beside it are judged."""
    sound = {"version": 1, "upstreams": {"main": {"adapter": "acme_sms.adapter", "strength": 7, "rate": "20/s"}}}
    slip = {"version": 1, "upstreams": {"main": {"adapter": "acme_sms.adapter", "strength": 7, "rate": "20"}}}

    assert sentences(schema, sound) == []
    assert sentences(schema, slip) != []


def test_who_is_passed_through_has_no_keys(schema: Draft202012Validator) -> None:
    """A caller whose own account and key the upstream checks is right without keys, and no other is."""
    caller = {"name": "erp", "account": "ip1-12345", "passthrough": True}

    assert sentences(schema, {"version": 1, "callers": [caller]}) == []
    assert sentences(schema, {"version": 1, "callers": [{**caller, "passthrough": False}]}) != []


PARTS = [
    ("callers, upstreams and routes", "upstreams: {more: {adapter: sandbox}}\ncallers: []\nroutes: []\n", False),
    ("a setting of the file", "log: {level: debug}\n", True),
    ("an unknown key", "upstream: {more: {adapter: sandbox}}\n", True),
]


@pytest.mark.parametrize(("label", "part", "marked"), PARTS, ids=[case[0] for case in PARTS])
def test_files_of_conf_d_are_known(
    tmp_path: Path, schema: Draft202012Validator, label: str, part: str, *, marked: bool
) -> None:
    """A file of conf.d states no version and holds the sections that docs/configuration.md names, and no other."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "50-more.yaml").write_text(part, "utf-8")

    assert bool(problems(tmp_path / "sluss.yaml", WHOLE)) is marked
    assert bool(sentences(schema, read(part))) is marked


def test_routes_may_stand_in_conf_d_alone(tmp_path: Path, schema: Draft202012Validator) -> None:
    """A file whose upstreams and routes are all in conf.d is right to the gateway and to an editor."""
    (tmp_path / "conf.d").mkdir()
    part = "upstreams: {main: {adapter: sandbox}}\nroutes: [{name: default, to: main}]\n"
    (tmp_path / "conf.d" / "90-default.yaml").write_text(part, "utf-8")

    assert problems(tmp_path / "sluss.yaml", "version: 1\n") == []
    assert sentences(schema, read("version: 1\n")) == []
    assert sentences(schema, read(part)) == []


def test_a_gateway_that_serves_has_no_schema() -> None:
    """Nothing on the way of a message imports it."""
    source = "import sys, gateway.app, gateway.cli.run; print('gateway.config.schema' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"
