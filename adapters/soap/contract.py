"""What can be called: operations, parameter names in their order, and types, as spyne declares them.

Source: the provider's PHP sample for `balans` and `sms`. Its manual tells that messages could be sent later, in
bundles, and be cancelled, and that codes could be explained; the names and parameters of those are inferred, and so are
those of `mms`. The methods' bodies never run; a test holds the WSDL files against the declarations.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.soap.description import Description, Operation, Parameter
from adapters.soap.spyne_compat import spyne_imports

with spyne_imports():
    from spyne import Service, Unicode, rpc

# Every parameter and every result is a string: an integer looks the same on the wire, and may be missing.
_operation = partial(rpc, _in_variable_names={"from_": "from"}, _returns=Unicode)
_TWO, _SIX, _SEVEN = (Unicode,) * 2, (Unicode,) * 6, (Unicode,) * 7

# mypy sees neither spyne's types nor what its decorator returns, and ruff takes `ctx` for a forgotten `self`.
# mypy: disable-error-code="misc, untyped-decorator, empty-body"
# ruff: noqa: A002, N802, N805


class SendSmsService(Service):
    """The SMS service."""

    @_operation(*_TWO)
    def balans(ctx: Any, konto: str, passwd: str) -> str:
        """The balance of the account, or a legacy code."""

    @_operation(*_SIX)
    def sms(ctx: Any, konto: str, passwd: str, till: str, from_: str, meddelande: str, prio: str) -> str:
        """Sends a message; the id of the SMS, or a legacy code."""

    @_operation(*_SEVEN)
    def smsAt(ctx: Any, konto: str, passwd: str, till: str, from_: str, meddelande: str, prio: str, tid: str) -> str:
        """Inferred: sends a message at a time; the id of the SMS, or a legacy code."""

    @_operation(*_SEVEN)
    def smsBundle(
        ctx: Any, konto: str, passwd: str, till: str, from_: str, meddelande: str, prio: str, tid: str
    ) -> str:
        """Inferred: sends a message to many, now or at a time; the id of the bundle, or a legacy code."""

    @_operation(*_TWO, Unicode)
    def avbrytBundle(ctx: Any, konto: str, passwd: str, id: str) -> str:
        """Inferred: cancels what has not left of a bundle or a scheduled message; 0, or a legacy code."""

    @_operation(Unicode)
    def beskrivning(ctx: Any, id: str) -> str:
        """Inferred: what a legacy code means, in words."""


class MmsService(Service):
    """The MMS service: only its address is documented."""

    @_operation(*_TWO)
    def balans(ctx: Any, konto: str, passwd: str) -> str:
        """The balance of the account, or a legacy code."""

    @_operation(*_SIX)
    def mms(ctx: Any, konto: str, passwd: str, till: str, from_: str, meddelande: str, url: str) -> str:
        """Inferred, and never sent: MMS is not carried by REST v2; always a legacy code."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One service: its path in lower case, its WSDL file, its title, and its target namespace, which is inferred."""

    mount: str
    wsdl: str
    title: str
    namespace: str
    service: type[Any]


CONTRACTS = (
    Contract("/sendsms/sendsms.asmx", "sendsms.wsdl", "SendSms", "http://web.smscom.se/sendsms/", SendSmsService),
    Contract("/mms/mms.asmx", "mms.wsdl", "Mms", "http://web.smscom.se/mms/", MmsService),
)


def describe(contract: Contract) -> Description:
    """The description of a contract. Raises TypeError for an operation that holds anything but strings."""
    operations = [_described(contract, descriptor) for descriptor in contract.service.public_methods.values()]
    return Description(contract.title, contract.namespace, tuple(operations))


def _described(contract: Contract, descriptor: Any) -> Operation:
    given = descriptor.in_message.get_flat_type_info(descriptor.in_message)
    returned = descriptor.out_message.get_flat_type_info(descriptor.out_message)
    for name, kind in (*given.items(), *returned.items()):
        if not issubclass(kind, Unicode):
            raise TypeError(f"{descriptor.name}: {name} is {kind.get_type_name()}, only strings are carried")
    if list(returned) != [f"{descriptor.name}Result"]:
        raise TypeError(f"{descriptor.name}: answers are written with a single {descriptor.name}Result")
    return Operation(
        name=descriptor.name,
        parameters=tuple(Parameter(name) for name in given),
        action=contract.namespace + descriptor.name,
        result=f"{descriptor.name}Result",
        note=descriptor.function.__doc__ or "",
    )
