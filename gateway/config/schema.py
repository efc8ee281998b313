"""The JSON Schema of the configuration, from which editors complete keys and mark mistakes as they are made.

It never refuses what is documented, but it says less than `sluss check`: it looks up no name and follows no reference.
A file that states its version is whole but for what lies in its conf.d; one that does not is a file of conf.d.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from gateway import registry
from gateway.config.sections import UpstreamSettings
from gateway.config.settings import Settings
from gateway.ports import Adapter

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_IN_CONF_D = ("callers", "upstreams", "routes")

_REFERENCE: Schema = {
    "$comment": "${NAME} is an environment variable, ${file:/path} the content of a file",
    "type": "string",
    "pattern": r"\$\{(?:[A-Za-z_][A-Za-z0-9_]*|file:/[^{}]*)\}",
}
_REFER: Schema = {"$ref": "#/$defs/reference"}
_NOTHING: Schema = {"type": "null"}

_OWN_MODULE: Schema = {"type": "string", "pattern": r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$"}

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_TELLING = ("description", "default", "examples")
"""Keywords that refuse nothing."""

_PASSED_OVER = ("title", "format", "writeOnly", "gt", "ge", "lt", "le")
"""What pydantic says and no editor needs: names of our own classes, formats that none knows, bounds of other types."""


def document() -> Schema:
    """The schema of a file, with the options of every adapter that comes with the gateway."""
    adapters = [registry.load(name) for name in registry.known()]
    whole, definitions = _of(Settings, "")
    definitions |= _upstreams([adapter for adapter in adapters if adapter.upstream or adapter.local])
    definitions |= _faces([adapter for adapter in adapters if adapter.face])
    _name_faces(definitions)
    sections = whole["properties"] | {name: {"$ref": f"#/$defs/{name}"} for name in ("upstreams", "faces")}
    return {
        "$schema": _DIALECT,
        "title": "Configuration of Sluss",
        "description": whole["description"],
        "type": "object",
        "properties": {name: _written(section) for name, section in sections.items()},
        "additionalProperties": False,
        "dependentRequired": {name: ["version"] for name in sections if name not in ("version", *_IN_CONF_D)},
        "$defs": {
            "reference": _REFERENCE,
            **{name: _written(definition) for name, definition in sorted(definitions.items())},
        },
    }


_UNWRITTEN = frozenset({"BaseModel", "FaceSettings", "UpstreamSettings"})
"""Sections whose keys are put together with an adapter's own."""


class _AsWritten(GenerateJsonSchema):
    """Tells a default only where it is kept as it is written: 30s is kept as the number 30.0."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        told = super().default_schema(schema)
        default = schema.get("default")
        if not (isinstance(default, str) or type(default) in (bool, int)):
            told.pop("default", None)
        return told


def _of(model: type[BaseModel], prefix: str) -> tuple[Schema, Schema]:
    """A model's schema and the definitions it refers to; adapters may call theirs alike, hence the prefix."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}", schema_generator=_AsWritten)
    definitions = {prefix + name: said for name, said in schema.pop("$defs", {}).items() if name not in _UNWRITTEN}
    for said in (schema, *definitions.values()):
        if "description" in said:
            said["description"] = said["description"].partition(". ")[0].removesuffix(".") + "."
    return schema, definitions


def _options(adapter: str, model: type[BaseModel] | None, kind: str) -> Schema:
    """The definition `ADAPTER.KIND` of an adapter's own keys, and those it refers to."""
    if model is None:
        return {f"{adapter}.{kind}": {"type": "object", "additionalProperties": False}}
    schema, definitions = _of(model, f"{adapter}.")
    return {**definitions, f"{adapter}.{kind}": schema}


def _upstreams(adapters: list[Adapter]) -> Schema:
    """The definition `upstreams`, and those of the adapters, whose keys stand beside the common ones."""
    schema, definitions = _of(UpstreamSettings, "")
    common = {name: said for name, said in schema["properties"].items() if name not in ("name", "options")}
    for adapter in adapters:
        definitions |= _options(adapter.name, adapter.options, "upstream")
        own = definitions[f"{adapter.name}.upstream"]
        # What the common keys hold is said once, in the definition that leads here.
        own["properties"] = {**dict.fromkeys(common, True), **own.get("properties", {})}
    common["adapter"] = {
        "description": "A protocol that comes with Sluss, or the module of an adapter of your own",
        "anyOf": [{"enum": [adapter.name for adapter in adapters]}, _OWN_MODULE],
    }
    definitions["upstream"] = {
        "description": schema["description"],
        "type": "object",
        "properties": common,
        "required": ["adapter"],
        "allOf": [_led_to(adapter.name) for adapter in adapters],
    }
    definitions["upstreams"] = {
        "description": "Providers, by the names that routes use",
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
        "additionalProperties": {"$ref": "#/$defs/upstream"},
    }
    return definitions


def _led_to(adapter: str) -> Schema:
    named = {"properties": {"adapter": {"const": adapter}}, "required": ["adapter"]}
    return {"if": named, "then": {"$ref": f"#/$defs/{adapter}.upstream"}}


def _faces(adapters: list[Adapter]) -> Schema:
    """The definition `faces`, and those of the faces' own keys."""
    definitions: Schema = {}
    for adapter in adapters:
        definitions |= _options(adapter.name, adapter.face_options, "face")
    definitions["faces"] = {
        "description": "What clients meet, by the name of the face",
        "type": "object",
        "properties": {adapter.name: {"$ref": f"#/$defs/{adapter.name}.face"} for adapter in adapters},
        "additionalProperties": False,
    }
    return definitions


def _name_faces(definitions: Schema) -> None:
    """Put the names of the faces where the configuration refuses any other."""
    face: Schema = {"enum": list(definitions["faces"]["properties"])}
    several: Schema = {"type": "array", "items": face, "minItems": 1}
    definitions["Caller"]["properties"]["faces"] = {
        "description": "Protocols that it may speak",
        "anyOf": [several, {"type": "null"}],
    }
    definitions["When"]["properties"]["face"] = {"description": "One or a list", "anyOf": [face, several]}


def _written(node: Any) -> Any:
    """A schema that also takes a reference wherever it takes a scalar."""
    if not isinstance(node, Mapping):
        return node
    told = {key: value for key, value in node.items() if key in _TELLING}
    said = {key: _inside(key, value) for key, value in node.items() if key not in _TELLING + _PASSED_OVER}
    if "patternProperties" in said:
        said.setdefault("additionalProperties", False)
    if "anyOf" in said:
        return _either(told, said)
    return {**told, "anyOf": [said, _REFER]} if _is_scalar(said) and not _is_any_text(said) else {**told, **said}


def _inside(key: str, value: Any) -> Any:
    match key:
        case "properties" | "patternProperties":
            return {name: _written(schema) for name, schema in value.items()}
        case "items" | "additionalProperties":
            return _written(value)
        case _:
            return value


def _either(told: Schema, said: Schema) -> Schema:
    """Alternatives, those within alternatives beside the others, with one reference for all scalars among them."""
    choices = [_written(choice) for choice in said["anyOf"]]
    bounds = {key: value for key, value in said.items() if key != "anyOf"}
    lone = [choice for choice in choices if choice != _NOTHING]
    if len(lone) == 1:
        told = {key: lone[0].pop(key) for key in _TELLING if key in lone[0]} | told
    flat = [inner for choice in choices for inner in (choice["anyOf"] if choice.keys() == {"anyOf"} else [choice])]
    refers = bool(bounds) or (_REFER in flat and not any(_is_any_text(choice) for choice in flat))
    flat = [{**choice, **bounds} if choice.get("type") == "string" else choice for choice in flat if choice != _REFER]
    return {**told, "anyOf": [*flat, _REFER] if refers else flat}


def _is_scalar(said: Schema) -> bool:
    """Whether a reference can stand for it: what must be a number to YAML, as a code, cannot be filled in."""
    if "enum" in said:
        return any(isinstance(value, str) for value in said["enum"])
    return said.get("type") in _SCALARS and "const" not in said


def _is_any_text(said: Schema) -> bool:
    return said.keys() - {*_TELLING} == {"type"} and said["type"] == "string"
