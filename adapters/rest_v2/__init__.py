"""REST v2: the provider's modern protocol, as a face and as the upstream that everything else leaves through."""

from adapters.rest_v2.face import RestV2Face
from adapters.rest_v2.reports import RestV2Reports, callback, forward
from adapters.rest_v2.upstream import RestV2Options, RestV2Upstream, as_caller
from gateway.ports import Adapter

ADAPTER = Adapter(
    name="rest_v2",
    title="REST v2",
    options=RestV2Options,
    face=RestV2Face,
    as_caller=as_caller,
    upstream=RestV2Upstream,
    reports=RestV2Reports,
    callback=callback,
    forward=forward,
    secrets=frozenset({"token", "authorization"}),
)
