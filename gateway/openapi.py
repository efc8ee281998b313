"""OpenAPI 3.1 documents, made of the operations that a face serves and of the models that it reads and writes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter

Document = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{(\w+)\}")


class Parameter(NamedTuple):
    """A parameter in the query."""

    name: str
    schema: Document
    sentence: str
    required: bool = False


class Operation(NamedTuple):
    """What a method does at an address. `answers` and `body` are types: models, typed dictionaries, lists of them."""

    method: str
    path: str
    summary: str
    answers: Any
    status: int = 200
    body: Any = None
    query: Sequence[Parameter] = ()
    refusals: Sequence[int] = ()
    headers: Mapping[str, str] = {}
    """Of the answer, each with what it says."""
    also: Sequence[int] = ()
    """Other statuses of the same answer."""
    tag: str = ""
    open: bool = False
    """Whether it asks for no credentials."""


class Api(NamedTuple):
    """What is the same for all operations of a face."""

    title: str
    description: str
    security: Mapping[str, Document]
    problem: Any
    problem_media: str
    places: Mapping[str, Document]
    """The schemas of the parameters in paths, by name."""


def document(api: Api, operations: Iterable[Operation], version: str) -> Document:
    """The whole document."""
    schemas: Document = {}
    paths: Document = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(api, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "description": api.description, "version": version},
        "security": [{name: []} for name in api.security],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": dict(api.security)},
    }


def _operation(api: Api, operation: Operation, schemas: Document) -> Document:
    problem = {"content": {api.problem_media: {"schema": _schema(api.problem, schemas, "serialization")}}}
    shown = _schema(operation.answers, schemas, "serialization")
    answer: Document = {"content": {"application/json": {"schema": shown}}}
    if operation.headers:
        answer["headers"] = {
            name: {"description": sentence, "required": True, "schema": {"type": "string"}}
            for name, sentence in operation.headers.items()
        }
    answers = {
        str(status): {**answer, "description": _phrase(status)} for status in (operation.status, *operation.also)
    }
    refusals = {str(status): {"description": _phrase(status), **problem} for status in sorted(set(operation.refusals))}
    made: Document = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "operationId": _name(operation),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": api.places[name]}
                for name in _PLACE.findall(operation.path)
            ),
            *(
                {"name": name, "in": "query", "description": sentence, "schema": schema, "required": required}
                for name, schema, sentence, required in operation.query
            ),
        ],
        "responses": {**answers, **refusals},
    }
    if operation.open:
        made["security"] = []
    if operation.body is not None:
        content = {"application/json": {"schema": _schema(operation.body, schemas, "validation")}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _schema(of: Any, schemas: Document, mode: Any) -> Document:
    adapter: TypeAdapter[Any] = TypeAdapter(of)
    made = adapter.json_schema(mode=mode, ref_template=_REFERENCE)
    schemas.update(made.pop("$defs", {}))
    if isinstance(of, type) and (issubclass(of, BaseModel) or hasattr(of, "__required_keys__")):
        schemas[of.__name__] = made
        return {"$ref": _REFERENCE.format(model=of.__name__)}
    return made


def _name(operation: Operation) -> str:
    words = [word.strip("{}") for word in operation.path.split("/") if word]
    return "-".join((operation.method.lower(), *words))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
