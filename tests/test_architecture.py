"""The house rules that no linter knows. Which module may import which is import-linter's part of `make check`."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ports import Adapter
from gateway.registry import known, load

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for package in ("gateway", "adapters") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_FUNCTION = 50
MAX_FILE = 400
TABLES = {
    "gateway/status.py": "one row for each of the provider's 32 statuses, in its words",
    "gateway/translator/legacy.py": "one row for each legacy code and each status",
}
"""Modules that are data may be longer, each for the reason given."""

NO_NAMES = {"base", "common", "helper", "helpers", "manager", "util", "utils"}
"""Names that say nothing, so that everything ends up there."""

IN_AN_ADAPTER = {
    "__init__",
    "binding",
    "blacklist",
    "codec",
    "contacts",
    "contract",
    "conversations",
    "description",
    "documents",
    "exchange",
    "face",
    "forms",
    "lists",
    "lookup",
    "meaning",
    "messaging",
    "options",
    "original",
    "pages",
    "passcodes",
    "plain",
    "reference",
    "registers",
    "relay",
    "reports",
    "script",
    "spyne_compat",
    "upstream",
    "wire",
}
"""The files an adapter's folder may hold: the same names in every protocol, so that one knows where to look."""

LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]\w*|Users/\w+)/")

AT_IMPORT = """
import importlib, os, pkgutil, sys

def watch(event, args):
    if event in {"socket.bind", "socket.connect", "sqlite3.connect", "subprocess.Popen"}:
        done.append(f"{event} {args[-1]}")
    elif event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        done.append(f"open {args[0]}")

done, told = [], 0
sys.addaudithook(watch)
for package in sys.argv[1:]:
    module = importlib.import_module(package)
    for name in [package, *(found.name for found in pkgutil.walk_packages(module.__path__, package + "."))]:
        importlib.import_module(name)
        print(*(f"{name}: {what}" for what in done[told:]), sep="\\n", end="")
        told = len(done)
"""
"""Imports packages with all their modules, and prints what touched the world while doing so."""


def name_of(path: Path) -> str:
    """A path as messages show it."""
    return path.relative_to(ROOT).as_posix()


def docstring_lines(node: ast.AST) -> int:
    """Lines of a node's own docstring."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    if ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    return (function.end_lineno or 0) - function.lineno + 1 - docstring_lines(function)


def logged_prose(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of a logger whose event is no constant, or that put a text together from values."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOG_METHODS):
            continue
        owner = node.func.value
        if (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")).lstrip("_") not in {
            "log",
            "logger",
        }:
            continue
        event = node.args[0] if node.args else None
        constant = isinstance(event, ast.Constant) and isinstance(event.value, str)
        if not constant or any(isinstance(part, ast.JoinedStr) for part in ast.walk(node)):
            yield node


def done_at_import(folder: Path, *packages: str) -> str:
    """What importing these packages, found in a folder, does to the world; without writing bytecode."""
    run = subprocess.run(
        [sys.executable, "-B", "-c", AT_IMPORT, *packages], cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_function_is_longer_than_fifty_lines(path: Path) -> None:
    """A function beyond 50 lines, its docstring not counted, does more than one thing."""
    tree = ast.parse(path.read_text())

    assert not {found.name: code_lines(found) for found in functions(tree) if code_lines(found) > MAX_FUNCTION}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_longer_than_four_hundred_lines(path: Path) -> None:
    """A file beyond 400 lines, docstrings not counted, is two files, unless it is a table."""
    text = path.read_text()
    lines = len(text.splitlines()) - sum(docstring_lines(node) for node in ast.walk(ast.parse(text)))

    assert lines <= MAX_FILE or name_of(path) in TABLES


def test_every_exempt_table_exists() -> None:
    """The list of tables names no file that is gone."""
    assert set(TABLES) <= {name_of(path) for path in SOURCES}


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_every_module_has_a_name_and_a_purpose(path: Path) -> None:
    """No module is called utils or the like, and each says in its docstring what it is for."""
    assert not NO_NAMES & {path.stem, path.parent.name}
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_every_test_promises_something(path: Path) -> None:
    """Every test carries a docstring that says what is promised."""
    tests = (found for found in functions(ast.parse(path.read_text())) if found.name.startswith("test_"))

    assert not [found.name for found in tests if not ast.get_docstring(found)]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_log_lines_are_an_event_and_fields(path: Path) -> None:
    """A log line's event is a constant and its values are fields, so that lines can be counted and redacted."""
    assert not [f"line {call.lineno}: {ast.unparse(call)}" for call in logged_prose(ast.parse(path.read_text()))]


PROSE = [
    ("an f-string for the event", 'log.info(f"sent {n}")', True),
    ("a variable for the event", "self._log.warning(what)", True),
    ("a concatenation for the event", 'log.error("sent " + n)', True),
    ("an f-string in a field", 'log.info("sent", to=f"{n}")', True),
    ("no event at all", "log.info(n=1)", True),
    ("an event and fields", 'log.info("sent", n=n)', False),
    ("no log at all", 'self.problems.error(f"line {n}")', False),
]


@pytest.mark.parametrize(("label", "source", "found"), PROSE, ids=[case[0] for case in PROSE])
def test_prose_in_a_log_call_is_seen(label: str, source: str, *, found: bool) -> None:
    """The check above sees what it must see, and only calls of a logger."""
    assert bool(list(logged_prose(ast.parse(source)))) is found


def test_nothing_happens_at_import() -> None:
    """Importing every module of the core and of the adapters opens no socket, no database and no file for writing."""
    assert done_at_import(ROOT, "gateway", "adapters") == ""


def test_what_happens_at_import_is_seen(tmp_path: Path) -> None:
    """The check above sees a file that is written, a database that is opened and a port that is taken."""
    package = tmp_path / "eager"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "writes.py").write_text("open('out.txt', 'w').close()")
    (package / "stores.py").write_text("import sqlite3; sqlite3.connect(':memory:').close()")
    (package / "listens.py").write_text("import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.close()")

    seen = done_at_import(tmp_path, "eager")

    assert "eager.writes: open out.txt" in seen
    assert "eager.stores: sqlite3.connect :memory:" in seen
    assert "eager.listens: socket.bind ('127.0.0.1', 0)" in seen


def test_the_five_protocols_are_there() -> None:
    """The provider's four protocols, and the sandbox, are found by the names that configurations use."""
    assert {"rest_v1", "rest_v2", "sandbox", "sendsms", "soap"} <= set(known())


@pytest.mark.parametrize("name", known())
def test_an_adapter_exports_itself_and_looks_like_the_others(name: str) -> None:
    """A folder exports one ADAPTER under its own name, and holds only files of the agreed names."""
    adapter = load(name)
    folder = ROOT / "adapters" / name

    assert isinstance(adapter, Adapter)
    assert adapter.name == name
    assert adapter.upstream or adapter.local or adapter.face
    assert not {path.name for path in folder.iterdir() if path.name != "__pycache__"} - {
        f"{stem}.py" for stem in IN_AN_ADAPTER
    }


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    """Nothing in the repository points into a home directory or a build machine's folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    texts = {name: (ROOT / name).read_text(errors="replace") for name in listed if name and (ROOT / name).is_file()}

    assert texts
    assert not {name: found[0] for name, text in texts.items() if (found := MACHINE_PATH.search(text))}


@pytest.mark.parametrize("path", ["root/x", "home/ann/sluss", "Users/ann/x", "work/x"])
def test_a_machines_path_is_seen(path: str) -> None:
    """The check above sees such paths, and leaves addresses on the web alone."""
    assert MACHINE_PATH.search(f"see '/{path}'")
    assert not MACHINE_PATH.search("https://example.org/home/ann/")
