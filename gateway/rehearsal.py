"""Tries the configuration's own tests on its own routes."""

from collections.abc import Iterator

from gateway import registry
from gateway.acceptance import checked, leaving, measured
from gateway.clock import SystemClock
from gateway.conditions import Question, Said
from gateway.config import Rule, Settings
from gateway.config.trials import Given, Trial
from gateway.errors import RequestError
from gateway.limits import Limits
from gateway.model import Content, Recipient
from gateway.nearest import unknown
from gateway.router import Router, share


def failures(settings: Settings, now: int) -> list[str]:
    """One sentence for each test that does not come out as it says; `now` in milliseconds since 1970."""
    router = Router(settings.routes)
    limits = Limits(settings.only, (), SystemClock())
    accounts = {caller.name: caller.account for caller in settings.callers}
    faces = [adapter.name for adapter in registry.faces()] if settings.tests else []
    told = []
    for at, trial in enumerate(settings.tests):
        account = accounts.get(trial.given.caller)
        if account is None:
            told.append(f"tests.{at}: there is no caller {trial.given.caller}")
        elif trial.given.face not in faces:
            told.append(f"tests.{at}: {unknown('face', trial.given.face, faces)}")
        else:
            told += [f"tests.{at}: {sentence}" for sentence in _failures(router, limits, trial, account, now)]
    return told


def _failures(router: Router, limits: Limits, trial: Trial, account: str, now: int) -> Iterator[str]:
    given, expect = trial.given, trial.expect
    recipients = [Recipient(given.recipient)]
    try:
        said = _said(given, now)
        limits.check(given.caller, recipients)
        question = Question(given.face, given.caller, account, said.content.sender)
        tried = router.explain(question, said, given.recipient)
        rule = tried[-1][0]
        if rule.rewrite is not None:
            leaving(said.content, recipients, rule.rewrite.decided)
    except RequestError as error:
        yield f"the gateway would refuse it: {error.detail}"
        return
    if expect.route not in (None, rule.name):
        yield f"route {rule.name} takes it, not {expect.route}{_why(tried, expect.route)}"
        return
    upstream = share(rule, given.caller, given.recipient)
    if expect.upstream is not None and upstream != expect.upstream:
        yield f"it goes {_where(rule, upstream)}, not to {expect.upstream}"
    if expect.reject is not None and rule.reject != expect.reject:
        yield f"it goes {_where(rule, upstream)}, and is not rejected as {expect.reject}"


def _said(given: Given, now: int) -> Said:
    content = Content(given.sender, given.text, priority=given.priority, tags=tuple(sorted(given.tags)))
    content, (segments,) = measured(checked(content, loose=True), [Recipient(given.recipient)])
    return Said(content, segments, now if given.at is None else given.at)


def _why(tried: list[tuple[Rule, str | None]], wanted: str | None) -> str:
    reason = next((reason for rule, reason in tried if rule.name == wanted), None)
    return f", for {reason}" if reason else ", which is never asked"


def _where(rule: Rule, upstream: str | None) -> str:
    return f"to {upstream} by route {rule.name}" if upstream else f"nowhere by route {rule.name}"
