"""A PostgreSQL server of the tests' own: started for a run, in a folder of its own, gone afterwards."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from gateways import free_port

_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def programs() -> Path | None:
    """Where `initdb` and `postgres` are; None where they are not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = [folder for pattern in _FOLDERS for folder in Path("/").glob(pattern.removeprefix("/"))]
    return max((folder for folder in folders if (folder / "initdb").exists()), default=None)


class Server:
    """One server, reached over TCP on this machine; it can be stopped, killed and started again."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        """Make its files. The server refuses to be root's, so then it is somebody else's."""
        self._binaries = binaries
        self._data = folder / "data"
        self._user = "postgres" if os.geteuid() == 0 else None
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", self._data, "-U", "sluss", "--auth=trust", "-E", "UTF8", "--no-locale", "-N")

    def start(self) -> None:
        """Start it; returns once it answers."""
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200")
        command = [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options]
        with (self._data.parent / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user)
        for _ in range(600):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres"), connect_timeout=1).close()
                return
            assert self._process.poll() is None, (self._data.parent / "log").read_text()
        raise AssertionError("the server does not answer")

    def stop(self, *, immediately: bool = False) -> None:
        """Stop it, or let it die as in a power cut."""
        if self._process is not None:
            self._run("pg_ctl", "stop", "-D", self._data, "-m", "immediate" if immediately else "fast", "-w")
            self._process.wait()
            self._process = None

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://sluss@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever uses it."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._binaries / program, *map(str, arguments)], check=True, capture_output=True, user=self._user
        )


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server that runs. Raises FileNotFoundError where PostgreSQL is not installed."""
    binaries = programs()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed here")
    # Not in pytest's folder: that is root's alone where root runs the tests, and the server is not root's.
    with tempfile.TemporaryDirectory(prefix="sluss-postgresql-") as folder:
        made = Server(Path(folder), binaries)
        made.start()
        try:
            yield made
        finally:
            made.stop()
