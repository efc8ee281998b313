"""What a release is made of is told whole, and a known hole in it stops the release."""

import importlib.util
import re
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

LOCK = """\
aiohttp==3.14.5 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via sluss (pyproject.toml)
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
    # via click
yarl[fast]==1.25.1 \\
    --hash=sha256:{d}
    # via aiohttp
""".format(**{letter: letter * 64 for letter in "abcd"})


def script(name: str) -> ModuleType:
    """A script of make, as a module."""
    spec = importlib.util.spec_from_file_location(f"requirements_{name}", ROOT / "requirements" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_says_what_the_lock_says() -> None:
    """Each package with its version, every hash of it, where it is needed, its licence, and what needs it."""
    document = script("sbom").bom(LOCK)
    aiohttp, colorama, yarl = document["components"]

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["bom-ref"] == f"pkg:pypi/sluss@{__version__}"
    assert aiohttp["purl"] == "pkg:pypi/aiohttp@3.14.5"
    assert [found["content"] for found in aiohttp["externalReferences"][0]["hashes"]] == ["a" * 64, "b" * 64]
    assert "Apache-2.0" in aiohttp["licenses"][0]["license"]["name"]
    assert colorama["properties"] == [{"name": "sluss:where", "value": "sys_platform == 'win32'"}]
    needs = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    assert needs[document["metadata"]["component"]["bom-ref"]] == [aiohttp["bom-ref"]]
    assert needs[aiohttp["bom-ref"]] == [yarl["bom-ref"]]


def test_nothing_that_runs_is_left_out() -> None:
    """Every line that pins a package of run.txt is a component, with a hash; what is installed here has a licence."""
    lock = (ROOT / "requirements/run.txt").read_text()
    components = script("sbom").bom(lock)["components"]
    here = [found for found in components if "properties" not in found]

    assert [found["name"] for found in components] == re.findall(r"^([^\s#=[]+)(?:\[.+?])?==", lock, re.MULTILINE)
    assert all(found["externalReferences"][0]["hashes"] for found in components)
    assert not [found["name"] for found in here if "licenses" not in found]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_each_package_to_its_hashes(lock: Path) -> None:
    """Versions are exact, every one has hashes, and no line sends pip to an index or a URL of its own."""
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith((" ", "#"))]

    assert lines
    assert not [line for line in lines if not re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+])?==[^ ]+( ; .+)? \\$", line)]
    assert not re.search(r"https?://|--index|--find-links|git\+", lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_the_extras_that_its_packages_ask_for(lock: Path) -> None:
    """Pip holds `coverage[toml]` to no pin of `coverage`: on the day of a newer release it would take that one."""
    pinned = [Requirement(line) for line in re.findall(r"^[^\s#][^\\]*", lock.read_text(), re.MULTILINE)]
    extras = {canonicalize_name(package.name): package.extras for package in pinned}
    wanted = [
        Requirement(line)
        for package in metadata.distributions()
        if canonicalize_name(package.name) in extras
        for line in package.requires or ()
        if "extra ==" not in line
    ]

    assert not [str(found) for found in wanted if not found.extras <= extras.get(canonicalize_name(found.name), set())]


def hole(name: str, *vulns: dict[str, Any]) -> dict[str, Any]:
    """What pip-audit says of a package that was looked up."""
    return {"name": name, "version": "1.0", "vulns": list(vulns)}


GOOD, UNASKED = hole("good"), {"name": "unasked", "skip_reason": "Dependency not found on PyPI"}
BAD = hole("bad", {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]})
VERDICTS: list[tuple[str, list[dict[str, Any]], bool, int, str]] = [
    ("all is well", [GOOD], False, 0, "No known hole in 1 packages"),
    ("a known hole", [GOOD, BAD], False, 1, "bad 1.0: PYSEC-2026-1, mended in 1.1"),
    ("a known hole, and some were not asked about", [BAD, UNASKED], False, 1, "bad 1.0: PYSEC-2026-1, mended in 1.1"),
    ("some were not asked about", [GOOD, UNASKED], False, 0, "NOT AUDITED: the advisories answered about 1 of 2"),
    ("nobody could be asked", [], False, 0, "NOT AUDITED: the advisories answered about 0 of 0"),
    ("nobody could be asked before a release", [], True, 2, "NOT AUDITED: the advisories answered about 0 of 0"),
]


@pytest.mark.parametrize(("label", "packages", "strict", "code", "says"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_an_audit_says_what_it_found(
    label: str, packages: list[dict[str, Any]], *, strict: bool, code: int, says: str
) -> None:
    """A known hole is an error, always; that nobody could be asked is said, and is one before a release."""
    found, lines = script("audit").verdict(packages, strict=strict)

    assert found == code
    assert lines[0].startswith(says)
