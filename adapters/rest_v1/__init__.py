"""REST v1: JSON with PascalCase names, HTTP Basic, one SMS object for each recipient in the answer."""

from adapters.rest_v1.face import RestV1Face
from gateway.ports import Adapter

ADAPTER = Adapter(
    name="rest_v1",
    title="RESTful API v1",
    face=RestV1Face,
    secrets=frozenset({"authorization"}),
)
