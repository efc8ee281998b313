"""Both directions of the legacy vocabulary and the way into v2, against tables typed a second time."""

from enum import Enum

import pytest

from gateway import errors
from gateway.errors import Refused, SendError, Throttled, Unanswered, WrongKey
from gateway.status import Status
from gateway.translator import LEGACY, LegacyCode, status_of
from gateway.translator.vocabulary import Row, Vocabulary

# Typed from the provider's developer page (legacy codes and words; 55 and 60 from its REST API repository) and from
# the design's section 4 (the v2 status; None where a code answers the request and no message status is honest).
INWARD: list[tuple[int, str, int | None]] = [
    (0, "Delivered to gateway", 111),
    (1, "Gateway login failed", None),
    (2, "Invalid message content", 408),
    (3, "Invalid phone number format", 409),
    (4, "Insufficient funds", 402),
    (10, "Received by the gateway", 114),
    (11, "Delayed delivery", 102),
    (12, "Delayed delivery cancelled", 203),
    (21, "Delivered to the GSM network", 113),
    (22, "Delivered to the phone", 201),
    (30, "Insufficient funds", 402),
    (41, "Invalid message content", 408),
    (42, "Internal error", 500),
    (43, "Delivery failed", 202),
    (44, "Delivery failed", 502),
    (45, "Invalid phone number", 409),
    (50, "General delivery error", 515),
    (51, "Delivery to GSM network failed", 513),
    (52, "Delivery to phone failed", 514),
    (55, "Unknown", 599),
    (60, "Unknown", 599),
    (100, "Insufficient credits", 402),
    (101, "Wrong account credentials", None),
    (110, "Parameter error", 406),
]

# v2 -> legacy, from the design's section 4.
OUTWARD = {
    101: 10,
    102: 10,
    103: 10,
    104: 50,
    110: 10,
    111: 0,
    112: 0,
    113: 21,
    114: 10,
    201: 22,
    202: 43,
    203: 12,
    402: 30,
    403: 50,
    404: 41,
    405: 45,
    406: 50,
    407: 50,
    408: 41,
    409: 45,
    410: 45,
    500: 42,
    501: 45,
    502: 44,
    503: 21,
    511: 50,
    512: 51,
    513: 51,
    514: 52,
    515: 50,
    516: 42,
    599: 0,
}

# What a refused request answers, from the same section: wrong credentials 101, no funds 100, bad number 3, bad text 2,
# what no upstream can carry 50, anything else wrong with the parameters 110, our own fault 42.
REFUSALS = {
    "GatewayError": 42,
    "RequestError": 110,
    "Malformed": 110,
    "BadSender": 110,
    "BadContent": 2,
    "BadRecipient": 3,
    "Unauthenticated": 101,
    "Forbidden": 110,
    "NoFunds": 100,
    "NotCarried": 50,
    "NotFound": 110,
    "TooLate": 110,
    "KeyReused": 110,
    "MethodNotAllowed": 110,
    "UnsupportedMedia": 110,
    "TooLarge": 110,
    "Busy": 42,
    "Unconfirmed": 42,
    "Internal": 42,
    "SendError": 42,
    "Unreachable": 42,
    "Throttled": 42,
    "Unanswered": 42,
    "Refused": 42,
    "Misconfigured": 42,
    "WrongKey": 42,
    "Denied": 42,
    "Unsupported": 42,
}

NEITHER_NUMBER_NOR_DIGITS = [
    ("true", True),
    ("false, which equals 0", False),
    ("nothing", None),
    ("a float that equals a code", 22.0),
    ("a float", 22.5),
    ("empty text", ""),
    ("a blank before the digits", " 22"),
    ("a newline after the digits", "22\n"),
    ("a plus sign", "+22"),
    ("a minus sign", "-1"),
    ("a decimal point", "201.0"),
    ("an underscore, which int() would take", "2_01"),
    ("superscript digits", "²²"),
    ("Arabic-Indic digits", "٢٢"),
    ("a name", "DeliveredToHandset"),
    ("bytes", b"22"),
    ("a list", [22]),
    ("an object", {"code": 22}),
    ("more digits than int() reads", "9" * 5000),
    ("a number nobody can print", 10**5000),
    ("a negative number", -1),
]


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GatewayError)]


@pytest.mark.parametrize(("code", "words", "status"), INWARD, ids=[f"{row[0]} {row[1]}" for row in INWARD])
def test_a_legacy_code_says_what_the_provider_says(code: int, words: str, status: int | None) -> None:
    """Each code has the provider's words and the status the design gives it, whether it comes as number or digits."""
    row = LEGACY.rows[LegacyCode(code)]

    assert words == row.words == LEGACY.words(LegacyCode(code))
    assert status == (row.status.value if row.status else None)
    assert Status(status or 599) is LEGACY.to_status(code) is LEGACY.to_status(str(code))


def test_there_are_no_other_legacy_codes() -> None:
    """The vocabulary is the 22 codes of the page and the two that only the provider's repository knows."""
    assert [row[0] for row in INWARD] == [code.value for code in LegacyCode]
    assert len(INWARD) == 24


def test_four_codes_answer_the_request() -> None:
    """1, 100, 101 and 110 are never a message's status on the wire: they answer the request itself."""
    assert {row.code.value for row in LEGACY.rows.values() if row.answers_request} == {1, 100, 101, 110}


@pytest.mark.parametrize("status", Status, ids=lambda status: status.label)
def test_each_status_has_its_legacy_code(status: Status) -> None:
    """What a SOAP, GET or v1 caller is told of each of the 32 statuses."""
    assert LegacyCode(OUTWARD[status.value]) is LEGACY.from_status(status)


def test_a_waiting_message_is_delayed_while_its_window_is_in_the_future() -> None:
    """Accepted (held here) or Queued, with its window yet to open, is 11; no other status looks at the window."""
    changed = {status for status in Status if LEGACY.current(status, delayed=True) is not LEGACY.from_status(status)}

    assert changed == {Status.ACCEPTED, Status.QUEUED}
    assert {LEGACY.current(status, delayed=True) for status in changed} == {LegacyCode.DELAYED}
    assert {LEGACY.current(status, delayed=False) for status in changed} == {LegacyCode.RECEIVED}


def test_a_caller_is_never_told_a_code_that_answers_requests() -> None:
    """A message's status must not read as wrong credentials, no credits or a parameter error."""
    assert not {code.value for code in LEGACY.outward.values()} & {1, 100, 101, 110}


def test_the_group_survives_the_way_out_and_in_where_a_legacy_code_can_say_it() -> None:
    """Told to a legacy caller and read back, a status keeps its group, but for the seven that have no such code.

    The seven: Refunded; the sender's and the generic rejections (legacy has only the general error 50); the unknown
    subscriber (45, a bad number); SubscriberOffline and Unknown, told as still on their way.
    """
    lost = {status.value for status in Status if LEGACY.to_status(OUTWARD[status.value]).group is not status.group}

    assert lost == {104, 403, 406, 407, 501, 503, 599}


def test_success_is_never_made_up() -> None:
    """Only Delivered reads back as delivered, and only a final status reads back as final, but for Refunded."""
    back = {status: LEGACY.to_status(LEGACY.from_status(status).value) for status in Status}

    assert [status for status in Status if back[status].delivered] == [Status.DELIVERED_TO_HANDSET]
    assert {status.value for status in Status if back[status].final and not status.final} == {104}
    assert not [status for status in Status if status.final and not back[status].final]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_each_error_has_its_legacy_code(kind: type[errors.GatewayError]) -> None:
    """What a SOAP, GET or v1 caller is told when its request is refused."""
    assert LegacyCode(REFUSALS[kind.__name__]) is LEGACY.from_error(kind.__new__(kind))


def test_a_refusal_is_never_45() -> None:
    """45 is missing from a known client's code table, so that client would take it for the id of an SMS."""
    assert not [code for _, code in LEGACY.errors if code.value == 45]
    assert set(REFUSALS) == {kind.__name__ for kind in ERRORS}


@pytest.mark.parametrize("raw", [5, 23, 102, 201, 999, "5", "201", "99999"])
def test_an_undocumented_legacy_code_is_unknown(raw: object) -> None:
    """Unknown is a value: a number nobody documented becomes 599, never something that looks like progress."""
    assert LEGACY.code_of(raw) is None
    assert LEGACY.to_status(raw) is Status.UNKNOWN


@pytest.mark.parametrize(
    ("label", "raw"), NEITHER_NUMBER_NOR_DIGITS, ids=[case[0] for case in NEITHER_NUMBER_NOR_DIGITS]
)
def test_what_is_no_code_is_unknown_in_both_vocabularies(label: str, raw: object) -> None:
    """Whatever an upstream writes where a code belongs is read without an exception, and as Unknown."""
    assert LEGACY.code_of(raw) is None
    assert LEGACY.to_status(raw) is Status.UNKNOWN
    assert status_of(raw) is Status.UNKNOWN


@pytest.mark.parametrize("status", Status, ids=lambda status: status.label)
def test_v2_reads_its_own_codes(status: Status) -> None:
    """REST v2 prints a code as a number, and as text where it is the key of a summary."""
    assert status_of(status.value) is status
    assert status_of(str(status.value)) is status


@pytest.mark.parametrize("raw", [0, 1, 22, 100, 105, 200, 401, 504, 600, "22", "0201", "999"])
def test_an_undocumented_v2_code_is_unknown(raw: object) -> None:
    """A code outside the 32 becomes 599, also where the legacy vocabulary knows the number."""
    assert status_of(raw) is Status.UNKNOWN


class Answer(Enum):
    """A vocabulary of two codes."""

    YES = 1
    NO = 2


WHOLE = (Row(Answer.YES, "yes", Status.DELIVERED_TO_HANDSET), Row(Answer.NO, "no", Status.GENERIC_REJECTED))
INCOMPLETE = [
    ("a code is missing", WHOLE[:1], dict.fromkeys(Status, Answer.NO)),
    ("a code stands twice", (*WHOLE, WHOLE[0]), dict.fromkeys(Status, Answer.NO)),
    ("a status has no code", WHOLE, dict.fromkeys(list(Status)[1:], Answer.NO)),
]


@pytest.mark.parametrize(("label", "rows", "outward"), INCOMPLETE, ids=[case[0] for case in INCOMPLETE])
def test_an_incomplete_vocabulary_refuses_to_exist(
    label: str, rows: tuple[Row[Answer], ...], outward: dict[Status, Answer]
) -> None:
    """A gap in a table is found when the module is loaded, not when the code is needed."""
    with pytest.raises(ValueError, match="vocabulary answers is not total"):
        Vocabulary(name="answers", version="1", source="here", rows=rows, outward=outward, errors=())


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        ("0", None, None),
        ("1", Throttled, None),
        ("2", Refused, 408),
        ("3", Refused, 409),
        ("4", Refused, 402),
        ("10", None, None),
        ("11", None, None),
        ("12", Refused, 203),
        ("21", None, None),
        ("22", None, None),
        ("30", Refused, 402),
        ("41", Refused, 408),
        ("42", Refused, 500),
        ("43", Refused, 202),
        ("44", Refused, 502),
        ("45", Refused, 409),
        ("50", Refused, 515),
        ("51", Refused, 513),
        ("52", Refused, 514),
        ("55", Unanswered, 599),
        ("60", Unanswered, 599),
        ("100", Refused, 402),
        ("101", WrongKey, None),
        ("110", Refused, 406),
        ("-1", Unanswered, 599),
        ("99", Unanswered, 599),
        ("", Unanswered, 599),
        ("<html>", Unanswered, 599),
    ],
)
def test_a_code_in_the_place_of_an_id_decides(raw: str, kind: type[SendError] | None, status: int | None) -> None:
    """Every documented code that answers a request says what becomes of the message; any other answer says nothing."""
    error = LEGACY.refusal(raw)

    assert type(error) is (kind or type(None))
    if isinstance(error, (Refused, Unanswered)):
        assert error.status.value == status
    if isinstance(error, Refused):
        assert (error.raw_code, error.raw_text) == (raw, LEGACY.words(LegacyCode(int(raw))))
