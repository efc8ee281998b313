"""Keeps the address book."""

from collections.abc import Iterable

from gateway.addresses import Contact, Membership, Wanted
from gateway.clock import Clock
from gateway.commands import (
    AddContacts,
    Contacts,
    EditContact,
    GetContact,
    GetGroup,
    GetMembership,
    Groups,
    Join,
    Leave,
    ListContacts,
    ListGroups,
    ListMemberships,
    ListNames,
    Memberships,
    Names,
    PutLabel,
    RemoveContact,
    RemoveGroup,
    RemoveLabel,
    RemoveLabelled,
    SaveGroups,
)
from gateway.config import Caller
from gateway.desks.desk import Handlers, account_of
from gateway.errors import Malformed, NotFound
from gateway.ids import LAST_NUMBER, Kind, key_of, public_id
from gateway.model import Page, Recipient
from gateway.msisdn import normalise
from gateway.ports import Store

EVERYBODY = Page(limit=2**31)
_NO_CONTACT = "There is no contact with this id"


class AddressDesk:
    """Contacts, groups and memberships; another account's do not exist."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._book = store.book
        self._clock = clock

    @property
    def handlers(self) -> Handlers:
        """By command."""
        return {
            ListContacts: self._contacts,
            GetContact: self._contact,
            AddContacts: self._add,
            EditContact: self._edit,
            RemoveContact: self._remove,
            RemoveLabelled: self._remove_labelled,
            PutLabel: self._put_label,
            RemoveLabel: self._remove_label,
            ListNames: self._names,
            ListGroups: self._groups,
            GetGroup: self._group,
            SaveGroups: self._save_groups,
            RemoveGroup: self._remove_group,
            ListMemberships: self._memberships,
            GetMembership: self._membership,
            Join: self._join,
            Leave: self._leave,
        }

    async def _contacts(self, command: ListContacts, caller: Caller) -> Contacts:
        if command.wanted.group is not None:
            await self._group(GetGroup(command.wanted.group), caller)
        contacts, total = await self._book.contacts(caller.account, command.wanted, command.page)
        return Contacts(contacts, account_of(caller), command.page, total, several=True)

    async def _contact(self, command: GetContact, caller: Caller) -> Contacts:
        return Contacts((await self._found(command.which, caller),), account_of(caller))

    async def _add(self, command: AddContacts, caller: Caller) -> Contacts:
        made = await self._book.add(caller.account, command.edits, self._clock.now())
        return Contacts(tuple(made), account_of(caller), several=command.several)

    async def _edit(self, command: EditContact, caller: Caller) -> Contacts:
        found = await self._found(command.which, caller)
        changed = await self._book.edit(caller.account, found.key, command.change, self._clock.now())
        return Contacts((_there(changed),), account_of(caller))

    async def _remove(self, command: RemoveContact, caller: Caller) -> Contacts:
        found = await self._found(command.which, caller)
        await self._book.remove(caller.account, [found.key])
        return Contacts((found,), account_of(caller))

    async def _remove_labelled(self, command: RemoveLabelled, caller: Caller) -> Contacts:
        found, _ = await self._book.contacts(caller.account, Wanted(labels=(command.label,)), EVERYBODY)
        gone = await self._book.remove(caller.account, [contact.key for contact in found])
        return Contacts(tuple(gone), account_of(caller), several=True)

    async def _put_label(self, command: PutLabel, caller: Caller) -> Contacts:
        keys = [(await self._found(which, caller)).key for which in command.contacts]
        labelled = await self._book.put_label(caller.account, command.label, keys, self._clock.now())
        return Contacts(tuple(labelled), account_of(caller), several=True)

    async def _remove_label(self, command: RemoveLabel, caller: Caller) -> Contacts:
        found = await self._book.label(caller.account, command.label)
        if found is None:
            raise NotFound("There is no such label")
        await self._book.remove_group(caller.account, found.key)
        return Contacts((), account_of(caller), several=True)

    async def _names(self, _command: ListNames, caller: Caller) -> Names:
        everybody, _ = await self._book.contacts(caller.account, Wanted(), EVERYBODY)
        names: dict[str, set[str]] = {}
        for contact in everybody:
            for name in contact.properties:
                names.setdefault(name, set())
            for name, said in contact.metadata.items():
                names.setdefault(name, set()).update(said)
        return Names({name: sorted(said) for name, said in sorted(names.items())})

    async def _groups(self, command: ListGroups, caller: Caller) -> Groups:
        if command.contact is not None:
            await self._found(command.contact, caller)
        return Groups(tuple(await self._book.groups(caller.account, command.contact)), account_of(caller), several=True)

    async def _group(self, command: GetGroup, caller: Caller) -> Groups:
        found = await self._book.group(caller.account, command.key)
        if found is None:
            raise NotFound("There is no group with this id")
        return Groups((found,), account_of(caller))

    async def _save_groups(self, command: SaveGroups, caller: Caller) -> Groups:
        if command.key is not None:
            await self._group(GetGroup(command.key), caller)
        saved = []
        for name, color in command.groups:
            group = await self._book.save_group(caller.account, command.key, name, color, self._clock.now())
            if group is None:
                raise Malformed("The request is invalid", {"Name": ["There is a group of this name already"]})
            saved.append(group)
        return Groups(tuple(saved), account_of(caller), command.several)

    async def _remove_group(self, command: RemoveGroup, caller: Caller) -> Groups:
        found = await self._group(GetGroup(command.key), caller)
        await self._book.remove_group(caller.account, command.key)
        return found

    async def _memberships(self, command: ListMemberships, caller: Caller) -> Memberships:
        if command.contact is not None:
            await self._found(command.contact, caller)
        if command.group is not None:
            await self._group(GetGroup(command.group), caller)
        found = await self._book.memberships(caller.account, command.contact, command.group)
        return Memberships(tuple(found), account_of(caller), several=True)

    async def _membership(self, command: GetMembership, caller: Caller) -> Memberships:
        return Memberships((_a_member(await self._book.membership(caller.account, command.key)),), account_of(caller))

    async def _join(self, command: Join, caller: Caller) -> Memberships:
        joined = await self._book.join(caller.account, command.pairs, self._clock.now())
        made = tuple([membership for membership in joined if membership is not None])
        if len(made) < len(joined):
            sentence = "There is no such contact, or no such group"
            raise Malformed("The request is invalid", {"Contact": [sentence], "Group": [sentence]})
        return Memberships(made, account_of(caller), command.several)

    async def _leave(self, command: Leave, caller: Caller) -> Memberships:
        return Memberships((_a_member(await self._book.leave(caller.account, command.key)),), account_of(caller))

    async def _found(self, which: int | str, caller: Caller) -> Contact:
        key = which if isinstance(which, int) else key_of(Kind.CONTACT, which)
        if key is None or key > LAST_NUMBER:
            raise NotFound(_NO_CONTACT)
        found = _there(await self._book.contact(caller.account, key))
        if isinstance(which, str) and public_id(Kind.CONTACT, found.created, found.key) != which.lower():
            raise NotFound(_NO_CONTACT)
        return found

    async def recipients(self, contacts: Iterable[int], groups: Iterable[int], caller: Caller) -> list[Recipient]:
        """Whom a message goes to that is for contacts and groups. Raises Malformed, naming what is not there."""
        found: list[Contact] = []
        for key in contacts:
            contact = await self._book.contact(caller.account, key)
            if contact is None:
                raise Malformed("The request is invalid", {"Contacts": [f"There is no contact {key}"]})
            found.append(contact)
        for key in groups:
            if await self._book.group(caller.account, key) is None:
                raise Malformed("The request is invalid", {"Groups": [f"There is no group {key}"]})
            found += (await self._book.contacts(caller.account, Wanted(group=key), EVERYBODY))[0]
        return [Recipient(_number(contact, caller)) for contact in found]


def _number(contact: Contact, caller: Caller) -> str:
    written = contact.properties.get("phoneNumber", "")
    msisdn = normalise(written, caller.country)
    if msisdn is None:
        raise Malformed("The request is invalid", {"Contacts": [f"Contact {contact.key} has no phone number"]})
    return msisdn


def _there(contact: Contact | None) -> Contact:
    if contact is None:
        raise NotFound(_NO_CONTACT)
    return contact


def _a_member(membership: Membership | None) -> Membership:
    if membership is None:
        raise NotFound("There is no membership with this id")
    return membership
