"""v2's addresses for conversations. Source: the provider's page "Conversations"; the summary's fields are inferred."""

import re
from urllib.parse import unquote

from adapters.rest_v2.documents import IncomingDocument, MessageDocument, SideDocument, SummaryDocument
from adapters.rest_v2.exchange import Encoder, answer, listed, page_of
from adapters.rest_v2.wire import incoming_document, message_document
from gateway.clock import iso
from gateway.commands import (
    Command,
    ConversationList,
    ConversationSummary,
    GetConversation,
    Result,
    SummariseConversation,
)
from gateway.model import Conversation, Incoming, Side
from gateway.ports import Call, Reply
from gateway.rest import Decoder, Op, Route, route

_Either = MessageDocument | IncomingDocument


def _side(side: Side) -> Decoder:
    def decode(call: Call, match: re.Match[str]) -> Command:
        return GetConversation(unquote(match[1], errors="replace"), side, page_of(call))

    return decode


def _summary(_call: Call, match: re.Match[str]) -> Command:
    return SummariseConversation(unquote(match[1], errors="replace"))


ROUTES: tuple[Route, ...] = (
    route(
        "/v2/conversations/{participant}",
        GET=Op(_side(Side.BOTH), "List what was said with somebody", list[_Either], paged=True),
    ),
    route(
        "/v2/conversations/{participant}/mt",
        GET=Op(_side(Side.MT), "List what was sent to somebody", list[MessageDocument], paged=True),
    ),
    route(
        "/v2/conversations/{participant}/mo",
        GET=Op(_side(Side.MO), "List what somebody sent", list[IncomingDocument], paged=True),
    ),
    route(
        "/v2/conversations/{participant}/summary",
        GET=Op(_summary, "Tell how much was said with somebody", SummaryDocument),
    ),
)


def _list(result: ConversationList, call: Call) -> Reply:
    documents = [
        incoming_document(entry)
        if isinstance(entry, Incoming)
        else message_document(entry.batch, entry.message, result.account)
        for entry in result.entries
    ]
    return listed(documents, result.page, result.total, call)


def _summarised(result: ConversationSummary, _call: Call) -> Reply:
    document: SummaryDocument = {
        "participant": result.participant,
        "mt": _said(result.mt),
        "mo": _said(result.mo),
    }
    return answer(document)


def _said(side: Conversation) -> SideDocument:
    first, latest = (None if moment is None else iso(moment) for moment in (side.first, side.latest))
    return {"messages": side.messages, "first": first, "latest": latest}


ENCODERS: dict[type[Result], Encoder] = {ConversationList: _list, ConversationSummary: _summarised}
