"""v1's address book: contacts, groups and memberships. Source: the provider's help pages (properties, order, lengths).

The same as v2's contacts and labels: a group is a label, a membership is its being on a contact.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from adapters.rest_v1.documents import ContactDocument, GroupDocument, MembershipDocument
from adapters.rest_v1.exchange import (
    ID,
    INTEGERS,
    MSISDN,
    SEVERAL,
    Body,
    document_of,
    number,
    one_or_several,
    optional,
    read,
    read_each,
    stamp,
    text,
)
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
from gateway.model import Page
from gateway.ports import Call
from gateway.rest import Op, Route, route

T = TypeVar("T")
_EVERYTHING = Page(limit=2**31)
_ANYTHING = optional(text(2000))
"""As long as v2 lets a property be; the help pages tell no length."""


class ContactRequest(Body):
    """A contact as clients write it."""

    title: Annotated[str | None, _ANYTHING] = None
    notes: Annotated[str | None, _ANYTHING] = None
    organization: Annotated[str | None, _ANYTHING] = None
    first_name: Annotated[str, text(100)]
    last_name: Annotated[str | None, optional(text(100))] = None
    phone: Annotated[str, text(16, MSISDN, "Write the number in the form +46712345678", **INTEGERS)]
    email: Annotated[str | None, optional(text(50))] = None


class GroupRequest(Body):
    """A group as clients write it."""

    name: Annotated[str, text(100)]
    color: Annotated[
        str | None, optional(text(7, "^#[A-Fa-f0-9]{6}$", "Write the colour in the form #1A2B3C", type="string"))
    ] = None


class MembershipRequest(Body):
    """Who is to be in which group."""

    group: Annotated[int, ID]
    contact: Annotated[int, ID]


def _edit(contact: ContactRequest) -> Edit:
    return Edit(
        {
            "title": contact.title,
            "notes": contact.notes,
            "organization": contact.organization,
            "firstName": contact.first_name,
            "lastName": contact.last_name,
            "phoneNumber": contact.phone,
            "email": contact.email,
        }
    )


def _contacts(_call: Call, _match: re.Match[str]) -> Command:
    return ListContacts(page=_EVERYTHING)


def _contact(_call: Call, match: re.Match[str]) -> Command:
    return GetContact(number(match))


def _add_contacts(call: Call, _match: re.Match[str]) -> Command:
    contacts, several = read_each(ContactRequest, call)
    return AddContacts(tuple(map(_edit, contacts)), several)


def _change_contact(call: Call, match: re.Match[str]) -> Command:
    """What only v2 knows of it stays."""
    return EditContact(number(match), _edit(read(ContactRequest, document_of(call))))


def _remove_contact(_call: Call, match: re.Match[str]) -> Command:
    return RemoveContact(number(match))


def _contacts_of_group(_call: Call, match: re.Match[str]) -> Command:
    return ListContacts(Wanted(group=number(match)), _EVERYTHING)


def _groups(_call: Call, _match: re.Match[str]) -> Command:
    return ListGroups()


def _group(_call: Call, match: re.Match[str]) -> Command:
    return GetGroup(number(match))


def _add_groups(call: Call, _match: re.Match[str]) -> Command:
    groups, several = read_each(GroupRequest, call)
    return SaveGroups(tuple([(group.name, group.color) for group in groups]), several=several)


def _change_group(call: Call, match: re.Match[str]) -> Command:
    group = read(GroupRequest, document_of(call))
    return SaveGroups(((group.name, group.color),), key=number(match))


def _remove_group(_call: Call, match: re.Match[str]) -> Command:
    return RemoveGroup(number(match))


def _groups_of_contact(_call: Call, match: re.Match[str]) -> Command:
    return ListGroups(contact=number(match))


def _memberships(_call: Call, _match: re.Match[str]) -> Command:
    return ListMemberships()


def _membership(_call: Call, match: re.Match[str]) -> Command:
    return GetMembership(number(match))


def _join(call: Call, _match: re.Match[str]) -> Command:
    memberships, several = read_each(MembershipRequest, call)
    return Join(tuple([(each.contact, each.group) for each in memberships]), several)


def _leave(_call: Call, match: re.Match[str]) -> Command:
    return Leave(number(match))


def _memberships_of_contact(_call: Call, match: re.Match[str]) -> Command:
    return ListMemberships(contact=number(match))


def _memberships_of_group(_call: Call, match: re.Match[str]) -> Command:
    return ListMemberships(group=number(match))


def _shown(of: Callable[[T, str], object], entries: Sequence[T], owner: str, *, several: bool) -> object:
    """An object for one, a list for several."""
    documents = [of(entry, owner) for entry in entries]
    return documents if several else documents[0]


def _show_contacts(result: Contacts) -> object:
    return _shown(_contact_document, result.contacts, result.account.name, several=result.several)


def _show_groups(result: Groups) -> object:
    return _shown(_group_document, result.groups, result.account.name, several=result.several)


def _show_memberships(result: Memberships) -> object:
    return _shown(_membership_document, result.memberships, result.account.name, several=result.several)


def _contact_document(contact: Contact, owner: str) -> ContactDocument:
    told = contact.properties.get
    return {
        "OwnerID": owner,
        "Created": stamp(contact.created),
        "Modified": stamp(contact.modified),
        "ID": contact.key,
        "Title": told("title"),
        "Notes": told("notes"),
        "Organization": told("organization"),
        "FirstName": told("firstName"),
        "LastName": told("lastName"),
        "Phone": told("phoneNumber"),
        "Email": told("email"),
    }


def _group_document(group: Group, owner: str) -> GroupDocument:
    return {
        "OwnerID": owner,
        "ContactsCount": group.contacts,
        "Created": stamp(group.created),
        "Modified": stamp(group.modified),
        "ID": group.key,
        "Name": group.name,
        "Color": group.color,
    }


def _membership_document(membership: Membership, owner: str) -> MembershipDocument:
    return {
        "ID": membership.key,
        "OwnerID": owner,
        "Created": stamp(membership.created),
        "Group": membership.group,
        "Contact": membership.contact,
    }


_SENT = (413, 415)
_CHANGED = (404, 413, 415)
_GONE = (404,)

ROUTES: tuple[Route, ...] = (
    route(
        "/api/contacts",
        GET=Op(_contacts, "List the contacts", list[ContactDocument], show=_show_contacts),
        POST=Op(
            _add_contacts,
            "Add a contact, or a list of them",
            ContactDocument | list[ContactDocument],
            body=one_or_several(ContactRequest),
            refusals=_SENT,
            query=(SEVERAL,),
            show=_show_contacts,
        ),
    ),
    route(
        "/api/contacts/{id}",
        GET=Op(_contact, "Tell of a contact", ContactDocument, refusals=_GONE, show=_show_contacts),
        PUT=Op(
            _change_contact,
            "Change a contact",
            ContactDocument,
            body=ContactRequest,
            refusals=_CHANGED,
            show=_show_contacts,
        ),
        DELETE=Op(_remove_contact, "Remove a contact", ContactDocument, refusals=_GONE, show=_show_contacts),
    ),
    route(
        "/api/contacts/{id}/groups",
        GET=Op(_groups_of_contact, "List a contact's groups", list[GroupDocument], refusals=_GONE, show=_show_groups),
    ),
    route(
        "/api/contacts/{id}/memberships",
        GET=Op(
            _memberships_of_contact,
            "List a contact's memberships",
            list[MembershipDocument],
            refusals=_GONE,
            show=_show_memberships,
        ),
    ),
    route(
        "/api/groups",
        GET=Op(_groups, "List the groups", list[GroupDocument], show=_show_groups),
        POST=Op(
            _add_groups,
            "Make a group, or several",
            GroupDocument | list[GroupDocument],
            body=one_or_several(GroupRequest),
            refusals=_SENT,
            query=(SEVERAL,),
            show=_show_groups,
        ),
    ),
    route(
        "/api/groups/{id}",
        GET=Op(_group, "Tell of a group", GroupDocument, refusals=_GONE, show=_show_groups),
        PUT=Op(_change_group, "Change a group", GroupDocument, body=GroupRequest, refusals=_CHANGED, show=_show_groups),
        DELETE=Op(_remove_group, "Remove a group", GroupDocument, refusals=_GONE, show=_show_groups),
    ),
    route(
        "/api/groups/{id}/contacts",
        GET=Op(
            _contacts_of_group, "List a group's contacts", list[ContactDocument], refusals=_GONE, show=_show_contacts
        ),
    ),
    route(
        "/api/groups/{id}/memberships",
        GET=Op(
            _memberships_of_group,
            "List a group's memberships",
            list[MembershipDocument],
            refusals=_GONE,
            show=_show_memberships,
        ),
    ),
    route(
        "/api/memberships",
        GET=Op(_memberships, "List the memberships", list[MembershipDocument], show=_show_memberships),
        POST=Op(
            _join,
            "Put a contact into a group, or several",
            MembershipDocument | list[MembershipDocument],
            body=one_or_several(MembershipRequest),
            refusals=_SENT,
            query=(SEVERAL,),
            show=_show_memberships,
        ),
    ),
    route(
        "/api/memberships/{id}",
        GET=Op(_membership, "Tell of a membership", MembershipDocument, refusals=_GONE, show=_show_memberships),
        DELETE=Op(_leave, "End a membership", MembershipDocument, refusals=_GONE, show=_show_memberships),
    ),
)
