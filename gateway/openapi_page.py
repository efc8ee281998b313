"""A page that shows an OpenAPI document to people: one file, without scripts and without anything from elsewhere."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from gateway.openapi import Document

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""A browser runs nothing from the page, loads nothing for it, and shows it in no other page."""

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f23;background:#fff}
code{font-family:ui-monospace,monospace;background:#f3f4f6;padding:.1em .3em;border-radius:.2em}
h3 code{background:none;padding:0}table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{border-bottom:1px solid #d8dee4;padding:.25rem .5rem;text-align:left;vertical-align:top}
details{margin:.25rem 0}.method{display:inline-block;min-width:4.5rem;font-weight:700}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code{background:#1c2128}td,th{border-color:#30363d}}
"""


def page(document: Document, address: str) -> bytes:
    """The page; `address` is where the document itself is."""
    info = document["info"]
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
        f'<p>For programs: <a href="{escape(address)}">OpenAPI 3.1</a>. Version {escape(info["version"])}.</p>',
    ]
    tag = None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                parts.append(f"<h2>{escape(tag)}</h2>")
            parts.extend(_operation(method, path, operation))
    parts.append("<h2>Documents</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.extend(_model(name, schema))
    parts.append("</body></html>")
    return "".join(parts).encode()


def _operation(method: str, path: str, operation: Document) -> Iterable[str]:
    yield f'<h3 id="{escape(operation["operationId"])}"><span class="method">{method.upper()}</span>'
    yield f"<code>{escape(path)}</code></h3><p>{escape(operation['summary'])}.</p>"
    if operation["parameters"]:
        rows = ((each["name"], each["in"], _words(each["schema"])) for each in operation["parameters"])
        yield _table(("parameter", "in", ""), rows)
    if "requestBody" in operation:
        yield f"<p>Body: {_words(operation['requestBody']['content']['application/json']['schema'])}</p>"
    rows = ((status, answer["description"], _answer(answer)) for status, answer in operation["responses"].items())
    yield _table(("status", "", "document"), rows)


def _answer(answer: Document) -> str:
    return ", ".join(_words(content["schema"]) for content in answer["content"].values())


def _model(name: str, schema: Document) -> Iterable[str]:
    yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3><p>{escape(schema.get("description", ""))}</p>'
    required = schema.get("required", ())
    yield _table(
        ("field", "", ""),
        (
            (field, _words(of), "required" if field in required else "")
            for field, of in schema.get("properties", {}).items()
        ),
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    # What `_words` made is HTML already; all else is our own words and names.
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _words(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_words(choice) for choice in choices)
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_words(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_words(schema['additionalProperties'])}"
    bounds = ", ".join(
        f"{word} {escape(str(schema[key]))}"
        for key, word in (
            ("pattern", "matching"),
            ("minLength", "at least"),
            ("maxLength", "at most"),
            ("minimum", "from"),
            ("maximum", "to"),
            ("default", "default"),
        )
        if key in schema
    )
    return escape(str(schema.get("type", "anything"))) + (f" ({bounds})" if bounds else "")
