"""What the HTTP GET face reads from every client that was ever seen, and the very bytes it answers."""

from collections.abc import Iterator

import pytest
from builders import DONE
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.sendsms import ADAPTER
from adapters.sendsms.face import SendSmsFace
from adapters.sendsms.options import SendSmsOptions
from gateway.commands import Accepted, SubmitBatch
from gateway.errors import (
    BadContent,
    BadRecipient,
    BadSender,
    GatewayError,
    Internal,
    Malformed,
    MethodNotAllowed,
    NoFunds,
    Refused,
    RequestError,
    TooLarge,
    Unauthenticated,
)
from gateway.ids import FIRST_NUMBER
from gateway.model import Account, Batch, Content, MessageType, Priority, Window
from gateway.ports import Call, Credentials, Inbound
from gateway.status import Status
from gateway.translator import LegacyCode

FACE = SendSmsFace()
SCHEDULING = SendSmsFace(SendSmsOptions(scheduling=True))
LOGIN = "acc=ip1-12345&pass=key"
PHP = "acc=ip1-xxxx&pass=api-key&msg=Test+message+via+iP.1+HTTP+Request&from=iP1&to=4673055555&prio=1&type="
HEADERS = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "private"}
EIGHT = 1_777_615_200_000
"""2026-05-01T08:00 in Sweden, which is 06:00Z."""
GAP = 1_774_746_000_000
"""2026-03-29T03:00 in Sweden, 01:00Z: the first moment of that summer time."""


def inbound(query: str, method: str = "GET", body: bytes = b"", face: SendSmsFace = FACE) -> Inbound:
    """What the face makes of a call."""
    decoded = face.decode(Call(method, "/sendsms.aspx", query=query, body=body))
    assert isinstance(decoded, Inbound)
    return decoded


def submitted(query: str, method: str = "GET", body: bytes = b"", face: SendSmsFace = FACE) -> SubmitBatch:
    """The batch that a call submits."""
    command = inbound(query, method, body, face).command
    assert isinstance(command, SubmitBatch)
    return command


Read = tuple[str, str, str, str, list[str], Priority]
"""Account, key, text, sender, recipients, priority."""

CLIENTS = [
    pytest.param(
        "GET",
        PHP,
        PHP.encode(),
        ("ip1-xxxx", "api-key", "Test message via iP.1 HTTP Request", "iP1", ["4673055555"], Priority.NORMAL),
        id="the provider's PHP sample, which sends its GET with a body",
    ),
    pytest.param(
        "GET",
        "acc=ip1-12345&pass=key&msg=Bokning+%C3%A4ndrad+%E2%82%AC&from=Salong&to=46701234567&prio=1&type=",
        b"acc=ip1-12345&pass=key",
        ("ip1-12345", "key", "Bokning ändrad €", "Salong", ["46701234567"], Priority.NORMAL),
        id="SLN: the sample's order, UTF-8",
    ),
    pytest.param(
        "GET",
        "acc=ip1-12345&pass=key&msg=R%E4ksm%F6rg%E5s&to=46701234567&from=mysms&prio=2",
        b"",
        ("ip1-12345", "key", "Räksmörgås", "mysms", ["46701234567"], Priority.NORMAL),
        id="MYSMS of 2008: ISO-8859-1, no type",
    ),
    pytest.param(
        "GET",
        "msg=%C3%85%C3%84%C3%96+%C3%A9&acc=ip1-12345&pass=key&from=S%C3%A4nder&prio=3&to=%2B46706123456",
        b"",
        ("ip1-12345", "key", "ÅÄÖ é", "Sänder", ["+46706123456"], Priority.HIGH),
        id="PYSMS: text first, recipient last, a sender outside ASCII, urgent",
    ),
    pytest.param(
        "GET",
        "msg=Hej&acc=ip1-12345&pass=key&from=SUNET&prio=2&to=0706123456",
        b"",
        ("ip1-12345", "key", "Hej", "SUNET", ["0706123456"], Priority.NORMAL),
        id="PYSMS: a national number, left for the service to complete",
    ),
    pytest.param(
        "POST",
        "acc=ip1-12345&pass=key&msg=Incident%20created&to=46701234567&from=codeRR&prio=1",
        b'{"acc":"other","msg":"not this"}',
        ("ip1-12345", "key", "Incident created", "codeRR", ["46701234567"], Priority.NORMAL),
        id="early codeRR: POST with a JSON body, everything in the query",
    ),
    pytest.param(
        "HEAD",
        PHP,
        b"",
        ("ip1-xxxx", "api-key", "Test message via iP.1 HTTP Request", "iP1", ["4673055555"], Priority.NORMAL),
        id="any method: HEAD",
    ),
    pytest.param(
        "GET",
        "ACC=ip1-12345&Pass=key&MSG=Hej&From=iP1&TO=4670&Prio=1",
        b"",
        ("ip1-12345", "key", "Hej", "iP1", ["4670"], Priority.NORMAL),
        id="parameter names in any letter case, as ASP.NET reads them",
    ),
    pytest.param(
        "GET",
        "%61cc=ip1-12345&pass=k%26e%3Dy%2B&msg=Hej&from=iP1&to=4670&utm=x&&=",
        b"",
        ("ip1-12345", "k&e=y+", "Hej", "iP1", ["4670"], Priority.NORMAL),
        id="escaped names and delimiters are read, unknown and empty parameters are not",
    ),
]


def refusal(query: str) -> RequestError:
    """The error that a query is refused with, before or after its credentials were checked."""
    try:
        command = inbound(query).command
    except Unauthenticated as error:
        return error
    assert isinstance(command, RequestError)
    return command


@pytest.mark.parametrize(("method", "query", "body", "expected"), CLIENTS)
def test_reads_every_known_client(method: str, query: str, body: bytes, expected: Read) -> None:
    """Whatever order, method and charset a real client uses (reference section 4), its message is read whole."""
    account, key, text, sender, numbers, priority = expected
    result = inbound(query, method, body)
    assert result.credentials.account == account
    assert result.credentials.key.get_secret_value() == key
    command = result.command
    assert isinstance(command, SubmitBatch)
    assert command.content == Content(sender=sender, body=text, priority=priority)
    assert [recipient.msisdn for recipient in command.recipients] == numbers
    assert command.loose is True


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param("a+b%20c", "a b c", id="plus and %20 are both spaces"),
        pytest.param("1%2B1", "1+1", id="an escaped plus is a plus"),
        pytest.param("%F0%9F%98%80", "😀", id="UTF-8 outside the basic plane"),
        pytest.param("r\udcc3\udca4v", "räv", id="raw UTF-8 bytes, not percent-encoded"),
        pytest.param("r\udce4v", "räv", id="a raw Latin-1 byte"),
        pytest.param("\udcc3%A4", "ä", id="a character half raw, half percent-encoded"),
        pytest.param("räv", "räv", id="a query that was decoded before"),
        pytest.param("%80%201", "€ 1", id="0x80 is the euro sign of Windows-1252"),
        pytest.param("%E5%81", "å\x81", id="a byte that Windows-1252 leaves undefined is Latin-1's"),
        pytest.param("%u00e5%u20AC", "å€", id="classic ASP's escape()"),
        pytest.param("%uD83D%uDE00!", "😀!", id="a surrogate pair in classic ASP's escape()"),
        pytest.param("hej%uD83D", "hej\ufffd", id="half a surrogate pair does not cost the rest of the text"),
        pytest.param("%uDE00hej", "\ufffdhej", id="the other half neither"),
        pytest.param("%u00e5%C3%A4", "åä", id="%uXXXX beside UTF-8"),
        pytest.param("%u20AC%E4", "€ä", id="%uXXXX beside Latin-1"),
        pytest.param("%25u0041", "%u0041", id="an escaped percent sign starts no %uXXXX"),
        pytest.param("100%", "100%", id="a percent sign at the end is itself"),
        pytest.param("5%zz%4", "5%zz%4", id="malformed percent sequences are themselves"),
        pytest.param("%u12", "%u12", id="a short %u sequence is itself"),
        pytest.param("a=b=c", "a=b=c", id="only the first equals sign divides"),
        pytest.param("a;b", "a;b", id="a semicolon divides no parameters"),
        pytest.param("rad1%0D%0Arad2", "rad1\r\nrad2", id="line breaks stay"),
        pytest.param("%EF%BB%BFx", "\ufeffx", id="a byte order mark is a character of the text"),
        pytest.param("{name}", "{name}", id="curly brackets are no template here"),
    ],
)
def test_recovers_the_text(raw: str, text: str) -> None:
    """The text is what the client meant, whichever of the charsets and escapes of twenty years it used."""
    content = submitted(f"{LOGIN}&from=iP1&to=4670&msg={raw}").content
    assert (content.body, content.defaults) == (text, None)


def test_one_charset_for_the_whole_query() -> None:
    """A Latin-1 sender makes the text Latin-1 too, even where its bytes alone would pass for UTF-8."""
    content = submitted(f"{LOGIN}&msg=%C3%A4&from=S%E4nder&to=4670").content
    assert (content.body, content.sender) == ("Ã¤", "Sänder")


def test_unknown_parameters_do_not_decide_the_charset() -> None:
    """Bytes in a parameter that is not read change nothing."""
    assert submitted(f"{LOGIN}&msg=%C3%A4&from=iP1&to=4670&x=%E4").content.body == "ä"


@pytest.mark.parametrize(
    ("raw", "numbers"),
    [
        pytest.param("to=4670,4671", ["4670", "4671"], id="comma"),
        pytest.param("to=4670;4671", ["4670", "4671"], id="semicolon"),
        pytest.param("to=4670%2C+%2B4671%3B", ["4670", "+4671"], id="escaped separators, blanks, one at the end"),
        pytest.param("to=4670&TO=4671", ["4670", "4671"], id="a repeated parameter is joined, as ASP.NET does"),
        pytest.param("to=+4670", ["4670"], id="an unescaped plus is a blank and falls away"),
        pytest.param("to=", [], id="an empty recipient is left for the service to refuse"),
        pytest.param("to=,;+", [], id="separators alone name nobody"),
        pytest.param("", [], id="a missing recipient is left for the service to refuse"),
    ],
)
def test_reads_recipients(raw: str, numbers: list[str]) -> None:
    """`to` holds one number or several."""
    command = submitted(f"{LOGIN}&msg=x&from=iP1&{raw}")
    assert [recipient.msisdn for recipient in command.recipients] == numbers


@pytest.mark.parametrize(
    ("raw", "type_", "priority"),
    [
        pytest.param("", MessageType.SMS, Priority.NORMAL, id="neither type nor prio"),
        pytest.param("type=&prio=", MessageType.SMS, Priority.NORMAL, id="both empty"),
        pytest.param("type=sms&prio=1", MessageType.SMS, Priority.NORMAL, id="1 is group messages"),
        pytest.param("type=Flash&prio=2", MessageType.FLASH, Priority.NORMAL, id="2 is normal"),
        pytest.param("type=flash&prio=3+", MessageType.FLASH, Priority.HIGH, id="3 is urgent"),
        pytest.param("prio=&prio=3&prio=1", MessageType.SMS, Priority.HIGH, id="the first value that is not empty"),
    ],
)
def test_reads_type_and_prio(raw: str, type_: MessageType, priority: Priority) -> None:
    """The priorities are as PYSMS documents them; the types are inferred from REST v2."""
    content = submitted(f"{LOGIN}&msg=x&from=iP1&to=4670&{raw}").content
    assert (content.type, content.priority) == (type_, priority)


@pytest.mark.parametrize(
    ("raw", "opens"),
    [
        pytest.param("", None, id="no time is now"),
        pytest.param("time=", None, id="an empty time is now"),
        pytest.param("time=+", None, id="a blank time is now"),
        pytest.param("time=2026-05-01T08:00:00", EIGHT, id="ISO 8601, local"),
        pytest.param("time=2026-05-01T08%3A00", EIGHT, id="escaped, without seconds"),
        pytest.param("time=2026-05-01+08:00", EIGHT, id="a blank for the T"),
        pytest.param("Time=202605010800", EIGHT, id="digits, and a name in another letter case"),
        pytest.param("time=2026-05-01T06:00:00Z", EIGHT, id="UTC"),
        pytest.param("time=2026-05-01T09:00:00%2B03:00", EIGHT, id="an offset"),
        pytest.param("time=2026-05-01T09:00:00+03:00", EIGHT, id="an offset whose plus was not escaped"),
        pytest.param("time=&time=202605010800", EIGHT, id="the first value that is not empty"),
        pytest.param("time=2026-03-29T02:30", GAP, id="a local time that the clocks leave out is the end of the gap"),
        pytest.param("time=2001-01-01T00:00Z", 978_307_200_000, id="a time long past is told as it is"),
    ],
)
def test_reads_the_time(raw: str, opens: int | None) -> None:
    """`time` opens a window of seven days; its name and its forms are inferred, for no client was seen to schedule."""
    windows = submitted(f"{LOGIN}&msg=x&from=iP1&to=4670&{raw}", face=SCHEDULING).content.windows
    assert windows == (() if opens is None else (Window(opens, opens + 604_800_000),))


@pytest.mark.parametrize("time", ["soon", "2026-05-01", "202613010800", "999901010800", "%00"])
def test_a_time_that_cannot_be_read_is_refused(time: str) -> None:
    """A word, a date alone, the 13th month, a year too late, NUL: sending now would be the wrong guess."""
    asked = inbound(f"{LOGIN}&msg=a&from=a&to=4670&time={time}", face=SCHEDULING)
    assert isinstance(asked.command, Malformed)


@pytest.mark.parametrize("time", ["1777615200", "202605010800", "tomorrow", "%00", ""])
def test_a_time_says_nothing_unless_operations_let_it(time: str) -> None:
    """The endpoint had no such parameter: clients that add one, against caches say, still send at once."""
    content = submitted(f"{LOGIN}&msg=x&from=iP1&to=4670&time={time}").content
    assert content.windows == ()


def test_a_query_of_too_many_parameters_is_refused() -> None:
    """A thousand pairs are more than any client sends; what ASP.NET takes at most."""
    assert submitted(f"{LOGIN}&msg=x&from=iP1&to=4670{'&x=1' * 995}").content.body == "x"
    with pytest.raises(Malformed):
        inbound(f"{LOGIN}&msg=x&from=iP1&to=4670{'&x=1' * 996}")


def test_a_time_is_local_where_operations_say() -> None:
    """The same digits are another moment in another zone."""
    face = SendSmsFace(SendSmsOptions.model_validate({"scheduling": True, "time_zone": "America/New_York"}))
    content = submitted(f"{LOGIN}&msg=x&from=iP1&to=4670&time=202605010800", face=face).content
    assert content.windows == (Window(EIGHT + 6 * 3_600_000, EIGHT + 6 * 3_600_000 + 604_800_000),)


PINS = {
    "west": "iso-8859-1",
    "euro": "iso-8859-15",
    "poland": "windows-1250",
    "greece": "ISO-8859-7",
    "bulgaria": "cp1251",
    "strict": "utf-8",
    "windows": "Windows-1252",
}


@pytest.mark.parametrize(
    ("account", "raw", "text"),
    [
        pytest.param("west", "%C3%A4", "Ã¤", id="ISO-8859-1 is not mistaken for UTF-8"),
        pytest.param("west", "%80", "€", id="ISO-8859-1 is read as Windows-1252, as browsers do"),
        pytest.param("west", "%81", "\x81", id="a byte that Windows-1252 leaves undefined is Latin-1's"),
        pytest.param("windows", "%93%E5%94", "“å”", id="Windows-1252"),
        pytest.param("euro", "%A4+%E5", "€ å", id="ISO-8859-15 has the euro sign elsewhere"),
        pytest.param("poland", "za%BF%F3%B3%E6", "zażółć", id="Windows-1250"),
        pytest.param("poland", "%C3%B3%u00e5", "Ăłå", id="%uXXXX stays what it is"),
        pytest.param("poland", "\udcb3\udce6", "łć", id="raw bytes"),
        pytest.param("poland", "100%25+plus%2B", "100% plus+", id="ASCII is ASCII everywhere"),
        pytest.param("poland", "%81a", "\ufffda", id="a byte that the charset lacks is U+FFFD"),
        pytest.param("greece", "%CA%E1%EB%E7", "Καλη", id="ISO-8859-7, named in capitals"),
        pytest.param("bulgaria", "%C7%E4%F0", "Здр", id="Windows-1251 by Python's name of it"),
        pytest.param("strict", "%C3%A4", "ä", id="UTF-8"),
        pytest.param("strict", "r%E4v", "r\ufffdv", id="what is no UTF-8 is U+FFFD, not a guess"),
        pytest.param("other", "%C3%A4", "ä", id="another account is recognised: UTF-8"),
        pytest.param("other", "%E4", "ä", id="another account is recognised: Windows-1252"),
        pytest.param("West", "%C3%A4", "ä", id="an account in another letter case is another account"),
    ],
)
def test_a_pinned_charset_is_not_guessed(account: str, raw: str, text: str) -> None:
    """Where operations know a caller's charset, all its queries are read so, and nobody else's."""
    face = SendSmsFace(SendSmsOptions.model_validate({"charsets": PINS}))
    content = submitted(f"msg={raw}&from={raw}&to=4670&ACC={account}&pass=key", face=face).content
    assert (content.body, content.sender) == (text, text)


CHARSETS = ["utf-8", "UTF8", "latin1", "windows-1250", "windows-1254", "windows-1257", "cp1253"] + [
    f"iso-8859-{part}" for part in (1, 2, 3, 4, 5, 7, 9, 10, 13, 14, 15, 16)
]


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_of_europe_can_be_pinned(charset: str) -> None:
    """UTF-8 and the single-byte charsets of Europe, by whatever name Python knows; each reads ASCII as it is."""
    face = SendSmsFace(SendSmsOptions(charsets={"ip1-12345": charset}))
    assert submitted(f"{LOGIN}&msg=a%7E&from=iP1&to=4670", face=face).content.body == "a~"


@pytest.mark.parametrize(
    "charset",
    [
        "utf-16",
        "utf-7",
        "iso-8859-6",
        "windows-1255",
        "windows-874",
        "cp437",
        "ebcdic-cp-be",
        "hex",
        "rot13",
        "",
        "å",
        "a\0",
    ],
)
def test_another_charset_is_refused_with_a_sentence(charset: str) -> None:
    """What cannot be pinned is a mistake of the configuration, told with all that may be written."""
    with pytest.raises(ValidationError, match=r"write utf-8, iso-8859-1 \(or .*\) or windows-1252 \(or "):
        SendSmsOptions(charsets={"ip1-12345": charset})


def test_options_are_strict_and_need_not_be_given() -> None:
    """A misspelt option is refused; without any, nothing is pinned and times are Swedish."""
    assert SendSmsOptions() == SendSmsOptions.model_validate({"charsets": {}, "time_zone": "Europe/Stockholm"})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        SendSmsOptions.model_validate({"charset": {}})
    with pytest.raises(ValidationError, match="write a name of the tz database"):
        SendSmsOptions.model_validate({"time_zone": "Europe/Stokholm"})


def test_missing_text_and_sender_are_left_to_the_service() -> None:
    """Empty fields pass; the service has the words for them."""
    content = submitted(LOGIN).content
    assert (content.body, content.sender) == ("", "")


@pytest.mark.parametrize(
    ("query", "error", "answer"),
    [
        pytest.param("", Unauthenticated, b"101", id="an empty query has no account"),
        pytest.param("pass=key&msg=x&from=a&to=4670", Unauthenticated, b"101", id="no account"),
        pytest.param("acc=ip1-1&msg=x&from=a&to=4670", Unauthenticated, b"101", id="no key"),
        pytest.param("acc=&pass=key&msg=x", Unauthenticated, b"101", id="an empty account"),
        pytest.param("acc&pass&msg=x", Unauthenticated, b"101", id="names without values"),
        pytest.param(f"{LOGIN}&msg=a%00b&from=a&to=4670", BadContent, b"2", id="NUL in the text"),
        pytest.param(f"{LOGIN}&msg=a%u0000&from=a&to=4670", BadContent, b"2", id="NUL as %u0000"),
        pytest.param(f"{LOGIN}&msg=a&from=a%00&to=4670", Malformed, b"110", id="NUL in the sender"),
        pytest.param("acc=a%00&pass=key&msg=a&from=a&to=4670", Malformed, b"110", id="NUL in the account"),
        pytest.param(f"{LOGIN}&msg=a&from=a&to=4670%00", Malformed, b"110", id="NUL in the recipient"),
        pytest.param(f"{LOGIN}&msg=a&from=a&to=4670&type=mms", Malformed, b"110", id="an unknown type"),
        pytest.param(f"{LOGIN}&msg=a&from=a&to=4670&prio=00", Malformed, b"110", id="prio 00"),
        pytest.param(f"{LOGIN}&msg=a&from=a&to=4670&prio=4", Malformed, b"110", id="prio 4"),
        pytest.param(f"{LOGIN}&msg=a&from=a&to=4670&prio=high", Malformed, b"110", id="prio as a word"),
    ],
)
def test_refuses_with_the_bare_code(query: str, error: type[RequestError], answer: bytes) -> None:
    """What cannot be read is refused in the legacy codes, with HTTP 200; missing credentials before all else."""
    refused = refusal(query)
    assert type(refused) is error
    reply = FACE.refuse(refused, Call("GET", "/sendsms.aspx", query=query), None)
    assert (reply.status, reply.body, dict(reply.headers)) == (200, answer, HEADERS)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        pytest.param(Unauthenticated(), b"101", id="wrong credentials"),
        pytest.param(NoFunds(), b"100", id="no credits"),
        pytest.param(BadRecipient(), b"3", id="a bad or missing recipient"),
        pytest.param(BadContent(), b"2", id="a bad or missing text"),
        pytest.param(BadSender(), b"110", id="a bad or missing sender"),
        pytest.param(TooLarge(1), b"110", id="a body too large"),
        pytest.param(Internal(), b"42", id="our own fault"),
    ],
)
def test_refuses_what_the_service_refuses(error: GatewayError, answer: bytes) -> None:
    """The service's errors become the codes that clients know."""
    assert FACE.refuse(error, Call("GET", "/sendsms.aspx"), None).body == answer


def every_error() -> Iterator[GatewayError]:
    """One error of each class in the tree."""
    special = {
        MethodNotAllowed: MethodNotAllowed(["GET"]),
        TooLarge: TooLarge(1),
        Refused: Refused(Status.INTERNAL_ERROR, "9"),
    }
    kinds: list[type[GatewayError]] = [GatewayError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        yield special.get(kind) or kind()


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: type(error).__name__)
def test_every_error_is_one_bare_legacy_code(error: GatewayError) -> None:
    """Every error answers HTTP 200 and a code of the table, and never 45, which PYSMS takes for an id."""
    reply = FACE.refuse(error, Call("GET", "/sendsms.aspx"), None)
    assert reply.status == 200
    assert reply.body in {str(code.value).encode() for code in LegacyCode} - {b"45"}
    assert dict(reply.headers) == HEADERS


def test_answers_the_bare_id() -> None:
    """An accepted message answers its number and not one byte more: PYSMS compares without trimming."""
    question = inbound(PHP)
    command = submitted(PHP)
    batch = Batch(key=66666, created=0, account="a", caller="c", face="sendsms", size=1, content=command.content)
    result = Accepted(batch, command.recipients, (1,), Account("a", "Org", "SEK", "46"), DONE)
    reply = FACE.encode(result, question, Call("GET", "/sendsms.aspx", query=PHP))
    assert (reply.status, reply.body, dict(reply.headers)) == (200, b"66666", HEADERS)


def test_an_id_is_never_a_code() -> None:
    """Clients take every code of the table for a failure, so ids start above the largest."""
    assert max(code.value for code in LegacyCode) < FIRST_NUMBER


def test_adapter_declares_its_secret_and_its_end() -> None:
    """The key in the query string is masked in logs, and the endpoint was withdrawn on 2025-10-29."""
    assert (ADAPTER.name, ADAPTER.secrets, ADAPTER.deprecated) == ("sendsms", frozenset({"pass", "key"}), 1761696000)
    assert (ADAPTER.face, ADAPTER.face_options) == (SendSmsFace, SendSmsOptions)
    assert (FACE.mounts, FACE.max_body) == (("/sendsms.aspx", "/visastatus.aspx"), 1048576)


def test_the_key_is_not_shown() -> None:
    """Printing a decoded request shows no key."""
    question = inbound("acc=ip1-12345&pass=hemlig&msg=x&from=iP1&to=4670")
    assert isinstance(question.credentials, Credentials)
    assert "hemlig" not in repr(question)


QUERIES = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.lists(
        st.tuples(
            st.sampled_from(["acc", "pass", "msg", "from", "to", "prio", "type", "time", "X", ""]),
            st.text(alphabet="%u0D8+=;,\x00åaAfF3:-TZ\udcff", max_size=20),
        ),
        max_size=10,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in [("acc", "a"), ("pass", "b"), *pairs])),
)


PINNED_FACE = SendSmsFace(SendSmsOptions(charsets={"a": "windows-1257", "a,a": "utf-8"}))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(QUERIES, st.sampled_from([FACE, PINNED_FACE]))
def test_any_query_is_read_or_refused(query: str, face: SendSmsFace) -> None:
    """No query makes anything but a message or a RequestError, and every text read can be encoded."""
    try:
        command = inbound(query, face=face).command
    except Unauthenticated:
        return
    if isinstance(command, RequestError):
        assert FACE.refuse(command, Call("GET", "/sendsms.aspx"), None).body in (b"2", b"110")
        return
    assert isinstance(command, SubmitBatch)
    command.content.body.encode()
    command.content.sender.encode()
    assert "\0" not in command.content.body
