"""What v2's face says of itself: an OpenAPI document, and a page for people, both made of its operations."""

from collections.abc import Iterable, Sequence

from adapters.rest_v2.documents import ProblemDocument
from adapters.rest_v2.exchange import MAX_LIMIT
from adapters.rest_v2.registers import MSISDN
from gateway.openapi import Api, Document, Operation, Parameter
from gateway.rest import Reference, Route

# What every operation may be answered with: a faulty request, no credentials, too many requests at the moment.
_REFUSALS = (400, 401, 503)
_PAGING = (
    Parameter("start", {"type": "integer", "minimum": 0, "maximum": 2**31, "default": 0}, "The first entry"),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50}, "Entries of a page"),
    Parameter("order", {"type": "string", "enum": ["ASC", "DESC"], "default": "ASC"}, "Which end comes first"),
)
_LINK = {"Link": "Where the page itself, the first, the previous, the next and the last one are (RFC 8288)"}
_ID: Document = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
_API = Api(
    title="REST v2",
    description="The provider's REST v2, as Sluss serves it. Send the API key as `Authorization: Bearer KEY`.",
    security={"key": {"type": "http", "scheme": "bearer"}},
    problem=ProblemDocument,
    problem_media="application/problem+json",
    places={
        "batch": _ID,
        "message": _ID,
        "contact": _ID,
        "label": {"type": "string", "minLength": 1, "maxLength": 100},
        "participant": {"type": "string", "minLength": 1},
        "sender": {"type": "string", "pattern": "^(\\+?[0-9]{1,15}|[0-9A-Za-z]{1,11})$"},
        "msisdn": {"type": "string", "pattern": MSISDN},
    },
)


def reference(routes: Sequence[Route]) -> Reference:
    """The document and the page of the face that has these addresses."""
    return Reference(_API, "/v2/", "2", lambda: _operations(routes))


def _operations(routes: Iterable[Route]) -> Iterable[Operation]:
    for route in routes:
        for method, op in route.operations.items():
            yield Operation(
                method,
                route.template,
                op.summary,
                op.answers,
                op.status,
                op.body,
                (*_PAGING, *op.query) if op.paged else op.query,
                (*_REFUSALS, *op.refusals),
                {**op.headers, **_LINK} if op.paged else op.headers,
                op.also,
                route.template.split("/")[2],
            )
