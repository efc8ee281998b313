"""What a route changes of a message on its way out."""

import pytest
from builders import a_batch, a_content, a_dispatch, a_message
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import PLAIN, DataCoding, Plan, Rewrite
from gateway.rewriting import outgoing, rewritten
from gateway.text import fits_gsm, to_gsm

# ruff: noqa: RUF001 - letters that look like others are what this is about

LETTERS = [
    ("letters that GSM has stay", "åäö ÅÄÖ é €[]{}", "åäö ÅÄÖ é €[]{}"),
    ("Polish", "Zażółć gęślą jaźń", "Zazolc gesla jazn"),
    ("Czech, with what GSM has", "Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
    ("Turkish", "Işık ğüşiöç İ", "Isik güsiöc I"),
    ("Icelandic", "Þórður ð", "Thordur d"),
    ("what word processors make of quotes and dashes", "“a” ‘b’ – c — d…", "\"a\" 'b' - c - d..."),
    ("a blank that does not break", "a\u00a0b", "a b"),
    ("a ligature and a fraction", "ﬁ ½ №", "fi 1/2 No"),
    ("an emoji, one mark for each", "OK 👍", "OK ?"),
    ("Russian has no near letters", "Да", "??"),
    ("an accent of its own", "Cafe\u0301 o\u0301", "Café o"),
    ("a tab", "a\tb", "a b"),
]


@pytest.mark.parametrize(("label", "text", "gsm"), LETTERS, ids=[case[0] for case in LETTERS])
def test_the_nearest_letters(label: str, text: str, gsm: str) -> None:
    """A letter that a phone of old lacks becomes the one its reader would have written."""
    assert to_gsm(text) == gsm


@given(st.text())
def test_any_text_becomes_gsm(text: str) -> None:
    """Whatever was written can be sent in the GSM alphabet afterwards; what could already is not touched."""
    assert fits_gsm(to_gsm(text))
    assert to_gsm(to_gsm(text)) == to_gsm(text)


@pytest.mark.parametrize(
    ("label", "rewrite", "expected"),
    [
        ("another sender", Rewrite(sender="Alarm"), {"sender": "Alarm"}),
        ("words in front", Rewrite(prefix="[x] "), {"body": "[x] Dør ł"}),
        ("words in front that GSM lacks", Rewrite(prefix="→ "), {"body": "→ Dør ł", "datacoding": DataCoding.UCS}),
        ("letters of GSM", Rewrite(gsm=True), {"body": "Dør l", "datacoding": DataCoding.GSM}),
        (
            "all of it",
            Rewrite("Alarm", "→ ", gsm=True),
            {"sender": "Alarm", "body": "? Dør l", "datacoding": DataCoding.GSM},
        ),
    ],
)
def test_a_content_is_rewritten(label: str, rewrite: Rewrite, expected: dict[str, object]) -> None:
    """Sender, text and coding as the upstream gets them; all else stays."""
    content = a_content(body="Dør ł", datacoding=DataCoding.UCS, reference="order 7")

    assert rewritten(content, rewrite) == content._replace(**expected)


def test_a_template_is_rewritten_with_its_arguments() -> None:
    """What is filled in for each recipient, and by default, is in letters of GSM, too."""
    content = a_content(body="Cześć {name}", defaults={"name": "Łódź"})
    dispatch = a_dispatch(
        messages=(a_message(params={"name": "Żaneta"}),),
        batch=a_batch(content=content),
        plan=Plan(rewrite=Rewrite(gsm=True)),
    )

    sent = outgoing(dispatch)

    assert (sent.batch.content.body, sent.batch.content.defaults) == ("Czesc {name}", {"name": "Lodz"})
    assert sent.messages[0].params == {"name": "Zaneta"}


def test_the_names_of_arguments_are_no_letters_that_leave() -> None:
    """A placeholder still finds its argument, whatever it is called; a text without arguments is all letters."""
    template = a_content(body="Cześć {imię}, łódź", defaults={})

    assert rewritten(template, Rewrite(gsm=True)).body == "Czesc {imię}, lodz"
    assert rewritten(a_content(body="{imię}"), Rewrite(gsm=True)).body == "{imie}"


def test_a_plain_dispatch_leaves_as_it_is() -> None:
    """Without a rewriting nothing is copied."""
    dispatch = a_dispatch(plan=PLAIN)

    assert outgoing(dispatch) is dispatch
