"""v2's addresses for contacts and labels. Source: the provider's page "Contacts" and the clients that were seen.

A list of new contacts is added at once: 202 is what clients that do not ask for `synchronous` expect all the same.
"""

import re
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from adapters.rest_v2.documents import ContactDocument
from adapters.rest_v2.exchange import Encoder, answer, at_most, json_of, listed, page_of, query_of
from gateway.addresses import Contact, Edit, Wanted
from gateway.commands import (
    AddContacts,
    Command,
    Contacts,
    EditContact,
    GetContact,
    ListContacts,
    ListNames,
    Names,
    PutLabel,
    RemoveContact,
    RemoveLabel,
    RemoveLabelled,
    Result,
)
from gateway.errors import Malformed
from gateway.ids import Kind, public_id
from gateway.openapi import Parameter
from gateway.ports import Call, Reply
from gateway.rest import Op, Route, route

MOST = 1000
"""Contacts of one request, as the provider says of synchronous ones."""

_PROPERTY = re.compile(r"properties\[([^\[\]]+)\]", re.IGNORECASE).fullmatch
_METADATA = re.compile(r"metadata\[([^\[\].]+)\.([^\[\]]+)\]", re.IGNORECASE).fullmatch
_META = Parameter("meta", {"type": "string"}, "Show metadata, too; any value")

_Text = Annotated[str, Field(max_length=2000, pattern="^[^\\u0000]*$")]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Label = Annotated[str, Field(min_length=1, max_length=100, pattern="^[^\\u0000]*$")]
_Labels = Annotated[tuple[_Label, ...], Field(max_length=100), at_most(100)]
_Texts = Annotated[dict[_Name, _Text], Field(max_length=100), at_most(100)]
_Changes = Annotated[dict[_Name, _Text | None], Field(max_length=100), at_most(100)]


def _lower(value: object) -> object:
    return {str(name).lower(): part for name, part in value.items()} if isinstance(value, dict) else value


class ContactRequest(BaseModel):
    """A contact as clients write it; names of fields in any letter case, those of properties as they are."""

    model_config = ConfigDict(frozen=True)

    properties: _Texts
    metadata: Annotated[dict[_Name, _Texts], Field(max_length=100), at_most(100)] = {}
    labels: _Labels = ()


class ContactPatch(BaseModel):
    """What changes of a contact: null removes, what is not named stays."""

    model_config = ConfigDict(frozen=True)

    properties: _Changes = {}
    metadata: Annotated[dict[_Name, _Changes | None], Field(max_length=100), at_most(100)] = {}
    labels: _Labels | None = None


_Contacts = Annotated[list[ContactRequest], Field(min_length=1, max_length=MOST)]
_Ids = Annotated[
    list[Annotated[str, Field(pattern="^[0-9a-f]{24}$")]], Field(min_length=1, max_length=MOST), at_most(MOST)
]
_READ_ONE = TypeAdapter(Annotated[ContactRequest, BeforeValidator(_lower)])
_READ_PATCH = TypeAdapter(Annotated[ContactPatch, BeforeValidator(_lower)])
_READ_MANY = TypeAdapter(
    Annotated[
        list[Annotated[ContactRequest, BeforeValidator(_lower)]], Field(min_length=1, max_length=MOST), at_most(MOST)
    ]
)
_READ_IDS = TypeAdapter(_Ids)


def _read(adapter: TypeAdapter[Any], call: Call) -> Any:
    try:
        return adapter.validate_python(json_of(call))
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            name = ".".join(str(part) for part in problem["loc"]) or "body"
            fields.setdefault(name, []).append(problem["msg"])
        raise Malformed("One or more validation errors occurred.", fields) from None


def _whole(contact: ContactRequest) -> Edit:
    return Edit(contact.properties, contact.metadata, contact.labels, whole=True)


def _list(call: Call, _match: re.Match[str]) -> Command:
    return ListContacts(_wanted(call), page_of(call))


def _wanted(call: Call) -> Wanted:
    properties, metadata, labels = {}, {}, []
    for name, value in query_of(call, lower=False).items():
        if match := _PROPERTY(name):
            properties[match[1]] = value
        elif match := _METADATA(name):
            metadata[match[1], match[2]] = value
        elif name.lower() == "labels":
            labels += [label for label in value.split(",") if label]
    return Wanted(tuple(labels), properties, metadata)


def _one(_call: Call, match: re.Match[str]) -> Command:
    return GetContact(match[1])


def _add(call: Call, _match: re.Match[str]) -> Command:
    return AddContacts(tuple([_whole(contact) for contact in _read(_READ_MANY, call)]), several=True)


def _replace(call: Call, match: re.Match[str]) -> Command:
    return EditContact(match[1], _whole(_read(_READ_ONE, call)))


def _patch(call: Call, match: re.Match[str]) -> Command:
    patch: ContactPatch = _read(_READ_PATCH, call)
    return EditContact(match[1], Edit(patch.properties, patch.metadata, patch.labels))


def _remove(_call: Call, match: re.Match[str]) -> Command:
    return RemoveContact(match[1])


def _remove_labelled(call: Call, _match: re.Match[str]) -> Command:
    label = query_of(call).get("labels", "")
    if not label:
        raise Malformed("Say which contacts: labels=NAME", {"labels": ["Name the label whose contacts are deleted"]})
    return RemoveLabelled(label)


def _names(_call: Call, _match: re.Match[str]) -> Command:
    return ListNames()


def _put_label(call: Call, match: re.Match[str]) -> Command:
    label = unquote(match[1], errors="replace")
    if len(label) > 100 or "\0" in label:
        raise Malformed("A label has at most 100 characters", {"label": ["Use at most 100 characters"]})
    return PutLabel(label, tuple(_read(_READ_IDS, call)))


def _remove_label(_call: Call, match: re.Match[str]) -> Command:
    return RemoveLabel(unquote(match[1], errors="replace"))


_FILTERS = (Parameter("labels", {"type": "string"}, "Only contacts with this label; several with commas"), _META)
_SYNCHRONOUS = Parameter("synchronous", {"type": "string"}, "Answer with 200; any value")
_LABELS = Parameter("labels", {"type": "string", "minLength": 1}, "The label whose contacts are deleted", required=True)

ROUTES: tuple[Route, ...] = (
    route(
        "/v2/contacts",
        GET=Op(_list, "List contacts", list[ContactDocument], paged=True, query=_FILTERS),
        POST=Op(
            _add,
            "Add contacts",
            list[ContactDocument],
            status=202,
            body=_Contacts,
            refusals=(413, 415),
            query=(_SYNCHRONOUS,),
            also=(200,),
        ),
        DELETE=Op(_remove_labelled, "Delete every contact with a label", list[ContactDocument], query=(_LABELS,)),
    ),
    route("/v2/contacts/meta", GET=Op(_names, "List the names of properties", dict[str, list[str]])),
    route(
        "/v2/contacts/{contact}",
        GET=Op(_one, "Tell of a contact", ContactDocument, refusals=(404,), query=(_META,)),
        PUT=Op(_replace, "Replace a contact", ContactDocument, body=ContactRequest, refusals=(404, 413, 415)),
        PATCH=Op(_patch, "Change a contact", ContactDocument, body=ContactPatch, refusals=(404, 413, 415)),
        DELETE=Op(_remove, "Delete a contact", ContactDocument, refusals=(404,)),
    ),
    route(
        "/v2/labels/{label}/contacts",
        POST=Op(_put_label, "Put a label on contacts", list[ContactDocument], body=_Ids, refusals=(404, 413, 415)),
    ),
    route(
        "/v2/labels/{label}",
        DELETE=Op(_remove_label, "Delete a label, not its contacts", list[ContactDocument], refusals=(404,)),
    ),
)


def _shown(contact: Contact, owner: str, call: Call) -> ContactDocument:
    document: ContactDocument = {
        "id": public_id(Kind.CONTACT, contact.created, contact.key),
        "ownerId": owner,
        "properties": dict(contact.properties),
        "metadata": {name: dict(said) for name, said in contact.metadata.items()},
        "labels": list(contact.labels),
    }
    # What was just written is shown whole; what is read, where it is asked for.
    if call.method in ("GET", "DELETE") and "meta" not in query_of(call):
        del document["metadata"]
    return document


def _contacts(result: Contacts, call: Call) -> Reply:
    documents = [_shown(contact, result.account.name, call) for contact in result.contacts]
    if not result.several:
        return answer(documents[0])
    if call.method == "GET":
        return listed(documents, result.page, result.total, call)
    added = call.method == "POST" and call.path.lower().rstrip("/") == "/v2/contacts"
    return answer(documents, 202 if added and "synchronous" not in query_of(call) else 200)


def _named(result: Names, _call: Call) -> Reply:
    return answer(result.names)


ENCODERS: dict[type[Result], Encoder] = {Contacts: _contacts, Names: _named}
