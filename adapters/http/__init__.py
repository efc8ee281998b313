"""Any provider with an HTTP API that is described by configuration alone: an upstream without code of its own."""

from adapters.http.options import HttpOptions
from adapters.http.upstream import HttpUpstream
from gateway.ports import Adapter

ADAPTER = Adapter(
    name="http",
    title="HTTP, as configured",
    options=HttpOptions,
    upstream=HttpUpstream,
    secrets=frozenset({"secrets", "authorization"}),
)
