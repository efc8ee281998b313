"""What the configuration says of the SOAP face, and of an upstream that speaks SOAP; the services that come of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from adapters.soap import original
from adapters.soap.binding import Bound, Chosen, bind
from adapters.soap.codec import Codec
from adapters.soap.contract import CONTRACTS, Contract, describe
from adapters.soap.description import Description
from gateway.errors import Unsupported
from gateway.paths import wsdl_dir
from gateway.ports import Credentials
from gateway.schedule import SWEDEN, TimeZone
from gateway.urls import BaseUrl


class SoapUpstreamOptions(BaseModel):
    """One account behind a SOAP service; without a `wsdl` of its own, behind the provider's as far as it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: BaseUrl = Field(description="The service, as https://web.smscom.se/sendsms/sendsms.asmx")
    account: str = Field(min_length=1, description="The account, as ip1-12345: konto")
    key: SecretStr = Field(min_length=1, description="The account's API key: passwd")
    version: Literal["1.1", "1.2"] = Field("1.1", description="Of SOAP")
    wsdl: Path | None = Field(None, description="A WSDL of your own to speak")
    operations: dict[str, Chosen] = Field(default_factory=dict, description="What its operations and parameters mean")
    namespace: str | None = Field(
        None, min_length=1, description="The target namespace, where no WSDL of your own tells it"
    )

    _bound: tuple[str, Bound, Bound | None] = PrivateAttr()

    @model_validator(mode="after")
    def _bind(self) -> Self:
        # Read here, so that whoever checks a configuration is told of its WSDL, too.
        if self.wsdl is None and self.operations:
            raise ValueError("operations are bound to a WSDL of your own: name it, as wsdl")
        if self.wsdl is not None and self.namespace is not None:
            raise ValueError("the WSDL tells its namespace: remove the key")
        description = (
            _moved(describe(CONTRACTS[0]), self.namespace) if self.wsdl is None else original.describe(self.wsdl)
        )
        bound = {found.ours: found for found in bind(description, self.operations).values()}
        if "sms" not in bound:
            raise ValueError("no operation of the WSDL means sms: say under operations which one does")
        self._bound = description.namespace, bound["sms"], bound.get("balans")
        return self

    @property
    def namespace_spoken(self) -> str:
        """Of the elements that are sent."""
        return self._bound[0]

    @property
    def sms(self) -> Bound:
        """The operation that sends."""
        return self._bound[1]

    @property
    def balance(self) -> Bound | None:
        """The operation that tells the balance, where there is one."""
        return self._bound[2]


def _moved(description: Description, namespace: str | None) -> Description:
    """The same service under another namespace, which its actions begin with."""
    if namespace is None:
        return description
    operations = tuple(operation._replace(action=namespace + operation.name) for operation in description.operations)
    return description._replace(namespace=namespace, operations=operations)


class Served(NamedTuple):
    """A service as it is served: its path in lower case, its WSDL, and what can be called."""

    mount: str
    wsdl: bytes
    description: Description
    bound: Mapping[str, Bound]
    codec: Codec


class ServiceOptions(BaseModel):
    """A WSDL of the user's own to serve and to speak, and what its operations mean, by our names for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wsdl: Path | None = None
    operations: dict[str, Chosen] = Field(default_factory=dict)


class SoapOptions(ServiceOptions):
    """The keys under `faces.soap`; its own `wsdl` and `operations` are those of sendsms.asmx."""

    mms: ServiceOptions = ServiceOptions()
    forms: bool = False
    """Whether operations can be called by HTTP GET and POST, as `/sendsms/sendsms.asmx/sms?konto=…`."""
    time_zone: TimeZone = SWEDEN
    """The zone of times that are written without an offset."""

    _served: tuple[Served, ...] = PrivateAttr()

    @model_validator(mode="after")
    def _serve(self) -> Self:
        # Read here, so that whoever checks a configuration is told of its WSDL, too.
        options: tuple[ServiceOptions, ...] = (self, self.mms)
        self._served = tuple(_served(contract, said) for contract, said in zip(CONTRACTS, options, strict=True))
        return self

    @property
    def served(self) -> tuple[Served, ...]:
        """The services."""
        return self._served


def _served(contract: Contract, options: ServiceOptions) -> Served:
    if options.wsdl is None:
        if options.operations:
            raise ValueError(f"operations are bound to a WSDL of your own: name it, as wsdl, for {contract.mount}")
        wsdl, description = (wsdl_dir() / contract.wsdl).read_bytes(), describe(contract)
    else:
        wsdl, description = original.template(options.wsdl), original.describe(options.wsdl)
    bound = bind(description, options.operations)
    if not bound:
        names = ", ".join(operation.name for operation in description.operations)
        raise ValueError(f"{options.wsdl}: say under operations which is which of: {names}")
    return Served(contract.mount, wsdl, description, bound, Codec(description, bound))


def as_caller(options: SoapUpstreamOptions, credentials: Credentials) -> SoapUpstreamOptions:
    """The options with a caller's own credentials. Raises Unsupported where an envelope cannot carry them."""
    if not credentials.account:
        raise Unsupported("The caller has given no account, which this service asks for")
    return options.model_copy(update={"account": credentials.account, "key": credentials.key})
