"""How the model looks in a row, and how rows become the model again."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.hours import Hours
from gateway.model import (
    PLAIN,
    Batch,
    Content,
    DataCoding,
    Message,
    MessageType,
    Plan,
    Priority,
    Rewrite,
    StatusEntry,
    UnknownPolicy,
    Window,
)
from gateway.status import Status

BATCH = "key, created, account, caller, face, size, content"
MESSAGE = "number, recipient, segments, code, modified, params, price, currency"
ENTRY = "code, created, raw_code, raw_text, upstream"


def content_to_json(content: Content) -> str:
    """A content as compact JSON; what is at its default is left out."""
    document: dict[str, Any] = {"sender": content.sender, "body": content.body}
    if content.type is not MessageType.SMS:
        document["type"] = content.type.value
    if content.datacoding is not None:
        document["datacoding"] = content.datacoding.value
    if content.priority is not Priority.NORMAL:
        document["priority"] = content.priority.value
    if content.windows:
        document["windows"] = [[window.opens, window.closes] for window in content.windows]
    if content.report_url is not None:
        document["report_url"] = content.report_url
    if content.reference is not None:
        document["reference"] = content.reference
    if content.tags:
        document["tags"] = content.tags
    if content.defaults is not None:
        document["defaults"] = dict(content.defaults)
    if content.secret:
        document["secret"] = True
    return orjson.dumps(document).decode()


def is_secret(text: str) -> bool:
    """Whether a content, as JSON, is shown with asterisks where a secret stands. In a text, such quotes are escaped."""
    return '"secret":true' in text


def content_from_json(text: str) -> Content:
    """The content that `content_to_json` wrote."""
    document: dict[str, Any] = orjson.loads(text)
    for name in document.keys() & _READ.keys():
        document[name] = _READ[name](document[name])
    return Content(**document)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "type": MessageType,
    "datacoding": DataCoding,
    "priority": Priority,
    "windows": lambda windows: tuple(Window(opens, closes) for opens, closes in windows),
    "tags": tuple,
}
"""What JSON has no word for, and what makes it out of what JSON says."""


def params_to_json(params: Mapping[str, str]) -> str | None:
    """A recipient's template arguments, None where it has none."""
    return orjson.dumps(dict(params)).decode() if params else None


def plan_to_json(plan: Plan) -> str | None:
    """A plan as compact JSON; None for the plain one."""
    if plan is PLAIN or plan == PLAIN:
        return None
    document = plan._asdict() | {
        "rewrite": plan.rewrite and list(plan.rewrite),
        "quiet": plan.quiet and list(plan.quiet),
    }
    return orjson.dumps(document).decode()


def plan_from_json(text: str | None) -> Plan:
    """The plan that `plan_to_json` wrote."""
    if text is None:
        return PLAIN
    document: dict[str, Any] = orjson.loads(text)
    rewrite, quiet = document["rewrite"], document.get("quiet")
    return Plan(
        fallback=tuple(document["fallback"]),
        on=tuple(document["on"]),
        unknown=UnknownPolicy(document["unknown"]),
        rewrite=None if rewrite is None else Rewrite(*rewrite),
        quiet=quiet and Hours(tuple(quiet[0]), tuple((first, last) for first, last in quiet[1]), quiet[2]),
    )


def batch_of(row: tuple[Any, ...]) -> Batch:
    """A batch from the columns of BATCH."""
    key, created, account, caller, face, size, content = row
    return Batch(
        key=key,
        created=created,
        account=account,
        caller=caller,
        face=face,
        size=size,
        content=content_from_json(content),
    )


def message_of(row: tuple[Any, ...]) -> Message:
    """A message from the columns of MESSAGE."""
    number, recipient, segments, code, modified, params, price, currency = row
    return Message(
        number=number,
        recipient=recipient,
        segments=segments,
        status=Status.of(code),
        modified=modified,
        params=orjson.loads(params) if params else {},
        price=price,
        currency=currency,
    )


def entry_of(row: tuple[Any, ...]) -> StatusEntry:
    """A step of a history from the columns of ENTRY."""
    code, created, raw_code, raw_text, upstream = row
    return StatusEntry(status=Status.of(code), created=created, raw_code=raw_code, raw_text=raw_text, upstream=upstream)
