"""The way back from an upgrade: a copy that is made before the schema changes, and what the older version says."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.store import backup, queries, schema, upgrade
from gateway.store.inspect import reading

Knows = Callable[[int], None]


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Knows:
    """Makes the program one that knows the schemas up to this one alone."""
    everything = schema.migrations()
    return lambda newest: monkeypatch.setattr(schema, "migrations", lambda: everything[:newest])


def version(path: Path) -> int:
    """The schema of a file."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def opened(path: Path) -> None:
    """As a gateway opens its store."""
    upgrade.keep_copy(path)
    schema.prepare(path)


def copies(path: Path) -> list[str]:
    """What lies beside a file."""
    return sorted(found.name for found in path.parent.iterdir() if found != path and not found.name.endswith(".lock"))


def test_a_copy_is_made_before_the_schema_changes(tmp_path: Path, knows: Knows) -> None:
    """Of what was stored, also of what lies in the log still, and its owner's alone."""
    path = tmp_path / "sluss.db"
    knows(12)
    opened(path)
    with closing(schema.connect(str(path))) as db:
        db.execute("INSERT INTO sender VALUES ('a', 'Shop', 7)")
        assert copies(path) == ["sluss.db-shm", "sluss.db-wal"]
        knows(13)
        upgrade.keep_copy(path)
    schema.prepare(path)

    copy = tmp_path / "sluss.db.schema-0012"
    assert copies(path) == [copy.name]
    assert (version(path), version(copy)) == (13, 12)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT * FROM sender").fetchall() == [("a", "Shop", 7)]


def test_where_nothing_changes_nothing_is_copied(tmp_path: Path) -> None:
    """A new file, one that is up to date, and one that is empty."""
    path = tmp_path / "sluss.db"
    opened(path)
    opened(path)
    (tmp_path / "empty.db").touch()
    opened(tmp_path / "empty.db")

    assert copies(path) == ["empty.db"]


def test_few_copies_are_kept(tmp_path: Path, knows: Knows) -> None:
    """The newest two: disks are not endless, and nobody goes back further; another database's are not ours."""
    path = tmp_path / "sluss.db"
    (tmp_path / "other.db.schema-0001").touch()
    for newest in (9, 10, 11, 12, 13):
        knows(newest)
        opened(path)

    assert copies(path) == ["other.db.schema-0001", "sluss.db.schema-0011", "sluss.db.schema-0012"]


def test_a_newer_copy_takes_the_place_of_an_older_one(tmp_path: Path, knows: Knows) -> None:
    """Who went back and upgrades again wants what was stored meanwhile."""
    path = tmp_path / "sluss.db"
    copy = tmp_path / "sluss.db.schema-0012"
    knows(12)
    opened(path)
    copy.write_text("an older one")
    knows(13)
    opened(path)

    assert version(copy) == 12


def test_without_room_for_a_copy_nothing_changes(tmp_path: Path, knows: Knows) -> None:
    """A start that cannot be undone is none; the sentence says what to do."""
    path = tmp_path / "sluss.db"
    knows(12)
    opened(path)
    knows(13)
    (tmp_path / "sluss.db.schema-0012").mkdir()

    with pytest.raises(ConfigError) as caught:
        opened(path)
    (sentence,) = caught.value.problems
    assert sentence.startswith(f"store: {path} has an older schema and cannot be copied before it is changed: ")
    assert sentence.endswith("; make room beside it")
    assert version(path) == 12
    assert copies(path) == ["sluss.db.schema-0012"]


def test_the_older_version_says_how_to_go_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the copy that it understands; that is put back as any backup is, and it runs on."""
    path = tmp_path / "sluss.db"
    ours = schema.newest()
    copy = tmp_path / f"sluss.db.schema-{ours:04}"
    opened(path)
    with closing(schema.connect(str(path))) as db:
        db.execute("INSERT INTO sender VALUES ('a', 'Shop', 7)")
    newer = [*schema.migrations(), (ours + 1, "CREATE TABLE novelty (x)")]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrations", lambda: newer)
        opened(path)

    with pytest.raises(ConfigError) as caught:
        opened(path)
    assert caught.value.problems == (
        (
            f"store: {path} was written by a newer Sluss (schema {ours + 1}; this one knows {ours}); upgrade Sluss, or"
            f" move that file away and go back to what was stored before the upgrade: sluss restore {copy}"
        ),
    )
    path.rename(tmp_path / "newer.db")
    backup.restore(copy, path, 0, nothing_left=False, who="operations", about="{}")
    opened(path)
    assert version(path) == ours
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM sender").fetchall() == [("a", "Shop", 7)]


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_what_a_killed_gateway_left_is_not_played_back(tmp_path: Path, end: str) -> None:
    """A log whose database was moved away without it would put what is newer into what is put back."""
    copy, path = tmp_path / "copy.db", tmp_path / "sluss.db"
    schema.prepare(copy)
    left = path.with_name(path.name + end)
    left.write_bytes(b"newer")

    with pytest.raises(FileExistsError, match=f"{left} exists already"):
        backup.restore(copy, path, 0, nothing_left=True, who="operations", about="{}")
    assert not path.exists()
    assert left.read_bytes() == b"newer"


def test_what_a_look_leaves_beside_a_store_is_in_nobodys_way(tmp_path: Path) -> None:
    """Whoever only reads a gateway's file that has stopped leaves an empty log, and an index of it."""
    copy, path = tmp_path / "copy.db", tmp_path / "sluss.db"
    for name in (copy, path):
        opened(name)
    with reading(f"sqlite:///{path}") as db:
        assert queries.highest(db) == 0
    assert [name.stat().st_size for name in schema.beside(path) if name.name.endswith("-wal")] == [0]
    path.rename(tmp_path / "older.db")

    backup.restore(copy, path, 0, nothing_left=True, who="operations", about="{}")
    assert [name for name in schema.beside(path) if name.exists()] == []
    opened(path)


def test_what_is_no_database_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    """It is not copied, and said to be none as ever."""
    path = tmp_path / "notes.txt"
    path.write_text("shopping list " * 100)

    with pytest.raises(ConfigError, match="file is not a database"):
        opened(path)
    assert copies(path) == []
