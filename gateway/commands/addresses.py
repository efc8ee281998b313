"""The address book: contacts, the groups or labels that they have, and who is in which group."""

from typing import NamedTuple

from gateway.addresses import Contact, Edit, Group, Membership, Wanted
from gateway.model import Account, Page


class ListContacts(NamedTuple):
    """List the contacts that are wanted, in the order in which they were added."""

    wanted: Wanted = Wanted()
    page: Page = Page()


class GetContact(NamedTuple):
    """Tell of a contact, by its key or its 24-hex id."""

    which: int | str


class AddContacts(NamedTuple):
    """Add contacts; `several` where a list of them was given."""

    edits: tuple[Edit, ...]
    several: bool = False


class EditContact(NamedTuple):
    """Change a contact, by its key or its 24-hex id."""

    which: int | str
    change: Edit


class RemoveContact(NamedTuple):
    """Forget a contact; answered with what it was."""

    which: int | str


class RemoveLabelled(NamedTuple):
    """Forget every contact that has a label."""

    label: str


class PutLabel(NamedTuple):
    """Put a label on contacts, by their 24-hex ids."""

    label: str
    contacts: tuple[str, ...]


class RemoveLabel(NamedTuple):
    """Forget a label; its contacts stay."""

    label: str


class ListNames(NamedTuple):
    """List the names that properties, and what is said of them, have among the contacts."""


class ListGroups(NamedTuple):
    """List all groups, or those that a contact is in."""

    contact: int | None = None


class GetGroup(NamedTuple):
    """Tell of a group, by its key."""

    key: int


class SaveGroups(NamedTuple):
    """Make groups of these names and colours, or change the one that the key names."""

    groups: tuple[tuple[str, str | None], ...]
    key: int | None = None
    several: bool = False


class RemoveGroup(NamedTuple):
    """Forget a group; its contacts stay. Answered with what it was."""

    key: int


class ListMemberships(NamedTuple):
    """List who is in which group: all, of a contact, or of a group."""

    contact: int | None = None
    group: int | None = None


class GetMembership(NamedTuple):
    """Tell of a membership, by its key."""

    key: int


class Join(NamedTuple):
    """Put contacts into groups: pairs of their keys."""

    pairs: tuple[tuple[int, int], ...]
    several: bool = False


class Leave(NamedTuple):
    """Take a contact out of a group, by the membership's key; answered with what it was."""

    key: int


class Contacts(NamedTuple):
    """Contacts: a page of `total`, several that were given, or the one that was asked for."""

    contacts: tuple[Contact, ...]
    account: Account
    page: Page = Page()
    total: int = 1
    several: bool = False


class Groups(NamedTuple):
    """Groups, or the one that was asked for."""

    groups: tuple[Group, ...]
    account: Account
    several: bool = False


class Memberships(NamedTuple):
    """Memberships, or the one that was asked for."""

    memberships: tuple[Membership, ...]
    account: Account
    several: bool = False


class Names(NamedTuple):
    """The names of properties, each with the names of what is said of it."""

    names: dict[str, list[str]]


AddressesInquiry = (
    ListContacts
    | GetContact
    | AddContacts
    | EditContact
    | RemoveContact
    | RemoveLabelled
    | PutLabel
    | RemoveLabel
    | ListNames
    | ListGroups
    | GetGroup
    | SaveGroups
    | RemoveGroup
    | ListMemberships
    | GetMembership
    | Join
    | Leave
)
AddressesAnswer = Contacts | Groups | Memberships | Names
