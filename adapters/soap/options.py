"""What the configuration says of the SOAP face, and the services that come of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from adapters.soap import original
from adapters.soap.binding import Bound, Chosen, bind
from adapters.soap.codec import Codec
from adapters.soap.contract import CONTRACTS, Contract, describe
from adapters.soap.description import Description
from gateway.paths import wsdl_dir
from gateway.schedule import SWEDEN, TimeZone


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
