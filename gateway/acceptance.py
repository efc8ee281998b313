"""What makes a batch acceptable: its recipients, its sender, its text; and how it travels. Raises RequestError."""

from collections.abc import Mapping, Sequence

from gateway import text
from gateway.commands import SubmitBatch
from gateway.errors import BadContent, BadRecipient, BadSender, Malformed
from gateway.model import MAX_BODY, MAX_RECIPIENTS, Content, DataCoding, Recipient, Rewrite
from gateway.msisdn import normalise
from gateway.rewriting import measurable, rewritten
from gateway.sender import is_documented, shorten

MAX_SENDER = 32
"""Characters; the older faces pass on a number that is too long, but not a novel."""


def recipients_of(command: SubmitBatch, country: str) -> tuple[Recipient, ...]:
    """Whom it goes to, each once. From the older faces a national number gets `country`, its caller's."""
    if not command.recipients:
        raise BadRecipient("Name at least one recipient", {"recipients": ["Name at least one recipient"]})
    if len(command.recipients) > MAX_RECIPIENTS:
        sentence = f"A request may name at most {MAX_RECIPIENTS} recipients; split it"
        raise Malformed(sentence, {"recipients": [sentence]})
    recipients = command.recipients
    if command.loose:
        recipients = tuple([_normalised(recipient, country) for recipient in recipients])
    if len(recipients) == 1:
        return recipients
    unique: dict[str, Recipient] = {}
    for recipient in recipients:
        unique.setdefault(recipient.msisdn, recipient)
    return recipients if len(unique) == len(recipients) else tuple(unique.values())


def _normalised(recipient: Recipient, country: str) -> Recipient:
    msisdn = normalise(recipient.msisdn, country)
    if msisdn is None:
        sentence = "A recipient is not a phone number; write it with country code, as 46712345678"
        raise BadRecipient(sentence, {"recipients": [sentence]})
    return recipient if msisdn == recipient.msisdn else recipient._replace(msisdn=msisdn)


def checked(content: Content, *, loose: bool) -> Content:
    """The content, once it can be sent; a sender that is too long is cut where the older faces did so."""
    _check_body(content.body)
    sender = shorten(content.sender) if loose else content.sender
    if not 0 < len(sender) <= MAX_SENDER or not _sayable(sender) or not (loose or is_documented(sender)):
        sentence = "Give a number of at most 15 digits, or a name of 1 to 11 letters A-Z and digits"
        raise BadSender(sentence, {"sender": [sentence]})
    if "\0" in (content.reference or "") or any("\0" in tag for tag in content.tags):
        raise Malformed("A text may not hold NUL characters")
    return content if sender == content.sender else content._replace(sender=sender)


def _check_body(body: str) -> None:
    if not body or body.isspace():
        raise BadContent("The text is empty", {"body": ["The text is empty"]})
    if len(body) > MAX_BODY:
        sentence = f"The text is longer than {MAX_BODY} characters"
        raise BadContent(sentence, {"body": [sentence]})
    if not _sayable(body):
        sentence = "The text holds characters that cannot be sent (NUL or half a surrogate pair)"
        raise BadContent(sentence, {"body": [sentence]})


def _sayable(words: str) -> bool:
    if words.isascii():
        return "\0" not in words
    try:
        return b"\0" not in words.encode()
    except UnicodeEncodeError:
        return False


def _rendered(body: str, params: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    _check_arguments(params)
    rendered = text.render(body, params, defaults)
    _check_body(rendered)
    return rendered


def _check_arguments(arguments: Mapping[str, str]) -> None:
    # Judged one by one and before they are put together: a short text can ask for a megabyte a hundred times over.
    if any(len(value) > MAX_BODY for value in arguments.values()):
        raise BadContent("A template argument is too long", {"body": [f"Use at most {MAX_BODY} characters"]})


def measured(content: Content, recipients: Sequence[Recipient]) -> tuple[Content, tuple[int, ...]]:
    """The content with the coding it travels in, and the segments of each recipient's text."""
    if content.defaults is None:
        coding, parts = text.measure(content.body, content.datacoding)
        segments = (parts,) * len(recipients)
    else:
        _check_arguments(content.defaults)
        bodies = [_rendered(content.body, recipient.params, content.defaults) for recipient in recipients]
        found = [text.measure(body, content.datacoding) for body in bodies]
        # One coding for the whole batch, as its document shows: UCS-2 as soon as one recipient's text needs it.
        coding = DataCoding.UCS if any(each is DataCoding.UCS for each, _ in found) else DataCoding.GSM
        segments = tuple(
            parts if each is coding else text.segments(body, coding)
            for body, (each, parts) in zip(bodies, found, strict=True)
        )
    return (content if coding is content.datacoding else content._replace(datacoding=coding)), segments


def leaving(content: Content, recipients: Sequence[Recipient], rewrite: Rewrite) -> tuple[int, ...]:
    """The segments of each recipient's text as a route rewrites it: it may have become too long, or empty."""
    content = checked(rewritten(content, rewrite), loose=True)
    return measured(content, [measurable(recipient, rewrite) for recipient in recipients])[1]
