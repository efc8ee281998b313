"""What can be called: operations, parameter names in their order, and types, as spyne declares them.

Source: the provider's PHP sample (`balans` and `sms` with these parameters). The methods' bodies never run; the codec
reads the declarations, and a test holds the WSDL files against them.
"""

from dataclasses import dataclass
from typing import Any

from adapters.soap.spyne_compat import spyne_imports

with spyne_imports():
    from spyne import Service, Unicode, rpc


class SendSmsService(Service):  # type: ignore[misc]
    """The SMS service."""

    @rpc(Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
    def balans(ctx: Any, konto: str, passwd: str) -> str:  # type: ignore[empty-body]  # noqa: N805
        """The balance of the account, or a legacy code."""

    @rpc(  # type: ignore[untyped-decorator]
        Unicode,
        Unicode,
        Unicode,
        Unicode,
        Unicode,
        Unicode,
        _in_variable_names={"from_": "from"},
        _returns=Unicode,
    )
    def sms(  # type: ignore[empty-body]
        ctx: Any,  # noqa: N805
        konto: str,
        passwd: str,
        till: str,
        from_: str,
        meddelande: str,
        prio: str,
    ) -> str:
        """The id of the SMS, or a legacy code."""


class MmsService(Service):  # type: ignore[misc]
    """The MMS service: only its address is documented, so it answers what both services can be asked."""

    @rpc(Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
    def balans(ctx: Any, konto: str, passwd: str) -> str:  # type: ignore[empty-body]  # noqa: N805
        """The balance of the account, or a legacy code."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One service: its path in lower case, its WSDL file, and its target namespace, which is inferred."""

    mount: str
    wsdl: str
    namespace: str
    service: type[Any]


CONTRACTS = (
    Contract("/sendsms/sendsms.asmx", "sendsms.wsdl", "http://web.smscom.se/sendsms/", SendSmsService),
    Contract("/mms/mms.asmx", "mms.wsdl", "http://web.smscom.se/mms/", MmsService),
)
