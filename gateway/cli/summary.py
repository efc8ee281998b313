"""What a configuration amounts to: its callers, upstreams and routes, and all that is wrong with it. Never a key."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.cli.options import read_settings
from gateway.cli.output import ExitCode, fail, say, show_json, show_table
from gateway.clock import SystemClock
from gateway.config import Listen, Settings, UpstreamSettings, When, findings
from gateway.errors import ConfigError
from gateway.rehearsal import failures
from gateway.tls import identity_of


def check(path: Path | None, *, as_json: bool) -> ExitCode:
    """Print the summary; the exit code says whether it is fine, probably not meant, or invalid."""
    now = SystemClock().now()
    try:
        settings = read_settings(path)
        identity = settings.listen.tls and identity_of(settings.listen.tls, now)
    except ConfigError as error:
        if not as_json:
            raise
        show_json({"ok": False, "problems": list(error.problems), "findings": []})
        fail(ExitCode.USAGE)
    found = findings(settings) + failures(settings, now) + (identity.findings(now) if identity else [])
    if as_json:
        show_json({"ok": not found, "problems": [], "findings": found, **_document(settings)})
    else:
        _print(_document(settings), found)
    return ExitCode.FINDINGS if found else ExitCode.OK


def _document(settings: Settings) -> dict[str, Any]:
    return {
        "listen": _listen(settings.listen),
        "store": settings.store,
        "callers": [
            {
                "name": caller.name,
                "account": caller.account,
                "keys": len(caller.keys),
                "faces": None if caller.faces is None else list(caller.faces),
                "allow_from": [str(network) for network in caller.allow_from],
            }
            for caller in settings.callers
        ],
        "upstreams": [
            {
                "name": name,
                "adapter": upstream.adapter,
                "host": _host(upstream),
                "rate": upstream.rate,
                "gather": getattr(upstream.options, "gather", 1),
            }
            for name, upstream in settings.upstreams.items()
        ],
        "routes": [
            {
                "name": rule.name,
                "when": _when(rule.when),
                "to": rule.to,
                "fallback": list(rule.fallback),
                "hold": rule.hold,
                "reject": rule.reject,
            }
            for rule in settings.routes
        ],
        "tests": len(settings.tests),
    }


def _listen(listen: Listen) -> dict[str, str]:
    told = {name: "{}:{}".format(*getattr(listen, name)) for name in ("public", "internal")}
    if listen.tls is not None:
        told["tls"] = "{}:{}".format(*(listen.tls.address or listen.public))
    return told


def _sharing(most: int) -> str:
    return f"up to {most}" if most > 1 else "none"


def _host(upstream: UpstreamSettings) -> str | None:
    # The host alone: the rest of a URL may hold a secret.
    return urlsplit(str(getattr(upstream.options, "url", ""))).hostname


def _when(when: When) -> dict[str, list[str]]:
    asked = when.model_dump(mode="json", exclude_unset=True)
    told = {name: asked[name] for name, wanted in when if wanted and name in asked}
    return {
        name: [f"{key} {written}" for key, written in wanted.items()]
        if isinstance(wanted, dict)
        else sorted(map(str, wanted))
        for name, wanted in told.items()
    }


def _to(route: dict[str, Any]) -> str:
    if route["reject"]:
        return f"nowhere: rejected as {route['reject']}"
    weights = route["to"]
    share = [name if len(weights) == 1 else f"{name} ({weight})" for name, weight in weights.items()]
    then = "".join(f", then {name}" for name in route["fallback"])
    return f"{'held for ' if route['hold'] else ''}{', '.join(share)}{then}"


def _print(document: dict[str, Any], found: list[str]) -> None:
    say("Listens on {public} for clients and {internal} for operations.".format(**document["listen"]))
    if "tls" in document["listen"]:
        say(f"Speaks TLS on {document['listen']['tls']}.")
    say(f"Stores in {document['store']}.")
    show_table(
        ("Caller", "Account", "Keys", "Faces", "Allowed from"),
        (
            (
                row["name"],
                row["account"],
                row["keys"],
                "all" if row["faces"] is None else ", ".join(row["faces"]),
                ", ".join(row["allow_from"]) or "anywhere",
            )
            for row in document["callers"]
        ),
    )
    show_table(
        ("Upstream", "Adapter", "Host", "Messages per second", "Share a request"),
        (
            (row["name"], row["adapter"], row["host"], row["rate"] or "no limit", _sharing(row["gather"]))
            for row in document["upstreams"]
        ),
    )
    show_table(
        ("Route", "Takes", "To"),
        (
            (
                row["name"],
                "; ".join(f"{name} {' or '.join(wanted)}" for name, wanted in row["when"].items()) or "everything else",
                _to(row),
            )
            for row in document["routes"]
        ),
    )
    for finding in found:
        say(f"Finding: {finding}")
    if document["tests"]:
        say(f"Tests of its own: {document['tests']}.")
    if not found:
        say("No problem found.")
