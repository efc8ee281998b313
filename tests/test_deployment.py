"""What a gateway is shut in by: the unit of systemd, the image and the composition hold what docs/hardening.md says."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
UNIT = ROOT / "config/sluss.service"
PAGE = (ROOT / "docs/hardening.md").read_text()

EXPOSURE = 15
"""Tenths that systemd-analyze may say of the unit at most: a little above what the page says, for versions differ."""


def settings(unit: str) -> dict[str, list[str]]:
    """A unit's settings, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_page_names_no_setting_that_the_unit_lacks() -> None:
    """What the table says is taken away is taken away."""
    unit = settings(UNIT.read_text())
    table = "".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    named = re.findall(r"`([A-Z]\w+)=([^`]*)`", table)

    assert len(named) > 15
    assert not [f"{name}={value}" for name, value in named if value not in unit.get(name, [])]


SERVICE = {
    "Type": ["notify"],
    "NotifyAccess": ["main"],
    "ExecStart": ["/opt/sluss/bin/sluss serve --config /etc/sluss/sluss.yaml"],
    "ExecReload": ["/opt/sluss/bin/sluss reload --config /etc/sluss/sluss.yaml"],
    "WatchdogSec": ["60s"],
    "Restart": ["on-failure"],
    "RestartSec": ["5s"],
    "TimeoutStartSec": ["15min"],
    "TimeoutStopSec": ["90s"],
    "DynamicUser": ["yes"],
    "User": ["sluss"],
    "StateDirectory": ["sluss"],
    "StateDirectoryMode": ["0700"],
    "WorkingDirectory": ["/var/lib/sluss"],
    "UMask": ["0077"],
    "Environment": ["PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1"],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateMounts": ["yes"],
    "ProtectProc": ["invisible"],
    "ProcSubset": ["pid"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "NoNewPrivileges": ["yes"],
    "RestrictSUIDSGID": ["yes"],
    "PrivateUsers": ["yes"],
    "ProtectKernelTunables": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectClock": ["yes"],
    "ProtectHostname": ["yes"],
    "RestrictNamespaces": ["yes"],
    "RestrictRealtime": ["yes"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "RemoveIPC": ["yes"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallErrorNumber": ["EPERM"],
    "LimitNOFILE": ["65536"],
    "LimitCORE": ["0"],
    "TasksMax": ["256"],
}
"""The whole of it: a line that is lost, or taken back by a later one, is seen here."""


def test_the_unit_takes_away_what_it_says() -> None:
    """Every setting of the service, with its values in order."""
    section = UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0]

    assert settings(section) == SERVICE


def test_the_unit_runs_one_program_and_no_shell() -> None:
    """Start and reload are commands of ours, without a prefix that would lift the restrictions (+, !)."""
    unit = settings(UNIT.read_text())

    assert {name: values for name, values in unit.items() if name.startswith("Exec")} == {
        "ExecStart": ["/opt/sluss/bin/sluss serve --config /etc/sluss/sluss.yaml"],
        "ExecReload": ["/opt/sluss/bin/sluss reload --config /etc/sluss/sluss.yaml"],
    }


@pytest.fixture
def analyze(program: Callable[[str], str]) -> str:
    """The judge of units that comes with systemd."""
    return program("systemd-analyze")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, of a program that is on every machine."""
    path = tmp_path / "sluss.service"
    path.write_text(UNIT.read_text().replace("/opt/sluss/bin/sluss", "/bin/true"))
    return path


def test_systemd_understands_the_unit(analyze: str, unit: Path) -> None:
    """Not one line that it does not know."""
    run = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)

    assert [line for line in run.stderr.splitlines() if "sluss" in line] == []


def test_systemd_finds_the_unit_shut(analyze: str, unit: Path) -> None:
    """Its exposure is below what systemd calls medium, by far."""
    command = [analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in run.stderr:
        pytest.skip("systemd-analyze is older than 250 and knows no --offline")

    assert run.returncode == 0, run.stdout


# The image.


def instructions() -> list[tuple[str, str]]:
    """What the Dockerfile says, one instruction each, without comments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, _, rest in lines]


def last_stage() -> list[tuple[str, str]]:
    """The instructions of the stage that runs."""
    found = instructions()
    return found[max(at for at, (word, _) in enumerate(found) if word == "FROM") :]


IMAGE: list[tuple[str, Callable[[dict[str, str]], Any]]] = [
    ("a user by number, who is not root", lambda said: re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", said["USER"])),
    ("a health check that needs no shell", lambda said: '["sluss", "doctor", "--ready"]' in said["HEALTHCHECK"]),
    ("SIGTERM ends it", lambda said: said["STOPSIGNAL"] == "SIGTERM"),
    ("no shell around the program", lambda said: said["ENTRYPOINT"] == '["sluss"]'),
    ("one folder for data", lambda said: said["VOLUME"] == said["WORKDIR"] == "/var/lib/sluss"),
    ("no bytecode is written", lambda said: "PYTHONDONTWRITEBYTECODE=1" in said["ENV"]),
    ("no installer is left", lambda said: "pip uninstall" in said["RUN"]),
]


@pytest.mark.parametrize(("label", "holds"), IMAGE, ids=[label for label, _ in IMAGE])
def test_the_image_holds(label: str, holds: Callable[[dict[str, str]], Any]) -> None:
    """What the stage that runs says, for each instruction its last word."""
    assert holds(dict(last_stage()))


def test_nothing_is_installed_without_its_hash() -> None:
    """Nothing is fetched by ADD, curl or apt, and what pip fetches is in a lock with hashes."""
    words = {word for word, _ in instructions()}
    commands = [part for word, text in instructions() if word == "RUN" for part in text.split("&&")]
    fetching = [part for part in commands if re.search(r"pip\b.* (install|wheel|download) ", part)]

    assert "ADD" not in words
    assert not [part for part in commands if re.search(r"\b(curl|wget|apt-get|apt|git)\b", part)]
    assert len(fetching) == 4
    held = re.compile(r"--require-hashes|--no-index|--no-deps .*\.$")
    assert not [part for part in fetching if not held.search(part.strip())]


def test_both_stages_are_one_pinned_image() -> None:
    """One argument names the version of Python and the release of Debian, and both stages are of it."""
    found = instructions()
    stages = [text.partition(" AS ")[0] for word, text in found if word == "FROM"]

    assert found[0][0] == "ARG"
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[1-3]-slim-bookworm", found[0][1])
    assert stages == ["${PYTHON_IMAGE}"] * 2


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    """Every source of a COPY is in the checkout and in .dockerignore's list, which lets in nothing else."""
    copies = [text.split() for word, text in instructions() if word == "COPY" and "--from" not in text]
    sources = {name for words in copies for name in words[:-1] if not name.startswith("--")}
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    let_in = {line[1:] for line in ignored if line.startswith("!")}

    assert not [name for name in sources if not (ROOT / name).exists()]
    assert ignored[0] == "*"
    assert {name if name in let_in else name.split("/")[0] for name in sources} == let_in


# The composition.


@pytest.fixture(name="services")
def _services() -> dict[str, Any]:
    """The services of config/compose.yaml."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "config/compose.yaml").read_text())
    return {**document["services"], "secrets": document["secrets"], "networks": document["networks"]}


COMPOSED: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("its root is read-only", lambda sluss: sluss["read_only"] is True),
    ("it has no capability", lambda sluss: sluss["cap_drop"] == ["ALL"] and "cap_add" not in sluss),
    ("it gets no new privileges", lambda sluss: sluss["security_opt"] == ["no-new-privileges:true"]),
    ("it is not root", lambda sluss: sluss["user"] == dict(last_stage())["USER"]),
    ("what it may use is limited", lambda sluss: sluss["mem_limit"] and sluss["pids_limit"]),
    ("the internal listener is not published", lambda sluss: sluss["ports"] == ["8080:8080"]),
    ("it waits for the database", lambda sluss: sluss["depends_on"]["db"]["condition"] == "service_healthy"),
    ("no secret is in its environment", lambda sluss: "environment" not in sluss),
]


@pytest.mark.parametrize(("label", "holds"), COMPOSED, ids=[label for label, _ in COMPOSED])
def test_the_gateway_is_shut_in_when_it_is_composed(
    label: str, holds: Callable[[dict[str, Any]], Any], services: dict[str, Any]
) -> None:
    """The composition takes away what docs/hardening.md takes away by hand."""
    assert holds(services["sluss"])


def test_the_database_is_reached_by_the_gateway_alone(services: dict[str, Any]) -> None:
    """It publishes no port, is in a network without a way out, and its password is a file that git never sees."""
    database = services["db"]

    assert "ports" not in database
    assert database["networks"] == ["inside"]
    assert services["networks"]["inside"] == {"internal": True}
    assert [name for name in database["environment"] if "PASSWORD" in name] == ["POSTGRES_PASSWORD_FILE"]
    assert database["healthcheck"]["test"][1] == "pg_isready"
    assert {secret["file"].rpartition("/")[0] for secret in services["secrets"].values()} == {"./secrets"}
    assert "config/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
