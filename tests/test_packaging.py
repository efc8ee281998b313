"""What gets installed: the wheel, looked into and run from."""

import re
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from gateway import __version__

ROOT = Path(__file__).resolve().parents[1]

FROM_THE_WHEEL = """
import sys
sys.path.insert(0, sys.argv[1])
import adapters, gateway, gateway.cli
from gateway.paths import wsdl_dir
assert callable(gateway.cli.main)
print(gateway.__file__, adapters.__file__, wsdl_dir() / "sendsms.wsdl", sep="\\n")
"""


@pytest.fixture(name="wheel", scope="module")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout with the build tools that are installed."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    run = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(name="files", scope="module")
def _files(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def in_checkout(pattern: str) -> set[str]:
    """The names of the files in the checkout that match a pattern."""
    return {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}


def test_the_top_level_is_the_two_packages(files: set[str]) -> None:
    """Nothing with a name as common as tests, config or wsdl is ever put beside other people's packages."""
    assert {name.split("/")[0] for name in files} == {"gateway", "adapters", f"sluss-{__version__}.dist-info"}


def test_every_module_is_in_it_and_no_leftovers(files: set[str]) -> None:
    """The wheel holds the checkout's modules and nothing a run leaves behind."""
    modules = in_checkout("gateway/**/*.py") | in_checkout("adapters/**/*.py")

    assert {name for name in files if name.endswith(".py")} == modules
    assert not [name for name in files if re.search(r"__pycache__|\.pyc$|\.db", name)]


def test_the_data_is_in_it(files: set[str]) -> None:
    """The service descriptions travel inside the package, and the migrations beside their code."""
    described = {name.replace("wsdl/", "gateway/_wsdl/", 1) for name in in_checkout("wsdl/*.wsdl")}
    migrations = in_checkout("gateway/store/migrations/**/*.sql")

    assert "gateway/_wsdl/sendsms.wsdl" in described
    assert migrations
    assert described | migrations <= files


def test_the_command_is_sluss(wheel: Path, files: set[str]) -> None:
    """One console script; the licence comes along."""
    entries = ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        entries.read_string(archive.read(f"sluss-{__version__}.dist-info/entry_points.txt").decode())

    assert {section: dict(entries[section]) for section in entries.sections()} == {
        "console_scripts": {"sluss": "gateway.cli:main"}
    }
    assert f"sluss-{__version__}.dist-info/licenses/LICENSE" in files


def test_the_unpacked_wheel_finds_its_own_files(wheel: Path, tmp_path: Path) -> None:
    """Away from any checkout the packages, the command and the service descriptions are the unpacked wheel's own."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    # -I: neither the working directory nor the environment may lead back to the checkout.
    command = [sys.executable, "-I", "-B", "-c", FROM_THE_WHEEL, str(site)]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()

    assert found == [
        str(site / "gateway/__init__.py"),
        str(site / "adapters/__init__.py"),
        str(site / "gateway/_wsdl/sendsms.wsdl"),
    ]
    assert (site / "gateway/_wsdl/sendsms.wsdl").is_file()
