"""Opening a database file: who may read it, who holds it, what it may be, and what is said where it cannot be used."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.store import schema
from gateway.store.sqlite import SqliteStore

HOLDER = """
import pathlib, sys
from gateway.store import schema
held = schema.lock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def refusal(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(ConfigError) as caught:
        schema.prepare(path)
    (sentence,) = caught.value.problems
    return sentence


def one(path: Path, question: str) -> object:
    """The one value that answers a question to the file."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(question).fetchone()[0]


def test_a_fresh_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Texts and phone numbers are in there: neither the file nor what SQLite puts beside it is for others to read."""
    path = tmp_path / "sluss.db"
    old = os.umask(0)
    try:
        schema.prepare(path)
        with closing(schema.connect(str(path))) as db:
            db.execute("INSERT INTO callback (number, step, attempts, run_at) VALUES (1, 1, 0, 0)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(old)

    assert modes == {"sluss.db": 0o600, "sluss.db-wal": 0o600, "sluss.db-shm": 0o600}


def test_a_fresh_file_says_whose_it_is(tmp_path: Path) -> None:
    """Its application id and its schema's number are written with the tables."""
    path = tmp_path / "sluss.db"
    schema.prepare(path)

    assert one(path, "PRAGMA application_id") == int.from_bytes(b"SLUS", "big")
    assert one(path, "PRAGMA user_version") == schema.migrations()[-1][0]
    assert one(path, "PRAGMA journal_mode") == "wal"


def test_an_acknowledged_write_is_synced(tmp_path: Path) -> None:
    """Every connection waits for the disk: accepted means stored."""
    with closing(schema.connect(str(tmp_path / "sluss.db"))) as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_migrations_are_numbered_without_gaps() -> None:
    """They start at 1 and none is missing, so that a schema's number says which have run."""
    numbers = [number for number, _ in schema.migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_each_migration_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening again keeps what is stored; a newer program runs only what is new."""
    path = tmp_path / "sluss.db"
    steps = [(1, "CREATE TABLE a (x)"), (2, "CREATE TABLE b (x); INSERT INTO b VALUES (1)")]
    monkeypatch.setattr(schema, "migrations", lambda: steps[:1])
    schema.prepare(path)
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    schema.prepare(path)
    schema.prepare(path)

    assert one(path, "PRAGMA user_version") == 2
    assert one(path, "SELECT count(*) FROM b") == 1


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is taken whole or not at all, and what went wrong is said with the file's name."""
    path = tmp_path / "sluss.db"
    monkeypatch.setattr(schema, "migrations", lambda: [(1, "CREATE TABLE a (x)"), (2, "CREATE TABLE c (x); NONSENSE")])

    assert refusal(path).startswith(f"store: cannot use {path}: ")
    assert one(path, "PRAGMA user_version") == 1
    assert one(path, "SELECT count(*) FROM sqlite_master") == 1


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older program must not write into a newer one's tables; it says what to do instead."""
    path = tmp_path / "sluss.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    newest = schema.migrations()[-1][0]

    assert refusal(path) == (
        f"store: {path} was written by a newer Sluss (schema 99; this one knows {newest}); upgrade Sluss, or restore"
        " the backup made before the upgrade"
    )


def test_no_byte_of_what_was_deleted_is_left(tmp_path: Path) -> None:
    """Also where it was deleted long ago by a SQLite that leaves it where it lay, and while a gateway uses the file."""
    path = tmp_path / "sluss.db"
    schema.prepare(path)
    with closing(schema.connect(str(path))) as gateway:
        gateway.execute("PRAGMA secure_delete = OFF")
        for number in range(100):
            gateway.execute("INSERT INTO sender VALUES ('a', ?, 0)", (f"46700000017 {number}",))
        gateway.execute("DELETE FROM sender")
        gateway.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"46700000017" in path.read_bytes()

        assert schema.scrub(path)
        assert b"46700000017" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
        gateway.execute("INSERT INTO sender VALUES ('a', 'b', 0)")


def test_a_file_that_is_written_anew_is_not_held_in_memory(tmp_path: Path) -> None:
    """Its copy lies on the disk beside it until it is whole: the largest store can be erased from."""
    path = tmp_path / "sluss.db"
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE filling AS SELECT zeroblob(10000000) FROM (VALUES (1), (2), (3), (4), (5))")
        for _ in range(2):
            db.execute("INSERT INTO filling SELECT * FROM filling")
        db.commit()
    peak = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    work = f"from gateway.store import schema; from pathlib import Path; schema.scrub(Path({str(path)!r}))"
    said = [
        subprocess.run([sys.executable, "-c", f"{code}; {peak}"], check=True, capture_output=True, text=True).stdout
        for code in ("import gateway.store.schema", work)
    ]

    used = (int(said[1]) - int(said[0])) / 1024
    assert used < 150, "two caches of 64 MB and no more, of a file of 200 MB"


def test_what_is_read_meanwhile_keeps_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads still needs the log, so it cannot be emptied, and that is told."""
    path = tmp_path / "sluss.db"
    schema.prepare(path)
    monkeypatch.setattr(schema, "_SETTINGS", ("PRAGMA busy_timeout = 1",))
    with closing(schema.connect(str(path))) as gateway, closing(sqlite3.connect(path)) as reader:
        gateway.execute("INSERT INTO sender VALUES ('a', 'b', 0)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sender").fetchall()

        assert not schema.scrub(path)


@pytest.mark.parametrize("application", [0, 77])
def test_another_programs_database_is_refused_untouched(tmp_path: Path, application: int) -> None:
    """A file with tables of somebody else is not ours to write in: not one byte of it changes."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.execute(f"PRAGMA application_id = {application}")
    before = path.read_bytes()

    assert refusal(path) == f"store: {path} is a database of another program; name a new file"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("shopping list " * 100)

    assert refusal(path) == f"store: cannot open {path}: file is not a database"
    assert path.read_text().startswith("shopping")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The path of a folder cannot be opened."""
    assert refusal(tmp_path).startswith(f"store: cannot open {tmp_path}: ")


@pytest.mark.parametrize("below", ["missing/sluss.db", "file/sluss.db"])
def test_a_folder_that_cannot_be_written_in_is_named(tmp_path: Path, below: str) -> None:
    """Where the lock cannot be made, the sentence names the folder."""
    (tmp_path / "file").touch()
    path = tmp_path / below

    with pytest.raises(ConfigError, match=f"^store: cannot write in {path.parent}: "):
        schema.lock(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """The same for a folder that belongs to somebody else."""
    tmp_path.chmod(0o500)

    with pytest.raises(ConfigError, match="Permission denied"):
        schema.lock(tmp_path / "sluss.db")


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    """Two gateways on one file would send twice: the second is told so, and a lock dies with its process."""
    path = tmp_path / "sluss.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError) as caught:
            schema.lock(path)
        holder.kill()

    assert caught.value.problems == (f"store: {path} is in use by another Sluss; stop that one first",)
    schema.lock(path).close()


async def test_a_refused_file_is_let_go(tmp_path: Path) -> None:
    """A store that could not be opened holds no lock, so that it can be opened once the cause is mended."""
    path = tmp_path / "sluss.db"
    path.write_text("no database " * 100)
    with pytest.raises(ConfigError) as caught:
        SqliteStore(path)
    path.unlink()

    assert caught.value
    schema.lock(path).close()


def test_batches_that_were_there_before_lists_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the first release gets numbers without a gap for each account, in the order in which batches came."""
    path = tmp_path / "sluss.db"
    everything = schema.migrations()
    monkeypatch.setattr(schema, "migrations", lambda: everything[:4])
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        for key, account in ((1001, "a"), (1002, "b"), (1005, "a"), (1009, "a")):
            db.execute("INSERT INTO batch VALUES (?, 0, ?, 'erp', 'soap', 1, NULL, '{}')", (key, account))
        db.commit()
    monkeypatch.setattr(schema, "migrations", lambda: everything)
    schema.prepare(path)

    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT key, account, ordinal FROM batch ORDER BY key").fetchall()
    assert rows == [(1001, "a", 1), (1002, "b", 1), (1005, "a", 2), (1009, "a", 3)]
    assert one(path, "PRAGMA user_version") == everything[-1][0]


def test_conversations_that_were_filed_are_not_filed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index goes on where it stood, also in the middle of a batch, and for who has received alone."""
    path = tmp_path / "sluss.db"
    everything = schema.migrations()
    monkeypatch.setattr(schema, "migrations", lambda: everything[:12])
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        for ordinal, (key, account) in enumerate(((1001, "a"), (1002, "b"), (1005, "a")), 1):
            db.execute(
                "INSERT INTO batch (key, created, account, caller, face, size, content, ordinal)"
                " VALUES (?, 0, ?, 'erp', 'soap', 3, '{}', ?)",
                (key, account, ordinal),
            )
        db.execute(
            "INSERT INTO incoming (created, account, caller, upstream, upstream_id, sender, recipient, body, segments)"
            " VALUES (0, 'c', 'erp', 'main', '1', '46700000001', '46799', 'Hi', 1)"
        )
        db.execute("UPDATE filed SET upto = CASE side WHEN 1 THEN 1006 ELSE 1 END")
        db.commit()
    monkeypatch.setattr(schema, "migrations", lambda: everything)
    schema.prepare(path)

    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT account, ordinal, number, incoming FROM filed ORDER BY account").fetchall()
    assert rows == [("a", 3, 1006, 1), ("b", 2, 1006, 1), ("c", 0, 0, 1)]
