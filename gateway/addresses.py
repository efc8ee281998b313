"""The address book's model: what REST v1 calls contacts, groups and memberships, and REST v2 contacts with labels."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.model import EMPTY

Metadata = Mapping[str, Mapping[str, str]]
"""By the name of a property, and by the name of what is said of it."""


class Contact(NamedTuple):
    """Somebody who can be reached; `properties` hold the number as `phoneNumber`. Its key is REST v1's id."""

    key: int
    created: int
    modified: int
    properties: Mapping[str, str]
    metadata: Metadata
    labels: tuple[str, ...]


class Edit(NamedTuple):
    """What becomes of a contact. None removes a property; what is not named stays, unless it is `whole`.

    `metadata` is changed likewise; `labels` None leaves them alone.
    """

    properties: Mapping[str, str | None]
    metadata: Mapping[str, Mapping[str, str | None] | None] = {}
    labels: tuple[str, ...] | None = None
    whole: bool = False


class Wanted(NamedTuple):
    """Which contacts are meant: those with all of these labels, properties and metadata, and in the group of a key."""

    labels: tuple[str, ...] = ()
    properties: Mapping[str, str] = EMPTY
    metadata: Mapping[tuple[str, str], str] = {}
    group: int | None = None


class Group(NamedTuple):
    """A label, as REST v1 sees it; `contacts` is how many have it."""

    key: int
    created: int
    modified: int
    name: str
    color: str | None
    contacts: int = 0


class Membership(NamedTuple):
    """That a contact is in a group, by their keys."""

    key: int
    created: int
    contact: int
    group: int
