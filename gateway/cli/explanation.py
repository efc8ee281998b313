"""Why a message goes where it goes: asked of the service, the router and the codecs themselves, so it cannot drift."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from gateway import registry, text
from gateway.acceptance import measured
from gateway.cli.history import message_document, not_found, print_statuses, stored
from gateway.cli.options import read_settings
from gateway.cli.output import ExitCode, fail, printable, say, show_json, show_table
from gateway.cli.request import leaving
from gateway.clock import SystemClock, iso
from gateway.commands import SubmitBatch
from gateway.conditions import Question as Asked
from gateway.conditions import Said
from gateway.config import Caller, Rule, Settings
from gateway.errors import BadRecipient, RequestError, Unauthenticated
from gateway.gathering import shareable
from gateway.ids import Kind, public_id
from gateway.limits import Limits
from gateway.model import Content, DataCoding, Dispatch, DispatchState, MessageType, Recipient
from gateway.msisdn import normalise
from gateway.nearest import unknown
from gateway.observe import Metrics
from gateway.rewriting import outgoing
from gateway.router import Router, share
from gateway.service import Service, Ways
from gateway.store import leading, open_store, queue
from gateway.store.db import Db
from gateway.store.inspect import find_message
from gateway.verdicts import Verdicts

Tried = list[tuple[Rule, str | None]]
"""The rules that were asked, each with its objection; the last one takes the message."""

_STRICT = "rest_v2"
"""The one face that takes senders and numbers only in the documented form; the older ones mend them first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A message that nobody sent."""

    face: str
    caller: str
    sender: str
    to: str
    text: str
    type: str


def of_question(config: Path | None, question: Question, *, as_json: bool) -> None:
    """Explain what would become of a message."""
    settings = read_settings(config)
    caller = _caller(settings, question.caller)
    faces = [adapter.name for adapter in registry.faces()]
    if question.face not in faces:
        raise typer.BadParameter(unknown("face", question.face, faces), param_hint="--face")
    try:
        dispatch, tried = asyncio.run(_rehearse(settings, caller, question))
    except RequestError as error:
        if as_json:
            show_json({"refused": error.detail})
        fail(ExitCode.FINDINGS, f"The gateway would refuse it: {error.detail}.")
    (message,), rule = dispatch.messages, tried[-1][0]
    rejected = rule.reject and f"Route {rule.name} rejects it as {rule.reject}: nothing is stored or sent."
    document = {
        "message": _message(dispatch),
        "hint": _hint(question, message.recipient),
        "routes": [{"route": rule.name, "takes": reason is None, "reason": reason} for rule, reason in tried],
        "then": rejected or _then(rule, caller.name, message.recipient),
        **({} if rejected else _upstream(settings, outgoing(dispatch), full=True) | _shares(settings, dispatch)),
    }
    _show(document, as_json=as_json)


def _caller(settings: Settings, name: str) -> Caller:
    for caller in settings.callers:
        if caller.name == name:
            return caller
    raise typer.BadParameter(
        unknown("caller", name, [caller.name for caller in settings.callers]), param_hint="--caller"
    )


def _then(rule: Rule, caller: str, recipient: str) -> str:
    """What the route does beside sending, in sentences."""
    weights = rule.to or {}
    told = []
    if len(weights) > 1:
        shares = ", ".join(f"{name} {weight}" for name, weight in weights.items())
        told.append(f"Of {shares}, this {rule.sticky} is always dealt {share(rule, caller, recipient)}.")
    if rule.hold:
        told.append("It waits until operations release it.")
    if rule.quiet is not None:
        told.append("It does not leave in the route's quiet hours.")
    if rule.fallback:
        told.append(f"Where the outcome is {' or '.join(rule.on)}, {', then '.join(rule.fallback)} gets it.")
    if rule.reply == "sent":
        told.append(f"The caller is answered with the upstream's word, or after {rule.within:g} s without it.")
    return " ".join(told)


async def _rehearse(settings: Settings, caller: Caller, question: Question) -> tuple[Dispatch, Tried]:
    """Submit it to the real service, over a store in memory that nobody dispatches from. Raises RequestError.

    A route that rejects, holds or waits is taken for one that sends, so that all there is can be shown.
    """
    if caller.faces is not None and question.face not in caller.faces:
        raise Unauthenticated(f"{caller.name} may only call {', '.join(caller.faces)}")
    number = normalise(question.to, caller.country)
    if number is None:
        raise BadRecipient("The recipient is not a phone number; write it with country code, as 46712345678")
    content = Content(sender=question.sender, body=question.text, type=MessageType(question.type))
    store = open_store("memory:")
    try:
        service = Service(
            store,
            Ways(
                Router([_sending(rule, next(iter(settings.upstreams))) for rule in settings.routes]),
                chunk=dict.fromkeys(settings.upstreams, 1),
                balances={},
                relays={},
            ),
            SystemClock(),
            wake=lambda _upstreams: None,
            metrics=Metrics(),
            verdicts=Verdicts(),
            limits=Limits(settings.only, (), SystemClock()),
        )
        command = SubmitBatch(content, (Recipient(number),), loose=question.face != _STRICT)
        # Which senders are registered is known to the running gateway alone.
        accepted = service.submit(command, caller.model_copy(update={"senders": "any"}), question.face)
        await accepted.durable
        due = accepted.batch.created
        (dispatch,) = [dispatch for name in settings.upstreams for dispatch in await store.lease(name, 1, due, due)]
        batch = accepted.batch
        asked = Asked(question.face, caller.name, caller.account, batch.content.sender)
        _, (segments,) = measured(batch.content, command.recipients)  # routes are asked before they rewrite
        said = Said(batch.content, segments, batch.created)
        return dispatch, Router(settings.routes).explain(asked, said, number)
    finally:
        await store.close()


def _sending(rule: Rule, upstream: str) -> Rule:
    return rule.model_copy(update={"hold": False, "reply": "stored", "reject": None, "to": rule.to or {upstream: 1}})


def _shares(settings: Settings, dispatch: Dispatch) -> dict[str, str]:
    """That it may leave with others, where that is so."""
    most = getattr(settings.upstreams[dispatch.upstream].options, "gather", 1)
    if most == 1 or not shareable(dispatch, dispatch.batch.created):
        return {}
    return {
        "note": f"Where more waits than there are connections, it may share its request with {most - 1} other messages."
    }


def _hint(question: Question, number: str) -> str | None:
    if question.to == number:
        return None
    if question.face == _STRICT:
        return f"Over {_STRICT} a client must write the number as {number}: it is not mended there."
    return f"The number was written {question.to}."


def _message(dispatch: Dispatch) -> dict[str, Any]:
    (message, *_), content = dispatch.messages, dispatch.batch.content
    coding = content.datacoding or DataCoding.GSM
    return {
        "face": dispatch.batch.face,
        "caller": dispatch.batch.caller,
        "sender": content.sender,
        "recipient": message.recipient,
        "type": content.type.value,
        "datacoding": coding.value,
        "units": text.length(content.body, coding),
        "segments": message.segments,
    }


def _upstream(settings: Settings, dispatch: Dispatch, *, full: bool) -> dict[str, Any]:
    upstream = settings.upstreams.get(dispatch.upstream)
    if upstream is None:
        note = "This configuration has no such upstream any more, so its request cannot be shown."
        return {"upstream": {"name": dispatch.upstream}, "request": None, "note": note, "outcome": None}
    return {
        "upstream": {"name": upstream.name, "adapter": upstream.adapter},
        **leaving(upstream, dispatch, settings.listen.public_url, full=full),
    }


def of_stored(config: Path | None, text_id: str, *, full: bool, as_json: bool) -> None:
    """Explain what became of a stored message."""
    settings = read_settings(config)
    with stored(settings.store) as db:
        found = find_message(db, text_id)
        dispatch = queue.dispatch_of(db, found[1].number) if found else None
        first, together = _party(db, dispatch) if dispatch else (None, 0)
    if found is None or dispatch is None or first is None:
        not_found(text_id)
        return
    batch, message, entries = found
    document = {
        "message": message_document(batch, message, entries, full=full),
        "dispatch": _dispatch(dispatch, first, together),
        **_upstream(settings, outgoing(dispatch._replace(messages=(message,))), full=full),
    }
    _show(document, as_json=as_json)


def _party(db: Db, dispatch: Dispatch) -> tuple[Dispatch, int]:
    """Under whose reference it leaves, and how many dispatches do."""
    first = dispatch if dispatch.leader is None else queue.dispatch_of(db, dispatch.leader) or dispatch
    return first, 1 + leading.followers(db, first.key)


def _dispatch(dispatch: Dispatch, first: Dispatch, together: int) -> dict[str, Any]:
    return {
        "reference": public_id(Kind.DISPATCH, first.batch.created, first.key),
        "together": together,
        "route": dispatch.route,
        "state": dispatch.state.name.lower(),
        "attempts": dispatch.attempts,
        "due": iso(dispatch.run_at) if dispatch.state <= DispatchState.POLLING else None,
        "sent": None if dispatch.sent_at is None else iso(dispatch.sent_at),
        "upstream_ref": dispatch.upstream_ref,
        "messages": len(dispatch.messages),
    }


def _show(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(document)
        return
    if "dispatch" in document:
        _print_stored(document["message"], document["dispatch"])
    else:
        _print_question(document["message"], document["hint"], document["routes"])
        if document["then"]:
            say(document["then"])
    if "upstream" in document:
        _print_upstream(document)


def _print_question(message: dict[str, Any], hint: str | None, routes: list[dict[str, Any]]) -> None:
    say("From {caller} over {face}: {type} from {sender} to {recipient}.".format(**message))
    if hint:
        say(hint)
    say("Data coding {datacoding}, length {units}, segments {segments}.".format(**message))
    show_table(
        ("Route", "Why"), ((row["route"], "takes it" if row["takes"] else f"not: {row['reason']}") for row in routes)
    )


def _print_stored(message: dict[str, Any], dispatch: dict[str, Any]) -> None:
    say("Message {number} ({id}): to {recipient}, from {caller} over {face}.".format(**message))
    say("Route {route}; its dispatch {reference} is {state} after attempts {attempts}.".format(**dispatch))
    for sentence, name in (
        ("Due at {due}.", "due"),
        ("Handed over at {sent}.", "sent"),
        ("The upstream calls it {upstream_ref}.", "upstream_ref"),
    ):
        if dispatch[name] is not None:
            say(printable(sentence.format(**dispatch)))
    if dispatch["together"] > 1:
        say(
            "It shares its request with single messages of others: {together} in all, under one reference.".format(
                **dispatch
            )
        )
    if dispatch["messages"] > 1:
        say("The request carries {messages} messages; only this one is shown below.".format(**dispatch))
    print_statuses(message["statuses"])


def _print_upstream(document: dict[str, Any]) -> None:
    upstream, request = document["upstream"], document["request"]
    say(f"Upstream {upstream['name']} (adapter {upstream.get('adapter', 'not known')}).")
    if document["note"]:
        say(document["note"])
    if document["outcome"]:
        show_table(
            ("After", "Status", "Meaning"),
            ((f"{row['seconds']:.1f} s", f"{row['code']} {row['name']}", row["words"]) for row in document["outcome"]),
            title="Its script for this message",
        )
    if request:
        say(f"\n{request['method']} {request['url']}")
        for name, value in request["headers"].items():
            say(f"{name}: {value}")
        body = request["body"]
        say("\n" + (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)))
