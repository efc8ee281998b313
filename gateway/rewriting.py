"""What a route changes of a message on its way out. The caller reads it as it was written."""

from collections.abc import Mapping

from gateway.model import Content, DataCoding, Dispatch, Recipient, Rewrite
from gateway.text import fits_gsm, template_to_gsm, to_gsm


def outgoing(dispatch: Dispatch) -> Dispatch:
    """The dispatch as its upstream gets it."""
    rewrite = dispatch.plan.rewrite
    if rewrite is None:
        return dispatch
    batch = dispatch.batch._replace(content=rewritten(dispatch.batch.content, rewrite))
    if not (rewrite.gsm and batch.content.templated):
        return dispatch._replace(batch=batch)
    messages = tuple(message._replace(params=_all_gsm(message.params)) for message in dispatch.messages)
    return dispatch._replace(batch=batch, messages=messages)


def rewritten(content: Content, rewrite: Rewrite) -> Content:
    """A content with another sender, with words in front of its text, in letters of the GSM alphabet alone."""
    body = rewrite.prefix + content.body
    coding = content.datacoding
    defaults = content.defaults
    if rewrite.gsm:
        body, coding = template_to_gsm(body) if content.templated else to_gsm(body), DataCoding.GSM
        defaults = None if defaults is None else _all_gsm(defaults)
    elif not fits_gsm(rewrite.prefix):
        coding = DataCoding.UCS
    return content._replace(sender=rewrite.sender or content.sender, body=body, datacoding=coding, defaults=defaults)


def measurable(recipient: Recipient, rewrite: Rewrite) -> Recipient:
    """A recipient with the arguments that leave for it."""
    return recipient._replace(params=_all_gsm(recipient.params)) if rewrite.gsm and recipient.params else recipient


def _all_gsm(arguments: Mapping[str, str]) -> dict[str, str]:
    return {name: to_gsm(value) for name, value in arguments.items()}
