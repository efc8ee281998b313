"""Adapters are found by name and imported when they are asked for."""

import sys
from types import ModuleType

import pytest
from pydantic import BaseModel, ConfigDict

from gateway import registry
from gateway.errors import ConfigError
from gateway.nearest import unknown
from gateway.ports import Adapter


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str


class _Lax(BaseModel):
    url: str


def _install(monkeypatch: pytest.MonkeyPatch, adapter: object) -> None:
    module = ModuleType("acme_sms.adapter")
    module.ADAPTER = adapter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_sms.adapter", module)


def _problem(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        registry.load(name)
    (problem,) = caught.value.problems
    return problem


def test_the_known_adapters_are_the_folders_of_the_package() -> None:
    """Each folder under adapters/ is an adapter, in the order of the alphabet."""
    assert registry.known() == ("http", "rest_v1", "rest_v2", "sandbox", "sendsms", "soap")


@pytest.mark.parametrize("name", ["http", "rest_v1", "rest_v2", "sandbox", "sendsms", "soap"])
def test_a_known_adapter_is_loaded_by_its_folder_and_bears_its_name(name: str) -> None:
    """The name in the configuration is the folder's and the adapter's own."""
    assert registry.load(name).name == name


def test_the_faces_are_the_known_adapters_that_clients_can_call() -> None:
    """The sandbox is an upstream only; the four protocols have a face each."""
    assert [adapter.name for adapter in registry.faces()] == ["rest_v1", "rest_v2", "sendsms", "soap"]


def test_a_dotted_name_is_a_module_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter outside the package needs no registration: its module's name is enough."""
    adapter = Adapter(name="acme", title="Acme", options=_Strict)
    _install(monkeypatch, adapter)

    assert registry.load("acme_sms.adapter") is adapter


def test_a_misspelt_adapter_is_told_with_the_nearest() -> None:
    """The sentence says what was probably meant."""
    assert _problem("rest_v3") == "unknown adapter 'rest_v3' (did you mean 'rest_v2'?)"


def test_a_name_like_nothing_is_told_with_the_whole_choice() -> None:
    """Where nothing is near, the few there are get listed."""
    assert _problem("smpp") == "unknown adapter 'smpp' (there is: http, rest_v1, rest_v2, sandbox, sendsms, soap)"


@pytest.mark.parametrize("name", [".rest_v2", "adapters/rest_v2", "", "acme sms.adapter"])
def test_what_is_no_name_is_never_imported(name: str) -> None:
    """Only a known name or a dotted one reaches the import system."""
    assert _problem(name).startswith("unknown adapter")


def test_a_module_that_is_not_installed_is_a_sentence() -> None:
    """A missing module is the user's to install: no trace."""
    assert _problem("acme_absent.adapter") == (
        "adapter 'acme_absent.adapter' cannot be imported: No module named 'acme_absent'"
    )


def test_a_module_without_an_adapter_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else called ADAPTER is not taken for one."""
    _install(monkeypatch, "an adapter")

    assert _problem("acme_sms.adapter") == ("module acme_sms.adapter exports no ADAPTER; see docs/ADDING_AN_ADAPTER.md")


def test_an_adapter_that_drops_unknown_options_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strictness holds for every adapter's options, also those of others."""
    _install(monkeypatch, Adapter(name="acme", title="Acme", options=_Lax))

    assert _problem("acme_sms.adapter") == "adapter 'acme_sms.adapter' must declare its options with extra='forbid'"


def test_a_secret_in_the_place_of_a_name_is_shown_only_where_it_resembles_a_name() -> None:
    """A key's hash in the place of a key's name is not repeated; a misspelt name is."""
    assert unknown("key", "hunter2", ["hash", "name"], secret=True) == "unknown key (there is: hash, name)"
    assert unknown("key", "hsah", ["hash", "name"], secret=True) == "unknown key 'hsah' (did you mean 'hash'?)"


def test_what_is_no_name_is_not_shown() -> None:
    """`token:hunter2` without a blank is a key to YAML and a secret to whoever wrote it."""
    assert unknown("key", "token:hunter2", []) == "unknown key (not shown, it is no name)"
