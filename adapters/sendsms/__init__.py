"""The HTTP GET endpoint `sendsms.aspx`: everything in the query string, a bare number as the answer."""

from adapters.sendsms.face import SendSmsFace
from adapters.sendsms.options import SendSmsOptions, SendSmsUpstreamOptions, as_caller
from adapters.sendsms.upstream import SendSmsUpstream
from gateway.ports import Adapter

# Source of the day: the deadline of a plugin that moved its users off the endpoint (salon-booking-system).
ADAPTER = Adapter(
    name="sendsms",
    title="HTTP GET (sendsms.aspx)",
    deprecated=1761696000,
    options=SendSmsUpstreamOptions,
    face=SendSmsFace,
    face_options=SendSmsOptions,
    as_caller=as_caller,
    upstream=SendSmsUpstream,
    secrets=frozenset({"pass", "key"}),
)
