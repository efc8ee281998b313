"""The address book: what is another account's is not there, and nothing is left of what was deleted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from builders import NOW, FrozenClock

from gateway.addresses import Edit, Wanted
from gateway.commands import (
    AddContacts,
    Command,
    EditContact,
    GetContact,
    GetGroup,
    GetMembership,
    Join,
    Leave,
    ListContacts,
    ListGroups,
    ListMemberships,
    PutLabel,
    RemoveContact,
    RemoveGroup,
    RemoveLabel,
    RemoveLabelled,
    SaveGroups,
)
from gateway.config import Caller
from gateway.desks.addresses import AddressDesk
from gateway.errors import Malformed, NotFound
from gateway.ids import Kind, public_id
from gateway.model import Page, Recipient
from gateway.store import open_store
from gateway.store.sqlite import SqliteStore

CALLER = Caller.model_validate({"name": "erp", "account": "ip1-12345", "keys": ["sha256:" + "0" * 64]})
STRANGER = CALLER.model_copy(update={"name": "crm", "account": "ip1-99999"})
ANNA = Edit({"phoneNumber": "+46700000001", "firstName": "Anna"}, labels=("vip", "alarm"))
ID = public_id(Kind.CONTACT, NOW, 1)


class World:
    """A desk with one contact, Anna, who is in two groups."""

    def __init__(self) -> None:
        """Nobody is known."""
        self.store: SqliteStore = open_store("memory:")
        self.desk = AddressDesk(self.store, FrozenClock())

    async def ask(self, command: Command, caller: Caller = CALLER) -> Any:
        """What the desk answers."""
        return await self.desk.handlers[type(command)](command, caller)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world of its own."""
    made = World()
    await made.ask(AddContacts((ANNA,)))
    yield made
    await made.store.close()


HERS: list[tuple[str, Command]] = [
    ("a contact by its key", GetContact(1)),
    ("a contact by its id", GetContact(ID)),
    ("a contact that is changed", EditContact(ID, ANNA)),
    ("a contact that goes", RemoveContact(1)),
    ("a label for a contact", PutLabel("vip", (ID,))),
    ("a label that goes", RemoveLabel("vip")),
    ("a group", GetGroup(1)),
    ("the contacts of a group", ListContacts(Wanted(group=1))),
    ("a group that is changed", SaveGroups((("mine", None),), key=1)),
    ("a group that goes", RemoveGroup(1)),
    ("the groups of a contact", ListGroups(1)),
    ("the memberships of a contact", ListMemberships(contact=1)),
    ("the memberships of a group", ListMemberships(group=1)),
    ("a membership", GetMembership(1)),
    ("a membership that ends", Leave(1)),
]


@pytest.mark.parametrize(("label", "command"), HERS, ids=[case[0] for case in HERS])
async def test_what_is_another_accounts_is_not_there(world: World, label: str, command: Command) -> None:
    """Whatever is asked of it, and nothing of it changes."""
    before = await world.store._writer.run(lambda db: list(db.iterdump()))
    with pytest.raises(NotFound):
        await world.ask(command, STRANGER)
    assert await world.store._writer.run(lambda db: list(db.iterdump())) == before


async def test_lists_hold_what_is_ones_own(world: World) -> None:
    """Another account's lists are empty, and its labels delete nobody of ours."""
    for command in (ListContacts(), ListGroups(), ListMemberships()):
        assert (await world.ask(command, STRANGER))[0] == ()
    assert (await world.ask(RemoveLabelled("vip"), STRANGER)).contacts == ()
    with pytest.raises(Malformed):
        await world.ask(Join(((1, 1),)), STRANGER)
    assert (await world.ask(GetContact(1))).contacts[0].labels == ("alarm", "vip")


@pytest.mark.parametrize("which", [2, 0, 10**30, public_id(Kind.CONTACT, NOW + 1000, 1), "1", ""])
async def test_ids_that_are_nobodys(world: World, which: int | str) -> None:
    """An id is whole or it is none; a number may be of any size."""
    with pytest.raises(NotFound):
        await world.ask(GetContact(which))


async def test_nothing_is_left_of_a_contact_that_goes(world: World) -> None:
    """Its memberships end with it, its groups stay; the same for the contacts of a group that goes."""
    await world.ask(AddContacts((ANNA,)))
    await world.ask(RemoveContact(1))
    assert [membership.contact for membership in (await world.ask(ListMemberships())).memberships] == [2, 2]
    await world.ask(RemoveGroup(1))
    assert (await world.ask(GetContact(2))).contacts[0].labels == ("alarm",)
    assert [group.contacts for group in (await world.ask(ListGroups())).groups] == [1]


async def test_a_label_is_put_once(world: World) -> None:
    """However often it is put; a contact that another account has is not labelled at all."""
    for _ in range(2):
        await world.ask(PutLabel("alarm", (ID,)))
    assert len((await world.ask(ListMemberships())).memberships) == 2


async def test_pages_and_filters_together(world: World) -> None:
    """A page of those that fit, and how many fit."""
    await world.ask(
        AddContacts(tuple([Edit({"n": str(n % 2)}, {"n": {"even": "yes"}} if n % 2 == 0 else {}) for n in range(10)]))
    )

    found = await world.ask(ListContacts(Wanted(properties={"n": "1"}), Page(1, 2, descending=True)))
    assert ([contact.key for contact in found.contacts], found.total) == ([9, 7], 5)
    found = await world.ask(ListContacts(Wanted(metadata={("n", "even"): "yes"}), Page(limit=2)))
    assert ([contact.key for contact in found.contacts], found.total) == ([2, 4], 5)
    found = await world.ask(ListContacts(Wanted(labels=("vip", "alarm"))))
    assert ([contact.key for contact in found.contacts], found.total) == ([1], 1)


async def test_names_of_properties_are_no_paths(world: World) -> None:
    """A name with signs of its own is a name: it finds that property and nothing else."""
    strange = 'a.b[0]"$'
    await world.ask(AddContacts((Edit({strange: "x", "a": "y"}),)))

    assert (await world.ask(ListContacts(Wanted(properties={strange: "x"})))).total == 1
    assert (await world.ask(ListContacts(Wanted(properties={"a.b": "x"})))).total == 0


async def test_whom_contacts_and_groups_reach(world: World) -> None:
    """Each contact's number as it is sent; who has none, or is not there, is named."""
    recipients = await world.desk.recipients([1], [1, 2], CALLER)
    assert recipients == [Recipient("46700000001")] * 3
    await world.ask(AddContacts((Edit({"firstName": "Bo"}),)))
    for contacts, groups, said in (([2], [], "Contact 2 has no"), ([3], [], "contact 3"), ([], [9], "group 9")):
        with pytest.raises(Malformed) as caught:
            await world.desk.recipients(contacts, groups, CALLER)
        assert said in str(caught.value.fields)
