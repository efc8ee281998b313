"""The sandbox as an upstream: answers at once, then tells the scripted story to whoever asks how it went."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.sandbox.script import never_answers, timeline
from gateway.errors import Unanswered
from gateway.model import Dispatch
from gateway.ports import Poll, Receipt, Receipts, Report
from gateway.status import Status


class SandboxOptions(BaseModel):
    """What the configuration of a sandbox says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(1, description="Another seed, other delays")
    pace: float = Field(1.0, ge=0, le=1000, description="2.0 is twice as slow, 0 is at once")
    balance: Annotated[str, StringConstraints(pattern=r"^-?\d{1,12}(\.\d{1,4})?$")] = "1000.00"
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "SEK"


PAUSE = 100
"""Milliseconds at least between two looks at a dispatch: one of 500 recipients has an event every other one."""


class Sandbox:
    """Plays a provider without a socket."""

    max_recipients = 500

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options

    def answer(self, dispatch: Dispatch) -> Receipts:
        """Take everything, unless all recipients are of the kind that never answers."""
        if all(never_answers(message) for message in dispatch.messages):
            raise Unanswered("The sandbox never answers for numbers ending in 599")
        return Receipts(
            f"sandbox-{dispatch.key}",
            tuple(Receipt(message.number, Status.QUEUED) for message in dispatch.messages),
            poll_after=0,
        )

    def poll(self, dispatch: Dispatch, now: int) -> Poll:
        """Everything that has happened by `now`; told again each time, for late and repeated reports change nothing."""
        content, sent_at = dispatch.batch.content, dispatch.sent_at or now
        reports: list[Report] = []
        ahead: list[int] = []
        for message in dispatch.messages:
            for at, status in timeline(message, content, self._options.seed, self._options.pace, sent_at):
                if at > now:
                    ahead.append(at)
                    break
                reports.append(Report(status, at, number=message.number, raw_code=str(status.value)))
        return Poll(tuple(reports), max(PAUSE, min(ahead) - now) if ahead else None)

    def balance(self) -> tuple[str, str]:
        """The configured balance."""
        return self._options.balance, self._options.currency
