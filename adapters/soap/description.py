"""What a SOAP service offers, as its codec, its pages and its forms need to know it."""

from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter of an operation: the name of its element, and its XML Schema type without a prefix."""

    name: str
    type: str = "string"
    many: str = ""
    """The name of the elements in a list (`string` of an ArrayOfString); empty for a single value."""


class Operation(NamedTuple):
    """An operation as clients see it. `result` names the element that holds its answer."""

    name: str
    parameters: tuple[Parameter, ...]
    action: str
    result: str
    result_type: str = "string"
    note: str = ""
    """What people read about it on the help page."""

    @property
    def spellings(self) -> dict[str, str]:
        """The parameters' names by themselves and in lower case; two names may differ in letter case alone."""
        lowered = {parameter.name.lower(): parameter.name for parameter in reversed(self.parameters)}
        return lowered | {parameter.name: parameter.name for parameter in self.parameters}

    @property
    def response(self) -> str:
        """The name of the element around the result."""
        return f"{self.name}Response"


class Description(NamedTuple):
    """A service: its name, the namespace of its elements, its operations in the order of the WSDL."""

    title: str
    namespace: str
    operations: tuple[Operation, ...]
    soap_12: bool = True
    """Whether the WSDL offers a SOAP 1.2 port beside the one for 1.1."""
