"""Where settings come from, which source wins, and what each says when it is wrong."""

import re
from pathlib import Path

import pytest

from gateway.config import find, load
from gateway.config.sources import fill_in
from gateway.errors import ConfigError

_NOT_SET = "the environment variable {} is not set: set it, or write $$ for a plain dollar"

HASH = "sha256:" + "a" * 64

FILE = """\
version: 1
listen: {public: 127.0.0.1:1000, shutdown: 1s}
upstreams:
  main: {adapter: sandbox}
routes:
  - {name: tests, to: main, when: {sender: test}}
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """A configuration whose default route is left to conf.d or to the test."""
    (tmp_path / "conf.d").mkdir()
    path = tmp_path / "sluss.yaml"
    path.write_text(FILE, "utf-8")
    return path


def _part(path: Path, name: str, text: str) -> Path:
    part = path.parent / "conf.d" / name
    part.write_text(text, "utf-8")
    return part


@pytest.fixture(name="whole")
def _whole(path: Path) -> Path:
    """A configuration that can be loaded."""
    path.write_text(FILE + "  - {name: default, to: main}\n", "utf-8")
    return path


def _problems(path: Path, environ: dict[str, str], overrides: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ, overrides=overrides)
    return [problem.replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_conf_d_adds_to_the_file_in_the_order_of_names(path: Path) -> None:
    """Callers and routes are appended, upstreams added; hidden files and other endings are left alone."""
    _part(path, "20-b.yaml", "routes:\n  - {name: default, to: other}\nupstreams:\n  other: {adapter: sandbox}\n")
    _part(path, "10-a.yaml", f"callers:\n  - {{name: erp, account: a, keys: ['{HASH}']}}\n")
    _part(path, "15-c.yaml", "routes:\n  - {name: erp, to: other, when: {caller: erp}}\n")
    _part(path, "30-nothing.yaml", "# nothing yet\n")
    _part(path, ".#10-a.yaml", "callers: oops\n")
    _part(path, "10-a.yaml.bak", "callers: oops\n")

    settings = load(path, {})

    assert [caller.name for caller in settings.callers] == ["erp"]
    assert [rule.name for rule in settings.routes] == ["tests", "erp", "default"]
    assert list(settings.upstreams) == ["main", "other"]


def test_a_problem_in_conf_d_is_told_with_its_own_file_and_line(path: Path) -> None:
    """What was appended keeps the place where it stands."""
    _part(path, "10.yaml", "routes:\n  - {name: tests, to: main, when: {sender: x}}\n  - {name: default, to: mian}\n")

    assert _problems(path, {}) == [
        "conf.d/10.yaml:2: routes.1.name: the name 'tests' is taken (see sluss.yaml:6)",
        "conf.d/10.yaml:3: routes.2.to: unknown upstream 'mian' (did you mean 'main'?)",
    ]


def test_an_upstream_that_stands_twice_is_told_with_both_places(path: Path) -> None:
    """Neither wins: which one was meant cannot be known."""
    _part(path, "10.yaml", "upstreams:\n  main: {adapter: sandbox, pace: 0}\nroutes:\n  - {name: default, to: main}\n")

    assert _problems(path, {}) == [
        "conf.d/10.yaml:2: upstreams.main: the upstream 'main' is already at sluss.yaml:4: keep one"
    ]


def test_conf_d_holds_nothing_but_callers_upstreams_and_routes(whole: Path) -> None:
    """Listeners, store and log are said in one place."""
    _part(whole, "10.yaml", "log: {level: debug}\nroute: []\n")

    assert _problems(whole, {}) == [
        "conf.d/10.yaml:1: unknown key 'log' (there is: callers, routes, upstreams): the rest stands in the file",
        "conf.d/10.yaml:2: unknown key 'route' (did you mean 'routes'?): the rest stands in the file",
    ]


def test_conf_d_is_of_the_same_form_as_the_file(whole: Path) -> None:
    """A list stays a list and a mapping a mapping."""
    _part(whole, "10.yaml", "callers: {erp: {}}\nupstreams: [main]\n")

    assert _problems(whole, {}) == [
        "conf.d/10.yaml:1: callers: must be a list",
        "conf.d/10.yaml:2: upstreams: must be a mapping of names",
    ]


def test_conf_d_does_not_mend_the_file(whole: Path) -> None:
    """Where the file itself is wrong, that is told; what conf.d would add to it is not looked at."""
    whole.write_text("version: 1\nupstreams: [main]\ncallers: {}\nroutes: [{name: default, to: main}]\n", "utf-8")
    _part(whole, "10.yaml", f"callers: [{{name: erp, account: a, keys: ['{HASH}']}}]\nupstreams: {{main: {{}}}}\n")

    assert _problems(whole, {}) == [
        "sluss.yaml:2: upstreams: must be a mapping of keys to values",
        "sluss.yaml:3: callers: must be a list",
    ]


def test_what_a_broken_file_may_hold_is_not_missed(path: Path) -> None:
    """While one file cannot be read, only that is told: the default route may well stand in it."""
    _part(path, "10.yaml", "routes: [\n")

    assert _problems(path, {}) == ["conf.d/10.yaml:2: is not YAML: expected the node content, but found '<stream end>'"]


def test_a_reference_that_fails_in_conf_d_is_told_once(path: Path) -> None:
    """What is missing is one problem, wherever the value ends up."""
    _part(path, "10.yaml", "routes:\n  - {name: default, to: '${TARGET}'}\n")

    assert _problems(path, {}) == [f"conf.d/10.yaml:2: routes.1.to: {_NOT_SET.format('TARGET')}"]


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    """A directory in the place of the file is the user's mistake: no trace."""
    assert _problems(tmp_path, {})[0].endswith(": cannot be read: Is a directory")


def test_flags_beat_the_environment_which_beats_the_file(whole: Path) -> None:
    """The nearer to the process, the stronger; what a source does not say, the next one does."""
    environ = {"SLUSS_LISTEN__PUBLIC": "127.0.0.1:2000", "SLUSS_LISTEN__SHUTDOWN": "2s", "SLUSS_STORE": "memory:"}

    settings = load(whole, environ, overrides={"listen.public": "127.0.0.1:3000", "log.level": "debug"})

    assert settings.listen.public.port == 3000
    assert settings.listen.shutdown == 2.0
    assert settings.store == "memory:"
    assert settings.log.level == "debug"


def test_the_environment_alone_can_make_a_section(whole: Path) -> None:
    """Booleans and secrets too may come from the environment."""
    settings = load(whole, {"SLUSS_CALLBACKS__ALLOW_PRIVATE": "true", "SLUSS_LISTEN__HOOK_SECRET": "${taken as it is}"})

    assert settings.callbacks.allow_private
    assert settings.listen.hook_secret is not None
    assert settings.listen.hook_secret.get_secret_value() == "${taken as it is}"


def test_what_is_wrong_outside_the_file_is_told_with_its_source(whole: Path) -> None:
    """A variable or flag that sets nothing is a problem, like a misspelt key, and no value is shown."""
    environ = {
        "SLUSS_LISTEN__PUBLIK": "hunter2",
        "SLUSS_LISTEN__TRUSTED_PROXIES": "10.0.0.0/8",
        "SLUSS_LOG": "hunter2",
        "SLUSS_LISTEN__HOOK_SECRET": "hunter2",
    }

    hint = ": lists, callers, upstreams and routes are set in the file"
    assert _problems(whole, environ, {"listen.publik": "hunter2", "callers.0.name": "x"}) == [
        f"environment: unknown setting 'SLUSS_LISTEN__PUBLIK' (did you mean 'SLUSS_LISTEN__PUBLIC'?){hint}",
        f"environment: unknown setting 'SLUSS_LISTEN__TRUSTED_PROXIES'{hint}",
        f"environment: unknown setting 'SLUSS_LOG'{hint}",
        f"command line: unknown setting 'listen.publik' (did you mean 'listen.public'?){hint}",
        f"command line: unknown setting 'callers.0.name'{hint}",
        "SLUSS_LISTEN__HOOK_SECRET: listen.hook_secret: is too short: at least 16",
    ]


def test_other_variables_of_the_same_beginning_are_left_alone(whole: Path) -> None:
    """The command line's own variables, and those an orchestrator sets for a service of our name, set nothing."""
    environ = {"SLUSS_CONFIG": "x", "SLUSS_KEY": "x", "SLUSS_PORT_8080_TCP": "x", "SLUSS_SERVICE_HOST": "x"}

    assert load(whole, environ) == load(whole, {})


def test_a_section_that_is_no_mapping_stays_a_problem_when_it_is_overridden(whole: Path) -> None:
    """An override does not paper over a broken file."""
    whole.write_text(whole.read_text("utf-8") + "log: loud\n", "utf-8")

    assert _problems(whole, {"SLUSS_LOG__LEVEL": "debug"}) == ["sluss.yaml:8: log: must be a mapping of keys to values"]


FILLED = [
    ("a variable", "${NAME}", "value"),
    ("a variable inside a text", "a-${NAME}-b-${NAME}", "a-value-b-value"),
    ("an empty variable", "a${EMPTY}b", "ab"),
    ("two dollars", "$${NAME}", "${NAME}"),
    ("a dollar alone", "pa$word$", "pa$word$"),
    ("what a variable holds is not looked into", "${NESTED}", "${NAME}"),
]


@pytest.mark.parametrize(("label", "text", "expected"), FILLED, ids=[row[0] for row in FILLED])
def test_references_are_filled_in(label: str, text: str, expected: str) -> None:
    """Variables are replaced wherever they stand in a text, once."""
    assert fill_in(text, {"NAME": "value", "EMPTY": "", "NESTED": "${NAME}"}) == expected


FILES = [
    ("one line break at its end is not meant", b"secret\n", "secret"),
    ("nor one of Windows", b"secret\r\n", "secret"),
    ("further ones are", b"secret\n\n", "secret\n"),
    ("blanks are", b" secret ", " secret "),
]


@pytest.mark.parametrize(("label", "content", "expected"), FILES, ids=[row[0] for row in FILES])
def test_a_files_content_is_filled_in(tmp_path: Path, label: str, content: bytes, expected: str) -> None:
    """Secrets that an orchestrator mounts as files are read as they are, less one line break."""
    (tmp_path / "x").write_bytes(content)

    assert fill_in(f"<${{file:{tmp_path}/x}}>", {}) == f"<{expected}>"


_NEITHER = "holds a '${' that is neither ${NAME} nor ${file:/path}: write $$ for a plain dollar"

MISSING = [
    (
        "a variable that is not set",
        "a${NOPE}",
        _NOT_SET.format("NOPE"),
    ),
    ("a brace left open", "hunter2${NAME", _NEITHER),
    ("no name", "hunter2${}", _NEITHER),
    ("a shell's default", "${NAME:-hunter2}", _NEITHER),
    ("a file that is not there", "${file:/nowhere/x}", "the file /nowhere/x cannot be read: No such file or directory"),
    (
        "a file beside",
        "${file:token}",
        "a ${file:...} must name its file from the root, such as ${file:/run/secrets/token}",
    ),
]


@pytest.mark.parametrize(("label", "text", "expected"), MISSING, ids=[row[0] for row in MISSING])
def test_what_cannot_be_filled_in_is_said(label: str, text: str, expected: str) -> None:
    """The sentence names the variable or file, and nothing of the text around it."""
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        fill_in(text, {"NAME": "value"})


@pytest.mark.parametrize(
    ("content", "expected"), [(b"\xff\xfe", "is not UTF-8 text"), (b"x" * 70_000, "is larger than 65536 bytes")]
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """Bytes that are no text, or far too many, mean that the wrong file was named."""
    (tmp_path / "x").write_bytes(content)

    with pytest.raises(ValueError, match=expected):
        fill_in(f"${{file:{tmp_path}/x}}", {})


def test_the_file_asked_for_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, then named by the environment, then in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("asked.yaml", "named.yaml", "sluss.yaml"):
        (tmp_path / name).touch()

    assert find(Path("asked.yaml"), {"SLUSS_CONFIG": "named.yaml"}) == Path("asked.yaml")
    assert find(None, {"SLUSS_CONFIG": "named.yaml"}) == Path("named.yaml")
    assert find(None, {}) == Path("sluss.yaml")


def test_the_last_place_is_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file in the working directory, the one under /etc is used."""
    system = tmp_path / "etc.yaml"
    system.touch()
    monkeypatch.setattr("gateway.config.sources.PLACES", (tmp_path / "absent.yaml", system))

    assert find(None, {}) == system


def test_a_file_that_is_not_there_is_said_with_who_named_it() -> None:
    """Nothing else is tried: whoever names a file means that one."""
    with pytest.raises(ConfigError) as asked:
        find(Path("/nowhere/a.yaml"), {})
    with pytest.raises(ConfigError) as named:
        find(None, {"SLUSS_CONFIG": "/nowhere/b.yaml"})

    assert asked.value.problems == ("/nowhere/a.yaml: there is no such file",)
    assert named.value.problems == ("/nowhere/b.yaml: there is no such file: $SLUSS_CONFIG names it",)


def test_no_file_at_all_is_said_with_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names every place, and how to name another."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    monkeypatch.setattr("gateway.config.sources.PLACES", (first, second))

    with pytest.raises(ConfigError) as caught:
        find(None, {})

    assert caught.value.problems == (
        f"no configuration: name one with --config or $SLUSS_CONFIG; looked for {first} and {second}",
    )
