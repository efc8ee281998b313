"""v1's address book: contacts, groups and memberships. Source: the provider's help pages (properties, order, lengths).

The same as v2's contacts and labels: a group is a label, a membership is its being on a contact.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from adapters.rest_v1.blacklist import MOST, wants_several
from adapters.rest_v1.wire import Document, as_text, read_json, read_object, stamp
from gateway.addresses import Contact, Edit, Group, Membership, Wanted
from gateway.commands import (
    AddContacts,
    Command,
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
    Memberships,
    RemoveContact,
    RemoveGroup,
    SaveGroups,
)
from gateway.errors import Malformed, NotFound
from gateway.ids import number_of
from gateway.model import Page
from gateway.ports import Call

T = TypeVar("T")
_EVERYTHING = Page(limit=2**31)
_COLOR = re.compile(r"#([A-Fa-f0-9]{6})").fullmatch
_PHONE = re.compile(r"\+?[1-9][0-9]{2,14}").fullmatch

# v1's properties in the order of its answers, v2's names of them, and the most characters; None where none is told.
_COLUMNS: tuple[tuple[str, str, int | None], ...] = (
    ("Title", "title", None),
    ("Notes", "notes", None),
    ("Organization", "organization", None),
    ("FirstName", "firstName", 100),
    ("LastName", "lastName", 100),
    ("Phone", "phoneNumber", 16),
    ("Email", "email", 50),
)
_REQUIRED = ("FirstName", "Phone")
_LONGEST = 2000


def number(id_: str) -> int:
    """The id in a path. Raises NotFound."""
    found = number_of(id_)
    if found is None:
        raise NotFound("There is nothing with this id")
    return found


def _given(part: object) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise Malformed("The body must be a JSON object, or with multiple a list of them")
    return {str(name).lower(): value for name, value in part.items()}


def _each(body: bytes, query: str, read: Callable[[Mapping[str, Any]], T]) -> tuple[tuple[T, ...], bool]:
    """What a body adds: one, or several with `multiple` in the query. Raises Malformed."""
    document = read_json(body)
    if not wants_several(query):
        return (read(_given(document)),), False
    if not isinstance(document, list) or not 0 < len(document) <= MOST:
        raise Malformed(f"With multiple, send a list of 1 to {MOST} objects")
    return tuple([read(_given(part)) for part in document]), True


def _contact(given: Mapping[str, Any]) -> Edit:
    properties: dict[str, str | None] = {}
    problems: dict[str, list[str]] = {}
    for name, of, longest in _COLUMNS:
        value = given.get(name.lower())
        text = as_text(value)
        if text is None and value is not None:
            problems[name] = [f"{name} must be a string"]
        elif name in _REQUIRED and not (text or "").strip():
            problems[name] = [f"{name} is required"]
        elif len(text or "") > (longest or _LONGEST) or "\0" in (text or ""):
            problems[name] = [f"{name} has at most {longest or _LONGEST} characters, and no NUL"]
        elif name == "Phone" and not _PHONE(text or ""):
            problems[name] = ["Write the number in the form +46712345678"]
        properties[of] = text or None
    if problems:
        raise Malformed("The request is invalid", problems)
    return Edit(properties)


def _group(given: Mapping[str, Any]) -> tuple[str, str | None]:
    name, color = as_text(given.get("name")), as_text(given.get("color"))
    problems = {}
    if not (name or "").strip() or len(name or "") > 100 or "\0" in (name or ""):
        problems["Name"] = ["Name is required, and has at most 100 characters"]
    if given.get("color") is not None and not _COLOR(color or ""):
        problems["Color"] = ["Write the colour in the form #1A2B3C"]
    if problems:
        raise Malformed("The request is invalid", problems)
    return name or "", color


def _pair(given: Mapping[str, Any]) -> tuple[int, int]:
    found = {name: number_of(as_text(given.get(name.lower())) or "") for name in ("Contact", "Group")}
    contact, group = found["Contact"], found["Group"]
    if contact is None or group is None:
        problems = {name: [f"{name} must be an id"] for name, value in found.items() if value is None}
        raise Malformed("The request is invalid", problems)
    return contact, group


def read_contacts(_call: Call, _id: str) -> Command:
    """All contacts."""
    return ListContacts(page=_EVERYTHING)


def read_contact(_call: Call, id_: str) -> Command:
    """One of them."""
    return GetContact(number(id_))


def read_new_contacts(body: bytes, query: str) -> Command:
    """Contacts that are added."""
    return AddContacts(*_each(body, query, _contact))


def read_changed_contact(body: bytes, id_: str) -> Command:
    """A contact that is changed; what only v2 knows of it stays."""
    return EditContact(number(id_), _contact(read_object(body)))


def read_removed_contact(_call: Call, id_: str) -> Command:
    """A contact that goes."""
    return RemoveContact(number(id_))


def read_contacts_of(_call: Call, id_: str) -> Command:
    """The contacts of a group."""
    return ListContacts(Wanted(group=number(id_)), _EVERYTHING)


def read_groups(_call: Call, _id: str) -> Command:
    """All groups."""
    return ListGroups()


def read_group(_call: Call, id_: str) -> Command:
    """One of them."""
    return GetGroup(number(id_))


def read_new_groups(body: bytes, query: str) -> Command:
    """Groups that are made."""
    groups, several = _each(body, query, _group)
    return SaveGroups(groups, several=several)


def read_changed_group(body: bytes, id_: str) -> Command:
    """A group that is changed."""
    return SaveGroups((_group(read_object(body)),), key=number(id_))


def read_removed_group(_call: Call, id_: str) -> Command:
    """A group that goes."""
    return RemoveGroup(number(id_))


def read_groups_of(_call: Call, id_: str) -> Command:
    """The groups that a contact is in."""
    return ListGroups(contact=number(id_))


def read_memberships(_call: Call, _id: str) -> Command:
    """All memberships."""
    return ListMemberships()


def read_membership(_call: Call, id_: str) -> Command:
    """One of them."""
    return GetMembership(number(id_))


def read_new_memberships(body: bytes, query: str) -> Command:
    """Memberships that begin."""
    return Join(*_each(body, query, _pair))


def read_removed_membership(_call: Call, id_: str) -> Command:
    """A membership that ends."""
    return Leave(number(id_))


def read_memberships_of_contact(_call: Call, id_: str) -> Command:
    """The memberships of a contact."""
    return ListMemberships(contact=number(id_))


def read_memberships_of_group(_call: Call, id_: str) -> Command:
    """The memberships of a group."""
    return ListMemberships(group=number(id_))


def contacts(result: Contacts) -> Document | list[Document]:
    """A contact, or a list of them."""
    return _shown([_contact_document(each, result.account.name) for each in result.contacts], several=result.several)


def groups(result: Groups) -> Document | list[Document]:
    """A group, or a list of them."""
    return _shown([_group_document(each, result.account.name) for each in result.groups], several=result.several)


def memberships(result: Memberships) -> Document | list[Document]:
    """A membership, or a list of them."""
    owner = result.account.name
    return _shown([_membership_document(each, owner) for each in result.memberships], several=result.several)


def _shown(documents: Sequence[Document], *, several: bool) -> Document | list[Document]:
    return list(documents) if several else documents[0]


def _contact_document(contact: Contact, owner: str) -> Document:
    return {
        "OwnerID": owner,
        "Created": stamp(contact.created),
        "Modified": stamp(contact.modified),
        "ID": contact.key,
        **{name: contact.properties.get(of) for name, of, _ in _COLUMNS},
    }


def _group_document(group: Group, owner: str) -> Document:
    return {
        "OwnerID": owner,
        "ContactsCount": group.contacts,
        "Created": stamp(group.created),
        "Modified": stamp(group.modified),
        "ID": group.key,
        "Name": group.name,
        "Color": group.color,
    }


def _membership_document(membership: Membership, owner: str) -> Document:
    return {
        "ID": membership.key,
        "OwnerID": owner,
        "Created": stamp(membership.created),
        "Group": membership.group,
        "Contact": membership.contact,
    }
