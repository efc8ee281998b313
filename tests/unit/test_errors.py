"""Errors carry the decision: a status, a sentence, and whatever the one who reads them must know."""

import inspect

import pytest

from gateway import errors
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    Busy,
    ConfigError,
    Denied,
    Forbidden,
    GatewayError,
    Internal,
    KeyReused,
    Malformed,
    MethodNotAllowed,
    Misconfigured,
    NoFunds,
    NotCarried,
    NotFound,
    Refused,
    RequestError,
    SendError,
    Throttled,
    TooLarge,
    TooLate,
    Unanswered,
    Unauthenticated,
    Unconfirmed,
    Unreachable,
    Unsupported,
    UnsupportedMedia,
    WrongKey,
)
from gateway.status import Status

# Every error that is raised, without a word of its own where it needs none: its status, and what a client is told.
RAISED: list[tuple[GatewayError, int, str]] = [
    (Malformed(), 406, "The request cannot be understood or breaks a documented rule"),
    (BadSender(), 407, "The sender is missing or neither a number nor a valid name"),
    (BadContent(), 408, "The text is missing, empty or too long"),
    (BadRecipient(), 409, "A recipient is missing or not a phone number"),
    (Unauthenticated(), 406, "The credentials are missing or wrong, or may not be used from here"),
    (Forbidden(), 406, "The account may not do this"),
    (NoFunds(), 402, "The account has no credits left"),
    (NotCarried("MMS is not carried here"), 515, "MMS is not carried here"),
    (NotFound(), 406, "There is nothing here"),
    (
        KeyReused(),
        406,
        "This Idempotency-Key was used for another request; give every request a key of its own",
    ),
    (
        TooLate(),
        406,
        "Nothing of this batch can be cancelled any more: all of it has left, or has come to its end",
    ),
    (MethodNotAllowed(["GET", "POST"]), 406, "Use GET or POST"),
    (UnsupportedMedia(), 406, "The Content-Type is missing or not one that is read here"),
    (TooLarge(1000), 406, "The request body is larger than 1000 bytes"),
    (
        Unconfirmed(),
        599,
        "The provider was asked and did not answer: it may have done this. Look before you ask again",
    ),
    (Busy(), 500, "The gateway cannot store the request now; nothing was kept, try again later"),
    (Internal(), 500, "Something went wrong in the gateway; its log says what"),
    (
        Unreachable(),
        511,
        "The request never left: refused, DNS, TLS or connect time-out. Safe to try again",
    ),
    (Throttled(), 511, "The upstream said that it takes no more for now"),
    (
        Unanswered(),
        599,
        "The request left and no usable answer came. It may have been sent: never tried again blindly",
    ),
    (Refused(Status.INVALID_SENDER, "50", "General delivery error"), 407, "General delivery error"),
    (
        Misconfigured(),
        500,
        "The upstream refuses the gateway itself (its credentials, the address): its queue is held, no message fails",
    ),
    (WrongKey(), 500, "The upstream refuses the credentials that it was shown"),
    (
        Denied(),
        406,
        "The upstream refuses the caller's own credentials. Final: they are not the gateway's to mend",
    ),
    (Unsupported(), 406, "This upstream's protocol cannot say what the message asks for. Final here"),
]


def drawn(kind: type[BaseException], before: str = "") -> list[str]:
    """The tree below a class, one line a class, as the module docstring draws it."""
    children = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    lines = []
    for child in children:
        last = child is children[-1]
        lines.append(f"{before}{'└─' if last else '├─'} {child.__name__}")
        lines += drawn(child, before + ("   " if last else "│  "))
    return lines


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """The error tree is reviewed like an interface, so the drawing must be the truth, order included."""
    paragraphs = inspect.cleandoc(errors.__doc__ or "").split("\n\n")

    assert paragraphs[1].splitlines() == ["GatewayError", *drawn(GatewayError), "ConfigError"]


def test_configuration_errors_stand_outside() -> None:
    """A ConfigError ends a start and must never be caught as the answer to a request; all its problems are kept."""
    error = ConfigError(["a.yaml:1: one", "a.yaml:2: two"])

    assert not isinstance(error, GatewayError)
    assert error.problems == ("a.yaml:1: one", "a.yaml:2: two")
    assert str(error) == "a.yaml:1: one\na.yaml:2: two"


@pytest.mark.parametrize(("error", "status", "detail"), RAISED, ids=[type(row[0]).__name__ for row in RAISED])
def test_each_error_says_a_sentence_and_has_a_status(error: GatewayError, status: int, detail: str) -> None:
    """What a message becomes that met the error, and the sentence that is safe to show a client."""
    assert Status(status) is error.status
    assert detail == error.detail


def test_no_error_that_is_raised_is_left_out() -> None:
    """The table above names every error but the three that only group others."""
    classes = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)}

    assert classes == {type(row[0]) for row in RAISED} | {GatewayError, RequestError, SendError}


@pytest.mark.parametrize("error", [row[0] for row in RAISED], ids=[type(row[0]).__name__ for row in RAISED])
def test_a_detail_is_for_clients(error: GatewayError) -> None:
    """It begins like a sentence, fits one line, and is not written in the code's own words."""
    assert error.detail[0].isupper()
    assert not set("`\n_") & set(error.detail)
    assert error.__doc__


def test_a_word_of_its_own_replaces_the_sentence() -> None:
    """Where the one who raises knows more, that is what the client is told."""
    assert BadContent("The text is empty").detail == "The text is empty"
    assert str(BadContent("The text is empty")) == "The text is empty"


def test_errors_carry_what_the_reader_needs() -> None:
    """Which fields are wrong, which methods are allowed, how large is too large, how long to wait, what was said."""
    assert Malformed("No", {"body": ["The text is empty"]}).fields == {"body": ["The text is empty"]}
    assert BadSender().fields == {}
    assert MethodNotAllowed(["GET", "POST"]).allow == ("GET", "POST")
    assert TooLarge(1000).limit == 1000
    assert Throttled(after=30).after == 30
    assert Throttled().after == 1.0


def test_a_refusal_keeps_the_upstreams_words() -> None:
    """The upstream's own code and text are kept verbatim; without a text the status describes itself."""
    refused = Refused(Status.GENERIC_REJECTED, "110")

    assert (refused.raw_code, refused.raw_text) == ("110", "")
    assert refused.detail == "The message was rejected for a reason other than the options above"
    assert GatewayError.status is Status.INTERNAL_ERROR
