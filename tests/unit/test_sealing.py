"""Credentials of callers on their way through the store, and what is remembered of them."""

import pytest
from builders import NOW
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.errors import Misconfigured, Unsupported
from gateway.ports import Credentials
from gateway.sealing import Seal, new_seal_key, process_key
from gateway.vouching import KEPT, MOST, Vouched

OLD, NEW = SecretStr(new_seal_key()), SecretStr(new_seal_key())
MINE = Credentials("ip1-12345", SecretStr("CnbXFfyTM5BTKh7uNV"))


def opened(seal: Seal, sealed: bytes) -> tuple[str | None, str]:
    """What comes out again."""
    found = seal.open(sealed)
    return found.account, found.key.get_secret_value()


@given(st.none() | st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_comes_out_again(account: str | None, key: str) -> None:
    """Whatever the account and the key are; nothing of them can be seen meanwhile."""
    seal = Seal([OLD])
    sealed = seal.close(Credentials(account, SecretStr(key)))

    assert opened(seal, sealed) == (account, key)
    assert len(key) < 8 or key.encode() not in sealed


def test_a_key_is_changed_without_losing_what_waits() -> None:
    """The new key in front seals, both open; without the old one, what it sealed stays shut."""
    sealed = Seal([OLD]).close(MINE)

    assert opened(Seal([NEW, OLD]), sealed) == ("ip1-12345", "CnbXFfyTM5BTKh7uNV")
    assert opened(Seal([NEW]), Seal([NEW, OLD]).close(MINE)) == ("ip1-12345", "CnbXFfyTM5BTKh7uNV")
    for keys in ([NEW], []):
        with pytest.raises(Misconfigured, match=r"sealing\.keys"):
            Seal(keys).open(sealed)


def test_a_text_is_hidden_and_comes_out_again() -> None:
    """Under the newest key, by any of them; nothing of it can be seen meanwhile, and without its key it stays shut."""
    hidden = Seal([OLD]).hide("Din kod är 4711")

    assert Seal([NEW, OLD]).reveal(hidden) == "Din kod är 4711"
    assert b"4711" not in hidden
    for keys in ([NEW], []):
        with pytest.raises(Unsupported, match=r"sealing\.keys"):
            Seal(keys).reveal(hidden)


def test_a_mark_is_known_again_under_the_same_key_alone() -> None:
    """The newest key's comes first; words are told apart by where one ends, and every key has marks of its own."""
    (old,) = Seal([OLD]).marks("a", "bc")

    assert len(old) == 32
    assert Seal([NEW, OLD]).marks("a", "bc")[1] == old
    assert len({old, *Seal([NEW]).marks("a", "bc"), *Seal([OLD]).marks("ab", "c"), *Seal([OLD]).marks("a", "bd")}) == 4
    assert Seal([]).marks("a") == []


def test_without_a_key_nothing_is_sealed() -> None:
    """Nor is anything stored as it stands."""
    assert (Seal([]).ready, Seal([OLD]).ready) == (False, True)
    with pytest.raises(LookupError):
        Seal([]).hide("4711")


def test_what_dies_with_the_process_has_a_key_of_it() -> None:
    """One for the whole process, so that a new configuration loses nothing."""
    assert process_key().get_secret_value() == process_key().get_secret_value()
    assert Seal([process_key()]).reveal(Seal([process_key()]).hide("4711")) == "4711"


def test_a_good_word_is_believed_for_a_while() -> None:
    """Of these very credentials alone, until ten minutes are over or they are found wrong."""
    vouched = Vouched()
    vouched.add(MINE, NOW)

    assert vouched.knows(MINE, NOW + KEPT - 1)
    assert not vouched.knows(MINE, NOW + KEPT)
    for other in (MINE._replace(account=None), MINE._replace(account="ip1"), MINE._replace(key=SecretStr("x"))):
        assert not vouched.knows(other, NOW)
    assert vouched.met(MINE)
    vouched.forget(MINE)
    assert not vouched.knows(MINE, NOW)
    assert not vouched.met(MINE)


def test_what_is_remembered_has_an_end() -> None:
    """Of many that were found good the last ones are kept."""
    vouched = Vouched()
    for at in range(MOST + 1):
        vouched.add(MINE._replace(account=str(at)), NOW)

    assert not vouched.knows(MINE._replace(account="0"), NOW)
    assert vouched.knows(MINE._replace(account="1"), NOW)
