"""A provider behind HTTP: what of its words is kept, and whose credentials it refuses."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from builders import FrozenClock, a_batch, a_content, a_dispatch
from pydantic import SecretStr

from adapters.rest_v2.upstream import RestV2Options, RestV2Upstream, as_caller
from gateway.config import UpstreamSettings
from gateway.errors import Denied, Misconfigured, Refused, SendError, Unsupported, WrongKey
from gateway.http import Http
from gateway.model import DataCoding, Dispatch, Plan, Rewrite
from gateway.ports import Call, Credentials, Receipts, Reply
from gateway.rewriting import outgoing
from gateway.sealing import Seal, new_seal_key
from gateway.upstreams import Inside, Remote

TOKEN = "the-token-of-the-provider"
OWN = Credentials("ip1-12345", SecretStr("the-key-of-the-caller"))
SEAL = Seal([SecretStr(new_seal_key())])


class Wire:
    """Answers every request the same, and keeps it."""

    def __init__(self, status: int, document: Any) -> None:
        """What is answered."""
        self.reply = Reply(status, json.dumps(document).encode())
        self.calls: list[Call] = []

    async def perform(self, call: Call, **_times: float) -> Reply:
        """As Http."""
        self.calls.append(call)
        return self.reply


def a_remote(wire: Wire) -> Remote:
    """A v2 provider that answers so."""
    options = RestV2Options.model_validate({"url": "https://api.example/v2", "token": TOKEN})
    settings = UpstreamSettings(name="main", adapter="rest_v2", options=options)

    def of_caller(credentials: Credentials) -> RestV2Upstream:
        return RestV2Upstream(as_caller(options, credentials))

    http = cast("Http", wire)
    return Remote(settings, RestV2Upstream(options), http, FrozenClock(), None, None, of_caller, SEAL)


@pytest.mark.parametrize(
    ("words", "sealed", "kept"),
    [
        ("No such sender", False, "No such sender"),
        (f"The key {TOKEN} may not use this sender", False, ""),
        ("The key the-key-of-the-caller may not use it", True, ""),
        ("The key the-key-of-the-caller may not use it", False, "The key the-key-of-the-caller may not use it"),
    ],
)
async def test_words_that_repeat_a_key_are_not_kept(words: str, kept: str, *, sealed: bool) -> None:
    """The gateway's own or the caller's that was used: the refusal stands, without its words."""
    remote = a_remote(Wire(400, {"detail": words}))

    with pytest.raises(Refused) as caught:
        await remote.send(a_dispatch(sealed=SEAL.close(OWN) if sealed else None))

    assert (caught.value.raw_code, caught.value.raw_text) == ("400", kept)


@pytest.mark.parametrize(
    ("status", "sealed", "kind"),
    [(401, False, WrongKey), (401, True, Denied), (404, False, Misconfigured), (404, True, Misconfigured)],
)
async def test_whose_credentials_are_refused(status: int, kind: type[SendError], *, sealed: bool) -> None:
    """A caller's own key that is wrong is the caller's; a wrong address is the gateway's, whoever's key it was."""
    wire = Wire(status, {})
    with pytest.raises(SendError) as caught:
        await a_remote(wire).send(a_dispatch(sealed=SEAL.close(OWN) if sealed else None))

    assert type(caught.value) is kind
    key = "the-key-of-the-caller" if sealed else TOKEN
    assert wire.calls[0].headers["Authorization"] == f"Bearer {key}"
    with pytest.raises(SendError) as caught:
        await a_remote(wire).balance(OWN if sealed else None)
    assert type(caught.value) is kind


HIDDEN = SEAL.hide("Your code is 4711")
SHOWN = a_content(body="Your code is ****", datacoding=DataCoding.GSM)


def a_hidden(**over: Any) -> Dispatch:
    """A dispatch whose text is hidden."""
    return a_dispatch(batch=a_batch(content=SHOWN), hidden=HIDDEN, **over)


async def test_the_text_that_leaves_is_the_hidden_one() -> None:
    """The provider gets it as the route rewrites it, and not what stands in its place."""
    wire = Wire(201, {"id": "5bcf5db8d3a47c0001e8f0a9", "status": 101})

    await a_remote(wire).send(a_hidden())
    await a_remote(wire).send(outgoing(a_hidden(plan=Plan(rewrite=Rewrite("Alarm", "[test] ")))))

    sent = [json.loads(call.body) for call in wire.calls]
    assert [(document["sender"], document["body"]) for document in sent] == [
        ("iP1", "Your code is 4711"),
        ("Alarm", "[test] Your code is 4711"),
    ]


async def test_a_text_that_no_key_opens_is_not_sent() -> None:
    """What stands in its place is sent even less; that is certain before anything leaves."""
    wire = Wire(201, {})
    remote = replace(a_remote(wire), seal=Seal([SecretStr(new_seal_key())]))

    with pytest.raises(Unsupported, match=r"sealing\.keys"):
        await remote.send(a_hidden())
    assert wire.calls == []


async def test_words_that_repeat_a_hidden_text_are_not_kept() -> None:
    """A provider that quotes what it refuses does not undo the hiding."""
    with pytest.raises(Refused) as caught:
        await a_remote(Wire(400, {"detail": "Spam: Your code is 4711"})).send(a_hidden())

    assert caught.value.raw_text == ""


async def test_an_upstream_inside_gets_the_hidden_text_too() -> None:
    """Whatever plays the provider plays it with the text that would leave."""
    taken: list[str] = []

    class Local:
        """Keeps the texts."""

        max_recipients = 1

        def answer(self, dispatch: Dispatch) -> Receipts:
            """As the port says."""
            taken.append(dispatch.batch.content.body)
            return Receipts(None, ())

    settings = UpstreamSettings(name="main", adapter="sandbox")
    await Inside(settings, cast("Any", Local()), FrozenClock(), SEAL).send(a_hidden())

    assert taken == ["Your code is 4711"]
