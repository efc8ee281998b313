"""What every store promises of the audit log."""

import pytest
from builders import NOW

from gateway.ports import Act, Recorded
from gateway.store import trail
from gateway.store.db import Db
from gateway.store.sql import SqlStore

PAUSE = Act(NOW, "anna (uid 1000)", "queue pause", '{"upstream": "main"}')


class Auditing:
    """Acts and their outcomes."""

    async def test_an_act_has_its_outcome(self, store: SqlStore) -> None:
        """What was begun is there at once; how it ended comes later, and never where it was cut off."""
        first, second = [await store.trail.begin(PAUSE._replace(moment=NOW + at)) for at in range(2)]
        await store.trail.end(second, NOW + 5, "done")

        assert await store._read(lambda db: trail.newest(db, None, 10)) == [
            Recorded(first, PAUSE, None, None),
            Recorded(second, PAUSE._replace(moment=NOW + 1), NOW + 5, "done"),
        ]
        assert [each.key for each in await store._read(lambda db: trail.newest(db, second, 10))] == [first]
        assert [each.key for each in await store._read(lambda db: trail.newest(db, None, 1))] == [second]

    @pytest.mark.parametrize(
        "change",
        ["DELETE FROM act", "UPDATE act SET who = 'nobody'", "DELETE FROM outcome", "UPDATE outcome SET said = ''"],
    )
    async def test_it_is_only_added_to(self, store: SqlStore, change: str) -> None:
        """No statement takes an act back, or tells it otherwise."""
        key = await store.trail.begin(PAUSE)
        await store.trail.end(key, NOW, "done")

        def tamper(db: Db) -> None:
            db.execute(change)

        with pytest.raises(Exception, match="the audit log is only added to"):
            await store._write(tamper)
        assert await store._read(lambda db: trail.newest(db, None, 10)) == [Recorded(key, PAUSE, NOW, "done")]
