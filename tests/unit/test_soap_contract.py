"""What spyne declares, what the WSDL files say and what the adapter can compile are one and the same contract."""

import subprocess
import sys
from typing import Any

import pytest
from lxml import etree

from adapters.soap.contract import CONTRACTS, Contract, describe
from adapters.soap.spyne_compat import spyne_imports
from gateway import paths
from gateway.paths import wsdl_dir

with spyne_imports():
    from spyne import Integer, Service, Unicode, rpc


class _Numbers(Service):  # type: ignore[misc]
    @rpc(Integer, _returns=Unicode)  # type: ignore[untyped-decorator]
    def count(ctx: Any, many: int) -> str: ...  # type: ignore[empty-body]  # noqa: N805


class _Renamed(Service):  # type: ignore[misc]
    @rpc(Unicode, _returns=Unicode, _out_variable_name="x")  # type: ignore[untyped-decorator]
    def echo(ctx: Any, word: str) -> str: ...  # type: ignore[empty-body]  # noqa: N805


@pytest.mark.parametrize(("service", "reason"), [(_Numbers, "many is integer"), (_Renamed, "echoResult")])
def test_refuses_to_compile_what_a_lane_cannot_carry(service: Any, reason: str) -> None:
    """An operation that a lane would get wrong stops the start, not a message."""
    with pytest.raises(TypeError, match=reason):
        describe(Contract("/x.asmx", "x.wsdl", "X", "urn:x", service))


W = {"w": "http://schemas.xmlsoap.org/wsdl/", "s": "http://www.w3.org/2001/XMLSchema"}
WSDL11, WSDL12 = "http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/"


def wsdl_of(contract: Contract) -> Any:
    """A WSDL file, parsed."""
    return etree.fromstring((wsdl_dir() / contract.wsdl).read_bytes())


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.wsdl)
def test_the_wsdl_says_what_the_contract_says(contract: Contract) -> None:
    """Operations, parameter names, their order and their types are the same in the file and in spyne's declarations."""
    schema = wsdl_of(contract).find("w:types/s:schema", W)
    assert schema.get("targetNamespace") == contract.namespace
    assert schema.get("elementFormDefault") == "qualified"
    written = {
        element.get("name"): [
            (child.get("name"), child.get("type"), child.get("minOccurs"), child.get("maxOccurs"))
            for child in element.iterfind("s:complexType/s:sequence/s:element", W)
        ]
        for element in schema
    }
    declared: dict[str, list[tuple[str, str, str, str]]] = {}
    for name, descriptor in contract.service.public_methods.items():
        for element, message in ((name, descriptor.in_message), (f"{name}Response", descriptor.out_message)):
            declared[element] = [
                (member, f"s:{kind.get_type_name()}", "0", "1")
                for member, kind in message.get_flat_type_info(message).items()
            ]
    assert written == declared


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.wsdl)
def test_the_wsdl_has_the_shape_of_an_asmx(contract: Contract) -> None:
    """One document/literal binding per SOAP version, 1.1 first; parts named `parameters`, which nusoap looks for."""
    root = wsdl_of(contract)
    names = list(contract.service.public_methods)
    assert [operation.get("name") for operation in root.iterfind("w:portType/w:operation", W)] == names
    assert {part.get("name") for part in root.iterfind("w:message/w:part", W)} == {"parameters"}
    bindings = root.findall("w:binding", W)
    ports = root.findall("w:service/w:port", W)
    for binding, port, soap in zip(bindings, ports, (WSDL11, WSDL12), strict=True):
        assert port.get("binding") == f"tns:{binding.get('name')}"
        assert port.find(f"{{{soap}}}address").get("location") == "{{ADDRESS}}"
        operations = binding.findall(f"w:operation/{{{soap}}}operation", W)
        assert [operation.get("soapAction") for operation in operations] == [contract.namespace + n for n in names]
        assert {operation.get("style") for operation in operations} == {"document"}
        assert {body.get("use") for body in binding.iter(f"{{{soap}}}body")} == {"literal"}


@pytest.mark.parametrize(("contract", "service"), list(zip(CONTRACTS, ("SendSms", "Mms"), strict=True)))
def test_zeep_can_load_the_wsdl(contract: Contract, service: str) -> None:
    """A strict reader finds both ports and every operation."""
    import zeep

    client = zeep.Client(str(wsdl_dir() / contract.wsdl))
    names = sorted(contract.service.public_methods)
    for port in (f"{service}Soap", f"{service}Soap12"):
        assert sorted(client.bind(service, port)._operations) == names


def test_spyne_leaves_nothing_behind() -> None:
    """Importing the adapter warns of nothing, leaves no lent module and no importer that makes others warn later."""
    script = (
        "import sys, importlib.util, adapters.soap\n"
        "from adapters.soap.spyne_compat import spyne_imports\n"
        "with spyne_imports():\n"
        "    import spyne.protocol.soap\n"
        "assert all(type(finder).__module__ != 'spyne.util.six' for finder in sys.meta_path)\n"
        "assert ('cgi' in sys.modules) == (importlib.util.find_spec('cgi') is not None)\n"
        "try:\n"
        "    import a_module_that_is_missing\n"
        "except ModuleNotFoundError:\n"
        "    print('clean')\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("clean\n", "")


def test_a_wheel_finds_its_own_wsdl(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files inside the package come first; a checkout, which has none there, uses those beside it."""
    package = tmp_path / "gateway"
    package.mkdir()
    monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
    assert wsdl_dir() == tmp_path / "wsdl"
    (package / "_wsdl").mkdir()
    assert wsdl_dir() == package / "_wsdl"
