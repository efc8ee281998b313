"""The documents that v1 answers with, property by property in the documented order.

Source: the provider's help pages. What answers two-factor codes, and most of what a look-up tells, is inferred.
"""

from typing import NotRequired

from typing_extensions import TypedDict


class ProcessedOutgoingSms(TypedDict):
    """One recipient of what was sent."""

    ID: int
    BundleID: int | None
    Status: int
    StatusDescription: str
    To: str
    CountryCode: str | None
    Currency: str
    TotalPrice: float
    Price: float
    Encoding: str
    Segments: int
    Prio: int
    From: str
    Message: str


class LoggedOutgoingSms(TypedDict):
    """One SMS with its dates, and its latest status."""

    Created: str
    CreatedDate: str
    Modified: str
    UpdatedDate: str
    ID: int
    BundleID: int | None
    Status: int
    StatusDescription: str
    To: str
    CountryCode: str | None
    Currency: str
    TotalPrice: float
    Price: float
    Encoding: str
    Segments: int
    Prio: int
    From: str
    Message: str


class IncomingSms(TypedDict):
    """An SMS that came in."""

    ID: str
    To: str
    Prefix: str | None
    Created: str
    CreatedDate: str
    Prio: int
    From: str
    Message: str


class AccountDocument(TypedDict):
    """Who is asking, and the balance of the upstream account."""

    Account: str
    Organization: str
    Type: str
    Balance: float
    Currency: str


class WholeAccountDocument(TypedDict):
    """The same in other words; `Key` is the account's name, never an API key."""

    Key: str
    Parent: str | None
    Type: str
    Balance: float
    Currency: str
    ID: int
    Name: str


class BlockedDocument(TypedDict):
    """A number on the blacklist."""

    ID: int
    Created: str
    Phone: str


class ContactDocument(TypedDict):
    """Somebody in the address book."""

    OwnerID: str
    Created: str
    Modified: str
    ID: int
    Title: str | None
    Notes: str | None
    Organization: str | None
    FirstName: str | None
    LastName: str | None
    Phone: str | None
    Email: str | None


class GroupDocument(TypedDict):
    """A group of contacts."""

    OwnerID: str
    ContactsCount: int
    Created: str
    Modified: str
    ID: int
    Name: str
    Color: str | None


class MembershipDocument(TypedDict):
    """A contact's being in a group."""

    ID: int
    OwnerID: str
    Created: str
    Group: int
    Contact: int


class PasscodeDocument(TypedDict):
    """A code that was sent, by the number of its SMS; the code itself is told to its phone alone."""

    ID: int
    Phone: str
    Created: str
    Expires: str


class ValidDocument(TypedDict):
    """That a code was right."""

    Phone: str
    IsValid: bool


class SettingsDocument(TypedDict):
    """What an account has set of its codes; null is the provider's default."""

    ConcurrentLimit: int | None
    From: str | None
    MessageFormat: str | None
    Length: int | None
    ExpirationTime: int | None
    NumericOnly: bool | None


class FoundNumber(TypedDict):
    """What its country's plan says of a number."""

    phoneNumber: str
    isValid: bool
    e164Format: str | None
    internationalFormat: str | None
    nationalFormat: str | None
    countryCode: int | None
    region: str | None


class LookupDocument(TypedDict):
    """The numbers that were asked for, in their order."""

    phoneNumbers: list[FoundNumber]


class ErrorDocument(TypedDict):
    """What is wrong; `ModelState` names the properties, and what to do about each."""

    Message: str
    ModelState: NotRequired[dict[str, list[str]]]
