"""The SOAP web service `sendsms.asmx`, SOAP 1.1 and 1.2, in the manner of the ASP.NET service it stands in for."""

from adapters.soap.face import SoapFace
from adapters.soap.options import SoapOptions, SoapUpstreamOptions, as_caller
from adapters.soap.upstream import SoapUpstream
from gateway.ports import Adapter

# Source of the day: the deadline of a plugin that moved its users off the service (salon-booking-system).
ADAPTER = Adapter(
    name="soap",
    title="SOAP (sendsms.asmx)",
    deprecated=1761696000,
    options=SoapUpstreamOptions,
    face=SoapFace,
    face_options=SoapOptions,
    as_caller=as_caller,
    upstream=SoapUpstream,
    secrets=frozenset({"passwd", "key"}),
)
