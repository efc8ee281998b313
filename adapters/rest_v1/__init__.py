"""REST v1: JSON with PascalCase names, HTTP Basic, one SMS object for each recipient in the answer."""

from adapters.rest_v1.face import RestV1Face
from adapters.rest_v1.options import RestV1Options, as_caller
from adapters.rest_v1.upstream import RestV1Upstream
from gateway.ports import Adapter

ADAPTER = Adapter(
    name="rest_v1",
    title="RESTful API v1",
    options=RestV1Options,
    face=RestV1Face,
    as_caller=as_caller,
    upstream=RestV1Upstream,
    secrets=frozenset({"authorization", "key"}),
)
