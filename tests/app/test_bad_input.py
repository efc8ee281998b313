"""Bad input, face by face, over real sockets: answered in that face's own form, nothing stored, and life goes on."""

import re

import pytest
from callers import FACES, a_letter, number_of
from cases.bad_input import CELLS, WRONG_KEY, Cell
from gateways import KEY, Running
from rawhttp import exchange, exchanges

from gateway.ids import FIRST_NUMBER

TELLTALES = re.compile(
    r"Traceback|File \"|gateway\.|adapters|aiohttp|pydantic|orjson|sqlite|spyne|expat|asyncio|bytearray|\.py\b",
    re.IGNORECASE,
)
"""What no client may ever read: a trace of ours, or what we are made of."""

KINDS = (
    "wrong credentials",
    "no body",
    "a body of ten megabytes",
    "broken UTF-8",
    "a broken document",
    "10,001 recipients",
    "an empty text",
    "2,001 characters",
    "an unknown field",
    "a NUL in the text",
    "a wrong method",
    "an unknown path",
    "a huge header",
    "a wrong content type",
)
"""What every face must be tried with."""


def name_of(cell: Cell) -> str:
    """A cell as the list of tests shows it."""
    return f"{cell.face}: {cell.kind}" + (f" ({cell.why})" if cell.why else "")


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
async def test_bad_input_is_answered_in_the_faces_own_form(cell: Cell, running: Running) -> None:
    """The documented answer and nothing of ours in it; what is refused is not stored; the next message is taken."""
    gateway = await running()
    good = a_letter(cell.face)

    answer = await exchange(gateway.public, cell.spoil(good).raw())
    taken = number_of(cell.face, answer.body) is not None

    cell.check(answer)
    assert not TELLTALES.search(answer.raw.decode("latin-1"))
    assert KEY.encode() not in answer.raw
    assert WRONG_KEY.encode() not in answer.raw
    assert answer.headers["server"] == "sluss"
    assert (await gateway.store.batch(FIRST_NUMBER) is not None) is taken
    next_answer = await exchange(gateway.public, good.raw())
    assert number_of(cell.face, next_answer.body) == FIRST_NUMBER + taken


@pytest.mark.parametrize("face", FACES)
def test_every_face_is_tried_with_every_kind(face: str) -> None:
    """No cell of the matrix is missing, and none stands twice."""
    kinds = [cell.kind for cell in CELLS if cell.face == face]

    assert set(KINDS) <= set(kinds)
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize("face", FACES)
async def test_bytes_that_are_no_http_are_not_repeated(face: str, running: Running) -> None:
    """A request that breaks HTTP itself is answered with a bare 400: its bytes may hold a key."""
    gateway = await running()
    letter = a_letter(face)

    answer = await exchange(gateway.public, letter.raw().replace(b" HTTP/1.1", b" " + KEY.encode()))

    assert (answer.status, answer.body) == (400, b"")
    assert KEY.encode() not in answer.raw
    assert answer.headers["server"] == "sluss"


@pytest.mark.parametrize("face", FACES)
async def test_a_connection_survives_a_refusal(face: str, running: Running) -> None:
    """A refused request leaves its connection usable: clients keep one open for all their messages."""
    gateway = await running()
    empty = a_letter(face, text="").raw()

    answers = await exchanges(gateway.public, [empty, empty, a_letter(face).raw()])

    assert [number_of(face, answer.body) for answer in answers] == [None, None, FIRST_NUMBER]
