"""What every upstream promises; an adapter adopts it by an entry in tests/cases/upstreams.py. See gateway/ports.py.

The examples are the same in every run: a failure is of the change that made it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import pytest
from builders import NOW, a_batch, a_content, a_dispatch, a_message
from cases.upstreams import Case
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from pydantic import BaseModel

from gateway.acceptance import checked, measured, recipients_of
from gateway.commands import SubmitBatch
from gateway.errors import RequestError, SendError, Unsupported
from gateway.model import Content, DataCoding, Dispatch, DispatchState, MessageType, Priority, Recipient, Window
from gateway.outcome import Backoff, failed
from gateway.ports import Adapter, Gathering, Reply, Upstream
from gateway.registry import load

BACKOFF = Backoff(first=1.0, most=60.0, give_up=3600.0)
STRANGER = "46799999999"
SIZES = (1, 2, 7)

bounded = settings(max_examples=150, derandomize=True, deadline=None)
"""So many examples, the same in every run, and no clock."""


class Subject:
    """An adapter under test, and its upstream as its case configures it; made when it is first looked at."""

    def __init__(self, name: str, case: Case) -> None:
        """Nothing is loaded yet."""
        self.name = name
        self.case = case

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter."""
        return load(self.name)

    @cached_property
    def options(self) -> BaseModel:
        """What the configuration says."""
        assert self.adapter.options is not None
        return self.adapter.options.model_validate(dict(self.case.options))

    @cached_property
    def upstream(self) -> Upstream:
        """The upstream."""
        assert self.adapter.upstream is not None
        return self.adapter.upstream(self.options)


def dispatch_of(content: Content, recipients: tuple[Recipient, ...], **over: Any) -> Dispatch:
    """A dispatch that carries all recipients."""
    messages = tuple(
        a_message(number=1001 + place, recipient=recipient.msisdn, params=recipient.params)
        for place, recipient in enumerate(recipients)
    )
    return a_dispatch(messages=messages, batch=a_batch(size=len(messages), content=content), **over)


def a_plain(size: int, **over: Any) -> Dispatch:
    """A dispatch of so many messages with one text."""
    return dispatch_of(a_content(), tuple(Recipient(str(46_700_000_001 + place)) for place in range(size)), **over)


# Whatever the service lets through.

LETTERS = st.one_of(
    st.sampled_from("aåäö€😀 \t\r\n\"'\\<>&+%=#;?{}/,.\x01\x85\u2028\ufffe"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
NAMES = st.sampled_from(["name", "n", "Åsa", "first name", "", "default", "email"])
BODIES = st.one_of(
    st.text(LETTERS, min_size=1, max_size=200),
    st.lists(st.one_of(NAMES.map(lambda name: f"{{{name}}}"), st.text(LETTERS, max_size=5)), max_size=8).map("".join),
    st.sampled_from(["x" * 2000, "€" * 161, "😀" * 2000]),
)
SENDERS = st.one_of(
    st.text(LETTERS, min_size=1, max_size=12),
    st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True),
    st.from_regex(r"[0-9A-Za-z]{1,11}", fullmatch=True),
)
ARGUMENTS = st.dictionaries(NAMES, st.text(LETTERS, max_size=9) | NAMES.map(lambda name: f"{{{name}}}"), max_size=3)
MOMENTS = st.none() | st.integers(0, 253_402_300_799_000)
CONTENTS = st.builds(
    Content,
    sender=SENDERS,
    body=BODIES,
    type=st.sampled_from(MessageType),
    datacoding=st.none() | st.sampled_from(DataCoding),
    priority=st.sampled_from(Priority),
    windows=st.lists(st.builds(Window, MOMENTS, MOMENTS), max_size=2).map(tuple),
    report_url=st.none() | st.just("https://erp.example/reports"),
    reference=st.none() | st.text(LETTERS, max_size=9),
    tags=st.lists(st.text(LETTERS, max_size=5), max_size=2).map(tuple),
    defaults=st.none() | ARGUMENTS,
)
RECIPIENTS = st.lists(
    st.builds(Recipient, st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True), ARGUMENTS), min_size=1, max_size=4
)


@st.composite
def accepted(draw: st.DrawFn) -> Dispatch:
    """A dispatch of what the service has accepted."""
    loose = draw(st.booleans())
    command = SubmitBatch(draw(CONTENTS), tuple(draw(RECIPIENTS)), loose=loose)
    try:
        recipients = recipients_of(command, "46")
        content, _ = measured(checked(command.content, loose=loose), recipients)
    except RequestError:
        reject()
    return dispatch_of(content, recipients)


# Whatever a provider answers.

STATUSES = st.sampled_from([200, 200, 200, 201, 100, 204, 302, 400, 401, 402, 403, 404, 408, 422, 429, 500, 503, 999])
HEADERS = st.sampled_from([{}, {"Retry-After": "7"}, {"retry-after": "-1"}, {"Retry-After": "soon"}])
PIECES = st.sampled_from(
    [
        *(
            b"",
            b"0",
            b"45",
            b"-1",
            b"9" * 30,
            b"1e999",
            b"null",
            b"true",
            b'"',
            b"[",
            b"]",
            b"{",
            b"}",
            b"<",
            b">",
            b"&",
        ),
        *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\\ud83d", b"\\u0000", STRANGER.encode()),
    ]
)
OTHERS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"<html>Welcome</html>", b"{}", b"[]", b"null", b"[" * 50_000, b"<a>" * 5000, b"7" * 5000]),
)


@st.composite
def spoiled(draw: st.DrawFn, bodies: tuple[bytes, ...]) -> bytes:
    """A good answer, or one that was cut, doubled, or had a piece put in the place of another."""
    body = draw(st.sampled_from(bodies))
    for _ in range(draw(st.integers(0, 3))):
        at, gone = draw(st.integers(0, len(body))), draw(st.sampled_from([0, 1, 2, 5, 12, 10_000]))
        body = body[:at] + draw(PIECES) + body[at + gone :]
    return body * draw(st.sampled_from([1, 1, 1, 2]))


def said(read: Callable[[], Any]) -> Any:
    """What an upstream makes of an answer: a value, or the SendError; any other exception breaks its promise."""
    try:
        return read()
    except SendError as error:
        assert error.detail  # noqa: PT017 - the error is what is looked at
        return error


def words(value: Any) -> str:
    """All that could be logged or stored of a value or an error."""
    return f"{value!r} {value} {vars(value) if isinstance(value, SendError) else ''}"


def check_storable(text: str | None) -> None:
    """What is kept of an answer is whole characters, which can be written as UTF-8."""
    assert text is None or text.encode("utf-8", "replace").decode() == text


class Handing:
    """A dispatch is handed over."""

    def test_one_call_carries_somebody(self, subject: Subject) -> None:
        """At least one recipient, and at most as many as the provider recommends."""
        assert 1 <= subject.upstream.max_recipients <= 500

    def test_what_is_shared_fits_into_one_call(self, subject: Subject) -> None:
        """An upstream whose requests may be shared says by how many messages: no more than one call carries."""
        most = subject.upstream.gather if isinstance(subject.upstream, Gathering) else 1

        assert 1 <= most <= subject.upstream.max_recipients

    @bounded
    @given(dispatch=accepted(), hook=st.sampled_from([None, "https://sms.example.org/hooks/main/x"]))
    def test_whatever_is_accepted_is_written_or_refused(
        self, subject: Subject, dispatch: Dispatch, hook: str | None
    ) -> None:
        """What the service lets through becomes the same request each time, or is Unsupported each time, and ends."""
        first, second = (said(lambda: subject.upstream.encode(dispatch, hook)) for _ in range(2))

        if isinstance(first, SendError):
            assert (type(first), type(second)) == (Unsupported, Unsupported)
            assert first.detail == second.detail
            assert failed(dispatch, first, NOW, BACKOFF)[1].state is DispatchState.FAILED
        else:
            assert first == second
            assert first.method in ("GET", "POST")
            assert first.path.startswith("https://")
            assert "?" not in first.path

    def test_more_than_a_call_may_carry_is_written_or_refused(self, subject: Subject) -> None:
        """A dispatch that was cut for another protocol, before the configuration changed, breaks nothing."""
        outcome = said(lambda: subject.upstream.encode(a_plain(subject.upstream.max_recipients + 1), None))

        assert isinstance(outcome, Unsupported) or outcome.path

    def test_the_key_stays_out_of_the_path(self, subject: Subject) -> None:
        """An address may be logged, so what a call authenticates with stands in its query, headers or body alone."""
        path = subject.upstream.encode(a_plain(1), None).path

        assert not [secret for secret in subject.case.secrets if secret in path]


class Answering:
    """The provider answers."""

    @pytest.mark.parametrize("size", SIZES)
    def test_a_good_answer_is_a_receipt_for_each(self, subject: Subject, size: int) -> None:
        """One receipt for each message of the dispatch, none of which has an end yet, and the upstream's own id."""
        dispatch = a_plain(min(size, subject.upstream.max_recipients))

        receipts = subject.upstream.decode(subject.case.taken(dispatch), dispatch)

        assert [receipt.number for receipt in receipts.receipts] == [message.number for message in dispatch.messages]
        assert not any(receipt.status.final for receipt in receipts.receipts)
        assert receipts.upstream_ref

    @bounded
    @given(data=st.data())
    def test_any_answer_is_receipts_or_an_error(self, subject: Subject, data: st.DataObject) -> None:
        """Whatever comes back: one receipt for each message and no other, or a SendError; all of it can be stored."""
        dispatch = a_plain(min(data.draw(st.sampled_from(SIZES)), subject.upstream.max_recipients))
        bodies = spoiled((subject.case.taken(dispatch).body,)) | OTHERS
        reply = Reply(data.draw(STATUSES), data.draw(bodies), CIMultiDict(data.draw(HEADERS)))

        outcome = said(lambda: subject.upstream.decode(reply, dispatch))

        if not isinstance(outcome, SendError):
            assert [receipt.number for receipt in outcome.receipts] == [message.number for message in dispatch.messages]
            for receipt in outcome.receipts:
                check_storable(receipt.raw_code)
                check_storable(receipt.raw_text)
            check_storable(outcome.upstream_ref)

    def test_nothing_is_no_success(self, subject: Subject) -> None:
        """An empty answer, and a page for people, are no word of the provider's."""
        for body in (b"", b"<html>Welcome</html>"):
            assert isinstance(said(lambda body=body: subject.upstream.decode(Reply(200, body), a_plain(1))), SendError)

    def test_a_key_that_is_repeated_shows_nowhere(self, subject: Subject) -> None:
        """A provider that turns a key away may repeat it; no error and no receipt of ours does."""
        for reply in subject.case.turned_away:
            outcome = said(lambda reply=reply: subject.upstream.decode(reply, a_plain(1)))

            assert isinstance(outcome, SendError)
            assert not [secret for secret in subject.case.secrets if secret in words(outcome)], reply.status


class Asking:
    """Some upstreams are asked how a dispatch went."""

    @pytest.mark.parametrize("size", SIZES)
    def test_who_says_when_to_ask_can_be_asked(self, subject: Subject, size: int) -> None:
        """Receipts name a time to ask exactly where there is a question; its path bears no secret."""
        dispatch = a_plain(min(size, subject.upstream.max_recipients))
        receipts = subject.upstream.decode(subject.case.taken(dispatch), dispatch)
        question = said(
            lambda: subject.upstream.ask(dispatch._replace(upstream_ref=receipts.upstream_ref, sent_at=NOW))
        )

        if subject.case.questions is None:
            assert receipts.poll_after is None
            assert isinstance(question, Unsupported)
        else:
            assert receipts.poll_after is not None
            assert receipts.poll_after > 0
            assert question.path.startswith("https://")
            assert not [secret for secret in subject.case.secrets if secret in question.path]

    def test_whom_nobody_named_is_not_asked_for(self, subject: Subject) -> None:
        """Without the upstream's id there is no question."""
        assert isinstance(said(lambda: subject.upstream.ask(a_plain(1, upstream_ref=None))), Unsupported)

    @pytest.mark.parametrize("size", SIZES)
    def test_what_is_told_is_what_the_answer_says(self, subject: Subject, size: int) -> None:
        """Each code moves each message to its own status and no further; it is asked again while there is no end."""
        for code, status in subject.case.questions.codes.items() if subject.case.questions else ():
            dispatch = a_plain(min(size, subject.upstream.max_recipients), sent_at=NOW)

            poll = subject.upstream.read(subject.case.questions.told(dispatch, code), dispatch, NOW)

            numbers = [message.number for message in dispatch.messages]
            assert [(report.number, report.status, report.raw_code) for report in poll.reports] == [
                (number, status, code) for number in numbers
            ]
            assert (poll.again is None) is status.final

    def test_what_is_told_of_others_is_nothing(self, subject: Subject) -> None:
        """An answer about somebody else's messages moves none of ours."""
        if subject.case.questions and subject.case.questions.named:
            strangers = dispatch_of(a_content(), (Recipient(STRANGER),))
            dispatch = a_plain(1, sent_at=NOW)

            poll = subject.upstream.read(subject.case.questions.told(strangers, "22"), dispatch, NOW)

            assert poll.reports == ()
            assert poll.again is not None

    @bounded
    @given(data=st.data())
    def test_any_answer_is_reports_or_an_error(self, subject: Subject, data: st.DataObject) -> None:
        """Whatever comes back: reports of the dispatch's own messages, at most one each, or a SendError."""
        size = min(data.draw(st.sampled_from(SIZES)), subject.upstream.max_recipients)
        dispatch = a_plain(size, upstream_ref="4711", sent_at=NOW)
        good = (
            subject.case.questions.told(dispatch, next(iter(subject.case.questions.codes)))
            if subject.case.questions
            else subject.case.taken(dispatch)
        )
        reply = Reply(data.draw(STATUSES), data.draw(spoiled((good.body,)) | OTHERS), CIMultiDict(data.draw(HEADERS)))

        outcome = said(lambda: subject.upstream.read(reply, dispatch, NOW))

        if not isinstance(outcome, SendError):
            told = [report.number for report in outcome.reports]
            assert len(set(told)) == len(told)
            assert set(told) <= {message.number for message in dispatch.messages}
            assert outcome.again is None or outcome.again > 0
            for report in outcome.reports:
                check_storable(report.raw_code)
                check_storable(report.raw_text)


class Balance:
    """Some upstreams tell what is left on the account."""

    def test_a_balance_is_asked_for_or_unsupported(self, subject: Subject) -> None:
        """The answer is read digit by digit; who has no balance says so before anything is sent."""
        question = said(subject.upstream.ask_balance)

        if subject.case.balance is None:
            assert isinstance(question, Unsupported)
        else:
            assert question.path.startswith("https://")
            assert subject.upstream.read_balance(subject.case.balance[0]) == subject.case.balance[1]

    @bounded
    @given(data=st.data())
    def test_any_answer_is_a_balance_or_an_error(self, subject: Subject, data: st.DataObject) -> None:
        """Whatever comes back: decimal digits and a currency, or a SendError."""
        bodies = (subject.case.balance[0] if subject.case.balance else subject.case.taken(a_plain(1))).body
        reply = Reply(data.draw(STATUSES), data.draw(spoiled((bodies,)) | OTHERS), CIMultiDict(data.draw(HEADERS)))

        outcome = said(lambda: subject.upstream.read_balance(reply))

        if not isinstance(outcome, SendError):
            amount, currency = outcome
            assert amount.replace(".", "", 1).removeprefix("-").isdecimal()
            check_storable(currency)


class Secrecy:
    """What an upstream knows stays with it."""

    def test_the_options_do_not_show_their_secrets(self, subject: Subject) -> None:
        """Neither the options nor the codec show a secret when they are printed."""
        shown = f"{subject.options!r} {subject.options} {subject.upstream!r} {subject.upstream}"

        assert not [secret for secret in subject.case.secrets if secret in shown]

    def test_every_secret_option_is_declared(self, subject: Subject) -> None:
        """The name of an option that holds a secret is one that is never logged."""
        bearing = {
            name
            for name, value in subject.case.options.items()
            if any(secret in str(value) for secret in subject.case.secrets)
        }

        assert bearing
        assert bearing <= subject.adapter.secrets


class UpstreamContract(Handing, Answering, Asking, Balance, Secrecy):
    """The whole contract."""
