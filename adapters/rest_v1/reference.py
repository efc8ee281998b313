"""What v1's face says of itself: an OpenAPI document, and a page for people, both made of its operations."""

from collections.abc import Iterable, Sequence

from adapters.rest_v1 import lookup
from adapters.rest_v1.documents import ErrorDocument
from gateway.ids import LAST_NUMBER
from gateway.openapi import Api, Operation
from gateway.rest import Reference, Route

# What every operation may be answered with: no credentials, too many requests at the moment.
_REFUSALS = (401, 503)
_API = Api(
    title="REST v1",
    description=(
        "The provider's deprecated REST v1, as Sluss serves it. Send the account and its API key by HTTP Basic, or the"
        " key as `Authorization: Bearer KEY`. Property names may be written in any letter case."
    ),
    security={"account": {"type": "http", "scheme": "basic"}, "key": {"type": "http", "scheme": "bearer"}},
    problem=ErrorDocument,
    problem_media="application/json",
    places={
        "id": {"type": "integer", "minimum": 1, "maximum": LAST_NUMBER},
        "received": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
    },
)


def reference(routes: Sequence[Route]) -> Reference:
    """The document and the page of the face that has these addresses."""
    return Reference(_API, "/api/", "1", lambda: (*_operations(routes), lookup.OPERATION))


def _operations(routes: Iterable[Route]) -> Iterable[Operation]:
    for route in routes:
        for method, op in route.operations.items():
            refusals = (*_REFUSALS, *op.refusals, *((400,) if op.body is not None else ()))
            yield Operation(
                method,
                route.template,
                op.summary,
                op.answers,
                op.status,
                op.body,
                op.query,
                refusals,
                op.headers,
                op.also,
                route.template.split("/")[2],
            )
