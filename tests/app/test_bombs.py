"""A small body that unpacks to a large one: answered as too large, and only as much of it is unpacked as that takes."""

import zlib

import pytest
from aiohttp import compression_utils
from callers import FACES, a_letter, number_of
from gateways import Running
from rawhttp import exchange

from gateway.ids import FIRST_NUMBER

LARGE = 256 * 2**20
ENOUGH = 32 * 2**20
"""Bytes that may be unpacked of it: several times what any face reads."""


def packed(wbits: int) -> bytes:
    """A quarter of a gigabyte of nothing, in a quarter of a megabyte."""
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join([packer.compress(bytes(2**20)) for _ in range(LARGE // 2**20)]) + packer.flush()


BOMBS = {"gzip": packed(31), "deflate": packed(15)}


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were unpacked, piece by piece."""
    sizes: list[int] = []
    unpack = compression_utils.ZLibDecompressor.decompress_sync

    def counted(self: compression_utils.ZLibDecompressor, *args: object, **named: object) -> bytes:
        piece: bytes = unpack(self, *args, **named)  # type: ignore[arg-type]
        sizes.append(len(piece))
        return piece

    monkeypatch.setattr(compression_utils.ZLibDecompressor, "decompress_sync", counted)
    return sizes


@pytest.mark.parametrize("encoding", BOMBS)
@pytest.mark.parametrize("face", FACES)
async def test_a_bomb_is_not_unpacked(face: str, encoding: str, running: Running, unpacked: list[int]) -> None:
    """The face says that it is too large, the connection ends, and the next message of the same client is taken."""
    gateway = await running()
    good = a_letter(face)

    answer = await exchange(gateway.public, good.but(Content_Encoding=encoding)._replace(body=BOMBS[encoding]).raw())
    next_answer = await exchange(gateway.public, good.raw())

    assert answer.status == (200 if face == "sendsms" else 413)
    assert number_of(face, answer.body) is None
    assert number_of(face, next_answer.body) == FIRST_NUMBER
    assert 0 < sum(unpacked) < ENOUGH
