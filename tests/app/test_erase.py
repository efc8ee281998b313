"""A person's number erased while the gateway runs: no byte of it is left, and everybody else notices nothing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from builders import NOW
from command_line import sluss, sluss_json
from gateways import BASIC, KEY, Running, a_document, settled, until
from psycopg.sql import SQL, Identifier
from rawhttp import exchange, request
from structlog.testing import capture_logs

from gateway.addresses import Edit
from gateway.app import Gateway
from gateway.model import DispatchState, Incoming
from gateway.ports import ERASED
from gateway.status import Status

ANNA, BO = "46700000017", "46700000028"
ACCOUNT = "ip1-12345"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged; on stdout it would stand between what the commands print."""
    with capture_logs() as lines:
        yield lines


class Desk:
    """A gateway with its store in a file or on a server, and a command line that finds it."""

    def __init__(self, gateway: Gateway, folder: Path, url: str) -> None:
        """Write the configuration that the commands read."""
        self.gateway = gateway
        self.url = url
        self.folder = folder
        self._config = folder / "operations.yaml"
        document = a_document(listen={"internal": "{}:{}".format(*gateway.internal)})
        self._config.write_text(yaml.safe_dump(document), "utf-8")

    async def json(self, *args: object, code: int = 0) -> Any:
        """The document that `sluss erase` prints."""
        return await asyncio.to_thread(sluss_json, "erase", *args, "--config", self._config, code=code)

    async def said(self, *args: object) -> tuple[int, str]:
        """Its exit code, and all that it prints."""
        result = await asyncio.to_thread(sluss, "erase", *args, "--config", self._config)
        return result.exit_code, result.output

    async def send(self, *numbers: str, text: str = "Hello") -> int:
        """Send a batch over REST v2; the number of its first message."""
        body = json.dumps({"sender": "iP1", "recipients": numbers, "body": text}).encode()
        answer = await exchange(self.gateway.public, request("POST", "/v2/batches", HEADERS, body))
        assert answer.status == 201, answer.body
        return int(json.loads(answer.body)["id"][10:], 16)

    async def sound(self) -> bool:
        """Whether `sluss fsck` finds nothing."""
        path = self.folder / "store.yaml"
        path.write_text(yaml.safe_dump(a_document(store=self.url)), "utf-8")
        return (await asyncio.to_thread(sluss, "fsck", "--config", path)).exit_code == 0

    def bytes(self) -> bytes:
        """Every byte of the store: of its files, or of every row of every table as the server writes it out."""
        if self.url.startswith("sqlite"):
            return b"".join(path.read_bytes() for path in self.folder.glob("sluss.db*"))
        found = []
        with psycopg.connect(self.url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as rows:
                    found += [bytes(row) for row in rows]
        return b"".join(found)


def document(store: str, **over: Any) -> dict[str, Any]:
    """A configuration whose first route holds back what goes to 46799 and so on."""
    routes = [
        {"name": "night", "when": {"recipient": "46799*"}, "to": "sandbox", "hold": True},
        {"name": "default", "to": "sandbox"},
    ]
    return a_document(store=store, routes=routes, **over)


@pytest.fixture
async def desk(url: str, running: Running, tmp_path: Path) -> Desk:
    """The same gateway on either kind of store."""
    return Desk(await running(document(url)), tmp_path, url)


async def lived(desk: Desk) -> int:
    """Let Anna write and be written to, be a contact, be blocked and be mentioned; the number of her own message."""
    store = desk.gateway.store
    for at in range(200):
        await store.book.add(ACCOUNT, [Edit({"phoneNumber": f"4671{at:07}"})], NOW)
    await store.book.add(ACCOUNT, [Edit({"phoneNumber": f"+{ANNA}", "firstName": "Annika"})], NOW)
    alone = await desk.send(ANNA, text=f"Anna, is {ANNA} still yours?")
    both = await desk.send(BO, ANNA, text="To both")
    await desk.send(BO, text=f"Ask Anna: +{ANNA}")
    arrived = Incoming(0, NOW, ACCOUNT, "erp", "main", "1", ANNA, "46799", "Yes, it is", 1)
    await store.receive([arrived], NOW, ())
    for number in (alone, both, both + 1, both + 2):
        await settled(desk.gateway, number)
    await until_filed(desk)
    return alone


async def until_filed(desk: Desk) -> None:
    """Wait for conversations to be complete."""

    async def filed() -> bool:
        return (await desk.gateway.store.life.traces(ANNA)).conversations == 6

    await until(filed)


COUNTS = {
    "messages": 2,
    "incoming": 1,
    "contacts": 1,
    "texts": 2,
    "conversations": 6,
    "passcodes": 0,
    "idempotency": 0,
    "senders": 0,
    "blacklist": 0,
    "blacklist_kept": 0,
}


async def test_nothing_of_a_person_is_left(desk: Desk, logged: list[Any]) -> None:
    """Not in any table, and on a disk of ours not in any byte; a look before it tells how much it would be."""
    await lived(desk)

    assert (await desk.json(ANNA, "--dry-run"))["erased"] == COUNTS
    code, said = await desk.said(f"+{ANNA}")
    assert code == 1
    assert "Add --yes" in said
    assert (await desk.gateway.store.message(1001))[1].recipient == ANNA
    done = await desk.json(f"+{ANNA}", "--yes")
    # What was said to her alone is gone with her, and so are its mentions.
    assert done["erased"] == COUNTS | {"texts": 1}
    assert done["left"] == 0
    assert done["scrubbed"] == desk.url.startswith("sqlite")
    assert BO.encode() in desk.bytes()
    assert not [word for word in (ANNA, "Yes, it is", "Annika") if word.encode() in desk.bytes()]
    assert await desk.sound()
    again = await desk.json(ANNA, "--yes")
    assert not any(again["erased"].values())
    assert ANNA not in repr(logged)


async def test_what_was_sent_can_still_be_asked_for(desk: Desk) -> None:
    """Over every face, with digits that are nobody's in the place of the number; others are as they were."""
    alone = await lived(desk)
    await desk.said(ANNA, "--yes")

    answer = await exchange(desk.gateway.public, request("GET", "/v2/batches?pageSize=10", HEADERS, b""))
    assert answer.status == 200
    basic = {"Authorization": f"Basic {BASIC}"}
    told = await exchange(desk.gateway.public, request("GET", f"/api/sms/sent/{alone}", basic, b""))
    assert told.status == 200
    assert json.loads(told.body)["Status"] == 22
    assert ERASED.encode() in told.body
    found = [await desk.gateway.store.message(number) for number in range(alone, alone + 4)]
    kept = [(batch.content.body, message.recipient) for batch, message, _ in filter(None, found)]
    assert kept == [
        ("", ERASED),
        ("To both", BO),
        ("To both", ERASED),
        (f"Ask Anna: +{ERASED}", BO),
    ]


async def test_what_is_still_to_be_sent_stops_it(desk: Desk) -> None:
    """Nothing is erased until somebody says that it is to be ended; then that one message is, and no other."""
    waiting = await desk.send("46799000001", "46799000002")
    assert "1 message to it is still to be sent" in (await desk.said("46799000001", "--dry-run"))[1]
    code, said = await desk.said("46799000001", "--yes")
    assert code == 1
    assert "1 to this number are still to be sent: nothing was erased." in said
    done = await desk.json("46799000001", "--yes", "--cancel")

    assert done["erased"]["messages"] == 1
    (_, first, history), (_, second, _) = [
        found for number in (waiting, waiting + 1) if (found := await desk.gateway.store.message(number))
    ]
    assert (first.recipient, history[-1].status) == (ERASED, Status.CANCELED)
    assert second.recipient == "46799000002"
    dispatch = await desk.gateway.store.dispatch(waiting + 1)
    assert dispatch is not None
    assert dispatch.state is DispatchState.HELD
    assert await desk.sound()


async def test_what_nobody_knows_of_stops_it(desk: Desk) -> None:
    """What may have arrived, or is on its way, is ended first: its report could not be matched any more."""
    number = await desk.send("46799000001")
    await desk.gateway.store._write(lambda db: db.execute("UPDATE dispatch SET state = 6 WHERE key = ?", (number,)))

    assert "1 message to it is on the way or unknown" in (await desk.said("46799000001", "--dry-run"))[1]
    code, said = await desk.said("46799000001", "--yes", "--cancel")
    assert code == 1
    assert "nothing was erased. Try again when they have ended" in said


async def test_a_file_may_be_left_as_it_is(desk: Desk) -> None:
    """A large file takes long to write anew; then it is said what is left."""
    await settled(desk.gateway, await desk.send(ANNA))
    code, said = await desk.said(ANNA, "--yes", "--no-vacuum")

    assert code == 0, said
    assert "unused parts of them may still hold it" in said


async def test_blacklists_keep_it_unless_told(desk: Desk) -> None:
    """Erasing it there would let the person get messages again, so that is said, and done only on demand."""
    store = desk.gateway.store
    path = f"/v2/blacklist/{ANNA}"
    await exchange(desk.gateway.public, request("PUT", path, HEADERS, b""))
    (entry,) = await store.blocked()
    assert entry[1].msisdn == ANNA
    _, said = await desk.said(ANNA, "--yes")
    assert "It stays on blacklists" in said
    assert len(await store.blocked()) == 1

    assert (await desk.json(ANNA, "--yes", "--blacklist"))["erased"]["blacklist"] == 1
    assert await store.blocked() == []
    sent = await desk.send(ANNA)
    await settled(desk.gateway, sent)


@pytest.mark.parametrize("number", ["0701234567", "12", "46701", "Anna", "4670123456789012"])
async def test_a_number_must_be_whole(desk: Desk, number: str) -> None:
    """A national one could be of any country, and a short one is in half of all texts."""
    code, said = await desk.said(number, "--dry-run")

    assert code == 1
    assert "Write the number with its country code" in said
