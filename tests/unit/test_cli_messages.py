"""The commands that tell about messages: status and explain, of what is stored and of what nobody sent."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import NOW, a_content, a_new_batch, stored
from command_line import TOKEN, change, sluss, sluss_json, told, write_config

from gateway.ids import Kind, public_id
from gateway.model import DispatchState, Recipient, StatusEntry, Window
from gateway.ports import NewBatch, NewDispatch, Settlement, Sharing, Transition
from gateway.status import Status
from gateway.store import open_store, schema

TEXT = "Your code is 8271"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A valid configuration whose store does not exist yet."""
    return write_config(tmp_path)


def a_stored_batch() -> NewBatch:
    """Two messages: the first for the upstream `main`, the second for `trial`."""
    return a_new_batch(
        content=a_content(body=TEXT),
        recipients=(Recipient("46712345678"), Recipient("46700001111")),
        segments=(1, 1),
        dispatches=(NewDispatch("main", "default", (0,)), NewDispatch("trial", "tests", (1,))),
    )


async def _fill(url: str) -> None:
    store = open_store(url)
    try:
        batch = await stored(store, a_stored_batch())
        await store.lease("main", 1, NOW, NOW + 1000)
        refused = StatusEntry(
            status=Status.INVALID_SENDER, created=NOW + 2000, raw_code="400", raw_text="bad\x1b[2J", upstream="main"
        )
        settlement = Settlement(
            dispatch=batch.key,
            state=DispatchState.FAILED,
            run_at=NOW,
            attempts=1,
            sent_at=NOW + 1000,
            transitions=(Transition(batch.key, refused),),
        )
        await store.settle(settlement)
        opens_in_the_year_2100 = Window(4_102_444_800_000, None)
        later = await stored(store, a_new_batch(content=a_content(windows=(opens_in_the_year_2100,))))
        await store.record([Transition(later.key, StatusEntry(status=Status.QUEUED, created=NOW))])
    finally:
        await store.close()


@pytest.fixture
def filled(config: Path) -> Path:
    """The same configuration with a store: 1001 was refused, 1002 waits for the sandbox, 1003 waits for its time."""
    asyncio.run(_fill(f"sqlite:///{config.parent / 'sluss.db'}"))
    return config


def ask(config: Path, to: str = "46712345678", sender: str = "iP1", *more: str) -> tuple[object, ...]:
    """The arguments of a question about one message."""
    return ("explain", "--config", config, "--caller", "erp", "--sender", sender, "--to", to, *more)


def test_explain_names_every_rule_and_the_request(config: Path) -> None:
    """Each rule that was tried says why it does not match; the request is v2's, its token and hook masked."""
    document = sluss_json(*ask(config, "46712345678", "iP1", "--text", "Hej €"))
    reference = document["request"]["body"].pop("reference")

    assert document["routes"] == [
        {"route": "tests", "takes": False, "reason": "recipient 46712345678 is not 4670000*"},
        {"route": "alarms", "takes": False, "reason": "sender iP1 is not ALARM"},
        {"route": "default", "takes": True, "reason": None},
    ]
    assert document["message"] == {
        "face": "rest_v2",
        "caller": "erp",
        "sender": "iP1",
        "recipient": "46712345678",
        "type": "sms",
        "datacoding": "gsm",
        "units": 6,
        "segments": 1,
    }
    assert document["upstream"] == {"name": "main", "adapter": "rest_v2"}
    assert document["request"] == {
        "method": "POST",
        "url": "https://api.example/v2/batches",
        "headers": {"Authorization": "Bearer ********", "Content-Type": "application/json"},
        "body": {
            "sender": "iP1",
            "recipients": ["46712345678"],
            "body": "Hej €",
            "type": "sms",
            "datacoding": "gsm",
            "priority": 1,
            "deliveryReportUrl": "https://sms.example.org/hooks/main/********",
        },
    }
    assert re.fullmatch("[0-9a-f]{8}d1[0-9a-f]{14}", reference)


RULED = [
    ("held", {"to": "main", "hold": True}, "It waits until operations release it."),
    (
        "a fallback",
        {"to": "main", "fallback": ["trial"], "on": ["unreachable", 402]},
        "Where the outcome is unreachable or 402, trial gets it.",
    ),
    ("a split", {"to": {"main": 3, "trial": 1}}, "Of main 3, trial 1, this recipient is always dealt main."),
    (
        "a wait",
        {"to": "main", "reply": "sent", "within": "3s"},
        "The caller is answered with the upstream's word, or after 3 s without it.",
    ),
    ("a rejection", {"reject": 405}, "Route ruled rejects it as 405: nothing is stored or sent."),
]


@pytest.mark.parametrize(("label", "rule", "sentence"), RULED, ids=[case[0] for case in RULED])
def test_explain_tells_what_else_a_route_does(label: str, rule: dict[str, object], sentence: str, config: Path) -> None:
    """What a route does beside sending stands below the rules, for people and in JSON; nothing is waited for."""
    document = yaml.safe_load(config.read_text())
    document["routes"].insert(0, {"name": "ruled", "when": {"sender": "iP1"}, **rule})
    config.write_text(yaml.safe_dump(document))

    assert sluss_json(*ask(config))["then"] == sentence
    assert sentence in " ".join(sluss(*ask(config)).stdout.split())
    assert ("request" in sluss_json(*ask(config))) is (label != "a rejection")


def test_explain_shows_the_request_as_it_is_rewritten(config: Path) -> None:
    """What would leave is what is shown."""
    document = yaml.safe_load(config.read_text())
    rewrite = {"sender": "Alarm", "prefix": "[x] "}
    document["routes"].insert(0, {"name": "r", "when": {"sender": "iP1"}, "to": "main", "rewrite": rewrite})
    config.write_text(yaml.safe_dump(document))

    body = sluss_json(*ask(config))["request"]["body"]
    assert (body["sender"], body["body"]) == ("Alarm", "[x] Hello")


def test_explain_as_text(config: Path) -> None:
    """The same for people, and no token in it."""
    result = sluss(*ask(config, "46712345678", "iP1", "--type", "flash"))

    assert result.exit_code == 0
    assert "From erp over rest_v2: flash from iP1 to 46712345678." in result.stdout
    assert "not: recipient 46712345678 is not 4670000*" in result.stdout
    assert "POST https://api.example/v2/batches" in result.stdout
    assert '"type": "flash"' in result.stdout
    assert TOKEN not in result.stdout


def test_a_password_in_an_upstreams_address_is_refused(config: Path) -> None:
    """Whatever stands before the @ of a URL is a credential: it has a key of its own, and is not shown."""
    change(config, "https://api.example/v2", "https://somebody:hunter2@api.example/v2")

    result = sluss("check", config)

    assert result.exit_code == 2
    assert "no query, no account or password" in result.output
    assert "hunter2" not in result.output


SCRIPTS = [
    ("a number that is delivered", "46700001111", [102, 103, 110, 112, 201]),
    ("a number without funds", "46700000402", [102, 402]),
    ("a number that swallows the request", "46700000599", [599]),
]


@pytest.mark.parametrize(("label", "to", "statuses"), SCRIPTS, ids=[case[0] for case in SCRIPTS])
def test_explain_of_a_sandbox_tells_its_script(config: Path, label: str, to: str, statuses: list[int]) -> None:
    """Nothing leaves, and every status to come is told."""
    document = sluss_json(*ask(config, to))

    assert document["upstream"] == {"name": "trial", "adapter": "sandbox"}
    assert document["request"] is None
    assert document["note"].startswith("Nothing leaves this machine")
    assert [step["code"] for step in document["outcome"]] == statuses


MENDED = [
    (
        "an older face mends number and sender",
        "sendsms",
        "070-123 45 67",
        "A long sender",
        ("46701234567", "A long send"),
    ),
    ("v2 takes what is written right", "rest_v2", "46701234567", "iP1", ("46701234567", "iP1")),
]


@pytest.mark.parametrize(("label", "face", "to", "sender", "mended"), MENDED, ids=[case[0] for case in MENDED])
def test_explain_mends_as_the_face_does(
    config: Path, label: str, face: str, to: str, sender: str, mended: tuple[str, str]
) -> None:
    """What is explained is the message the service would make of the request."""
    message = sluss_json(*ask(config, to, sender, "--face", face))["message"]

    assert (message["recipient"], message["sender"]) == mended


def test_explain_says_that_v2_mends_no_number(config: Path) -> None:
    """Over REST v2 a number is taken as written, so one written otherwise comes with a warning."""
    hint = sluss_json(*ask(config, "+46 70 123 45 67"))["hint"]

    assert hint == "Over rest_v2 a client must write the number as 46701234567: it is not mended there."


REFUSED = [
    ("a sender v2 does not know", ("46712345678", "A long sender"), "Give a number of at most 15 digits"),
    ("no phone number", ("hello", "iP1"), "not a phone number"),
    ("an empty text", ("46712345678", "iP1", "--text", " "), "The text is empty"),
    ("a face the caller may not use", ("46712345678", "iP1", "--face", "soap"), "may only call rest_v2, sendsms"),
]


@pytest.mark.parametrize(("label", "args", "words"), REFUSED, ids=[case[0] for case in REFUSED])
def test_explain_of_a_message_that_is_refused(config: Path, label: str, args: tuple[str, ...], words: str) -> None:
    """The gateway's own refusal is the explanation, and the command ends with 1."""
    assert words in sluss_json(*ask(config, *args), code=1)["refused"]
    assert words in sluss(*ask(config, *args)).stderr


NAMES = [
    ("a caller that does not exist", ("--caller", "epr"), "unknown caller 'epr' (there is: erp)"),
    ("a face that does not exist", ("--caller", "erp", "--face", "rest_v3"), "unknown face 'rest_v3' (did you mean"),
]


@pytest.mark.parametrize(("label", "args", "words"), NAMES, ids=[case[0] for case in NAMES])
def test_explain_of_a_name_nobody_has(config: Path, label: str, args: tuple[str, ...], words: str) -> None:
    """An unknown name is wrong usage, answered with the near ones."""
    result = sluss("explain", "--config", config, "--sender", "iP1", "--to", "46712345678", *args)

    assert result.exit_code == 2
    assert words in told(result)


BATCH = public_id(Kind.BATCH, NOW, 1001)
MESSAGE = public_id(Kind.MESSAGE, NOW, 1001)
RECEIVED = {"code": 10, "words": "Received by the gateway"}
REFUSAL = {
    "code": 407,
    "name": "InvalidSender",
    "final": True,
    "legacy": {"code": 50, "words": "General delivery error"},
}


@pytest.mark.parametrize("message_id", ["1001", MESSAGE, MESSAGE.upper()])
def test_status_of_a_message(filled: Path, message_id: str) -> None:
    """By number or by id: every step with both vocabularies and the upstream's own words; the number is masked."""
    assert sluss_json("status", message_id, "-c", filled) == {
        "id": MESSAGE,
        "number": 1001,
        "batch": BATCH,
        "created": "2018-10-23T17:43:19Z",
        "caller": "erp",
        "account": "ip1-12345",
        "face": "rest_v2",
        "recipient": "46*******78",
        "segments": 1,
        "price": None,
        "currency": None,
        "status": REFUSAL,
        "statuses": [
            {
                "time": "2018-10-23T17:43:19Z",
                "code": 101,
                "name": "Accepted",
                "final": False,
                "legacy": RECEIVED,
                "raw_code": None,
                "raw_text": None,
                "upstream": None,
            },
            {
                "time": "2018-10-23T17:43:21Z",
                **REFUSAL,
                "raw_code": "400",
                "raw_text": "bad\x1b[2J",
                "upstream": "main",
            },
        ],
    }


def test_status_of_a_batch(filled: Path) -> None:
    """A batch shows how many messages stand where, and each of them."""
    document = sluss_json("status", BATCH, "-c", filled)

    assert (document["id"], document["size"]) == (BATCH, 2)
    assert [(row["code"], row["messages"], row["segments"]) for row in document["tallies"]] == [
        (101, 1, 1),
        (407, 1, 1),
    ]
    assert [(row["number"], row["recipient"], row["code"]) for row in document["first_messages"]] == [
        (1001, "46*******78", 407),
        (1002, "46*******11", 101),
    ]


def test_status_of_a_message_whose_time_has_not_come(filled: Path) -> None:
    """A queued message with a window in the future is what legacy callers know as delayed: 11."""
    status = sluss_json("status", 1003, "-c", filled)["status"]

    assert (status["code"], status["legacy"]) == (102, {"code": 11, "words": "Delayed delivery"})


SHOWN = [
    ("a message", ("status", "1001"), "407 InvalidSender"),
    ("a batch", ("status", BATCH), "407 InvalidSender"),
    ("a message, explained", ("explain", "1001"), "407 InvalidSender"),
    ("a sandbox message, explained", ("explain", "1002"), "201 DeliveredToHandset"),
]


@pytest.mark.parametrize(("label", "args", "words"), SHOWN, ids=[case[0] for case in SHOWN])
def test_tables_of_what_is_stored_keep_its_secrets(filled: Path, label: str, args: tuple[str, ...], words: str) -> None:
    """Neither text nor whole number nor control character is shown unless asked for."""
    result = sluss(*args, "-c", filled)

    assert result.exit_code == 0
    assert words in result.stdout
    assert TEXT not in result.stdout
    assert not {"46712345678", "46700001111", "\x1b"} & set(re.findall(r"\d{11}|\x1b", result.stdout))


def test_status_with_full_numbers(filled: Path) -> None:
    """--full shows the number; the text stays hidden."""
    result = sluss("status", "1001", "--full", "-c", filled)

    assert "46712345678" in result.stdout
    assert TEXT not in result.stdout


def test_explain_of_a_stored_message(filled: Path) -> None:
    """Its route, its dispatch, and the request it left as, with text and number hidden."""
    document = sluss_json("explain", "1001", "-c", filled)

    assert document["message"]["number"] == 1001
    assert document["dispatch"] == {
        "reference": public_id(Kind.DISPATCH, NOW, 1001),
        "together": 1,
        "route": "default",
        "state": "failed",
        "attempts": 1,
        "due": None,
        "sent": "2018-10-23T17:43:20Z",
        "upstream_ref": None,
        "messages": 1,
    }
    assert document["upstream"] == {"name": "main", "adapter": "rest_v2"}
    assert document["request"]["body"]["recipients"] == ["46*******78"]
    assert document["request"]["body"]["body"] == "[a text of 17 characters]"


def test_explain_of_a_stored_message_in_full(filled: Path) -> None:
    """--full shows the request as it left, but never the token."""
    document = sluss_json("explain", "1001", "--full", "-c", filled)

    assert document["request"]["body"]["recipients"] == ["46712345678"]
    assert document["request"]["body"]["body"] == TEXT
    assert document["request"]["headers"]["Authorization"] == "Bearer ********"


@pytest.mark.parametrize("number", [1004, 1005])
def test_explain_of_a_message_that_shared_a_request(filled: Path, number: int) -> None:
    """Whoever looks for it at the provider finds it under the reference of the first of them."""

    async def leave() -> None:
        store = open_store(f"sqlite:///{filled.parent / 'sluss.db'}")
        for at in range(2):
            await stored(store, a_new_batch(created=NOW + 9000 * at, recipients=(Recipient(f"4670000000{at}"),)))
        await store.lease("main", 1, NOW + 9000, NOW + 10_000, sharing=Sharing(10))
        await store.close()

    asyncio.run(leave())
    dispatch = sluss_json("explain", number, "-c", filled)["dispatch"]

    assert (dispatch["reference"], dispatch["together"]) == (public_id(Kind.DISPATCH, NOW, 1004), 2)
    assert "2 in all" in sluss("explain", number, "-c", filled).stdout


def test_explain_tells_that_a_request_may_be_shared(config: Path) -> None:
    """Where the upstream gathers; but not of a message that leaves by itself whatever waits."""
    change(config, "adapter: rest_v2", "gather: 50, adapter: rest_v2")

    assert "share its request with 49 other messages" in sluss_json(*ask(config))["note"]
    document = yaml.safe_load(config.read_text())
    document["routes"].insert(0, {"name": "night", "when": {"sender": "iP1"}, "to": "trial"})
    config.write_text(yaml.safe_dump(document))
    assert "share" not in (sluss_json(*ask(config))["note"] or "")


def test_explain_of_an_upstream_that_is_gone(filled: Path) -> None:
    """A stored message outlives the configuration of its upstream: the rest is still told."""
    change(filled, "main", "second")
    document = sluss_json("explain", "1001", "-c", filled)

    assert document["upstream"] == {"name": "main"}
    assert document["note"] == "This configuration has no such upstream any more, so its request cannot be shown."


NOT_FOUND = [
    ("a number nobody got", "999"),
    ("a number too large for any store", "99999999999999999999"),
    ("an id of another second", public_id(Kind.MESSAGE, NOW + 1000, 1001)),
    ("a batch id of another second", public_id(Kind.BATCH, NOW + 1000, 1001)),
    ("no id at all", "hello"),
]


@pytest.mark.parametrize("command", ["status", "explain"])
@pytest.mark.parametrize(("label", "message_id"), NOT_FOUND, ids=[case[0] for case in NOT_FOUND])
def test_an_id_that_nobody_has(filled: Path, command: str, label: str, message_id: str) -> None:
    """An id that leads nowhere ends with 1."""
    result = sluss(command, message_id, "-c", filled)

    assert result.exit_code == 1
    assert f"Nothing is stored under {message_id}" in result.stderr


def _another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")


def _a_newer_sluss(path: Path) -> None:
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")


def _an_older_sluss(path: Path) -> None:
    schema.prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")


STORES = [
    ("no file yet", lambda _path: None, "there is no file"),
    ("no database", lambda path: path.write_bytes(b"x" * 5000), "cannot be read: file is not a database"),
    ("the database of another program", _another_programs, "is a database of another program"),
    ("a store of an older Sluss", _an_older_sluss, "was written by an older Sluss: start this gateway once (schema 0"),
    ("a store of a newer Sluss", _a_newer_sluss, "was written by a newer Sluss: upgrade this one (schema 999"),
]


@pytest.mark.parametrize("command", ["status", "explain"])
@pytest.mark.parametrize(("label", "make", "words"), STORES, ids=[case[0] for case in STORES])
def test_a_store_that_cannot_be_read(config: Path, command: str, label: str, make: Any, words: str) -> None:
    """A store out of reach ends with 3 and a sentence; nothing is created or changed."""
    make(config.parent / "sluss.db")
    result = sluss(command, "1001", "-c", config)

    assert result.exit_code == 3
    assert words in result.stderr


def test_a_store_in_memory_cannot_be_read(config: Path) -> None:
    """`memory:` is known to the running gateway alone."""
    result = sluss("status", "1001", "-c", config, env={"SLUSS_STORE": "memory:"})

    assert result.exit_code == 3
    assert "in the gateway's memory" in result.stderr
