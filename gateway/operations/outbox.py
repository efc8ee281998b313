"""Operations' hands on the outbox: what callers are still to be posted, and what was given up, to post or to forget."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

from gateway.clock import Clock, iso
from gateway.errors import Malformed, NotFound
from gateway.ids import Kind, public_id
from gateway.nearest import unknown
from gateway.operations.documents import at
from gateway.ports import Callback, GivenUp, Store

log = structlog.get_logger()

PAGE = 100
"""Posts that are changed in one transaction."""
_VERBS = ("retry", "drop")


class PostOrder(BaseModel):
    """What is to be done with which posts that were given up: one, all of a caller, or all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    post: int | None = None
    caller: str | None = None
    all: bool = False
    dry_run: bool = False


class OutboxDesk:
    """What a person, or a script of theirs, may ask and do while the gateway runs. Raises NotFound, Malformed, Busy."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def overview(self) -> dict[str, Any]:
        """Every caller with what waits for it, and what was given up."""
        boxes = await self._store.outboxes()
        return {"callers": [{**box._asdict(), "due": at(box.due)} for box in boxes]}

    async def listed(self, caller: str | None, after: int, limit: int) -> dict[str, Any]:
        """A page of what was given up; `next` is what to give as `after` for the following page."""
        found = await self._store.given_up(caller, after, limit)
        return {
            "posts": [_document(each) for each in found],
            "next": found[-1].post.key if len(found) == limit else None,
        }

    async def do(self, verb: str, order: PostOrder, peer: str) -> dict[str, Any]:
        """Post it again, or forget it; with `dry_run` only tell how much that would be."""
        if verb not in _VERBS:
            raise NotFound(unknown("verb", verb, list(_VERBS)))
        if sum((order.post is not None, order.caller is not None, order.all)) != 1:
            raise Malformed("Name one post, a caller, or all")
        posts = 0
        async for keys in self._pages(order):
            if order.dry_run:
                posts += len(keys)
            elif verb == "retry":
                posts += await self._store.retry_callbacks(keys, self._clock.now())
            else:
                posts += await self._store.drop_callbacks(keys)
        if order.post is not None and not posts:
            raise NotFound(f"No post {order.post} was given up")
        if not order.dry_run:
            log.warning("outbox.changed", action=verb, post=order.post, caller=order.caller, posts=posts, peer=peer)
        return {"action": verb, "dry_run": order.dry_run, "posts": posts}

    async def _pages(self, order: PostOrder) -> AsyncIterator[Sequence[int]]:
        after, limit = (0, PAGE) if order.post is None else (order.post - 1, 1)
        while found := await self._store.given_up(order.caller, after, limit):
            keys = [each.post.key for each in found]
            if order.post is not None:
                yield [key for key in keys if key == order.post]
                return
            yield keys
            after = keys[-1]


def _document(each: GivenUp) -> dict[str, Any]:
    """A post in a line: never the text, nor the URL, which may hold a password."""
    post = each.post
    told: dict[str, Any] = {"post": post.key, "since": iso(each.since), "attempts": post.attempts}
    if isinstance(post, Callback):
        message = public_id(Kind.MESSAGE, post.batch.created, post.message.number)
        return {**told, "caller": post.batch.caller, "kind": "report", "of": message, "code": post.entry.status.value}
    incoming = public_id(Kind.INCOMING, post.incoming.created, post.incoming.key)
    return {**told, "caller": post.incoming.caller, "kind": "incoming", "of": incoming, "code": None}
