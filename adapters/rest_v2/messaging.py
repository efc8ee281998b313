"""v2's addresses for batches and messages."""

import re

from adapters.rest_v2.documents import BatchDocument, MessageDocument
from adapters.rest_v2.exchange import Encoder, answer, listed, object_of, page_of
from adapters.rest_v2.wire import BatchRequest, accepted_document, batch_document, message_document, read_batch
from gateway.commands import (
    Accepted,
    BatchCanceled,
    BatchList,
    BatchStatus,
    CancelBatch,
    Command,
    GetBatch,
    GetBatchMessage,
    ListBatches,
    ListMessages,
    MessageList,
    MessageStatus,
    Result,
    SubmitBatch,
)
from gateway.idempotency import once_of
from gateway.ports import Call, Reply
from gateway.rest import Op, Route, route


def _submit(call: Call, _match: re.Match[str]) -> Command:
    return SubmitBatch(*read_batch(object_of(call)), once=once_of(call))


def _batches(call: Call, _match: re.Match[str]) -> Command:
    return ListBatches(page_of(call))


def _batch(_call: Call, match: re.Match[str]) -> Command:
    return GetBatch(match[1])


def _cancel(_call: Call, match: re.Match[str]) -> Command:
    return CancelBatch(match[1])


def _messages(call: Call, match: re.Match[str]) -> Command:
    return ListMessages(match[1], page_of(call))


def _message(_call: Call, match: re.Match[str]) -> Command:
    return GetBatchMessage(match[1], match[2])


ROUTES: tuple[Route, ...] = (
    route(
        "/v2/batches",
        GET=Op(_batches, "List the batches of the account", list[BatchDocument], paged=True),
        POST=Op(
            _submit,
            "Send a text to one or many recipients",
            BatchDocument,
            status=201,
            body=BatchRequest,
            refusals=(403, 413, 415, 422),
            headers={"Location": "Where the batch can be read"},
        ),
    ),
    route(
        "/v2/batches/{batch}",
        GET=Op(_batch, "Tell where a batch stands", BatchDocument, refusals=(404,)),
        DELETE=Op(_cancel, "Cancel what has not left of a batch", BatchDocument, refusals=(404, 409)),
    ),
    route(
        "/v2/batches/{batch}/messages",
        GET=Op(_messages, "List the messages of a batch", list[MessageDocument], paged=True, refusals=(404,)),
    ),
    route(
        "/v2/batches/{batch}/messages/{message}",
        GET=Op(_message, "Tell of a message, with its whole history", MessageDocument, refusals=(404,)),
    ),
)


def _accepted(result: Accepted, call: Call) -> Reply:
    document = accepted_document(result)
    return answer(document, 201, Location=f"{call.base}/v2/batches/{document['id']}")


def _standing(result: BatchStatus, _call: Call) -> Reply:
    return answer(batch_document(*result))


def _canceled(result: BatchCanceled, _call: Call) -> Reply:
    return answer(batch_document(*result.now))


def _batch_list(result: BatchList, call: Call) -> Reply:
    return listed([batch_document(*each) for each in result.batches], result.page, result.total, call)


def _message_list(result: MessageList, call: Call) -> Reply:
    documents = [message_document(result.batch, message, result.account) for message in result.messages]
    return listed(documents, result.page, result.batch.size, call)


def _message_status(result: MessageStatus, _call: Call) -> Reply:
    return answer(message_document(result.batch, result.message, result.account, result.history))


ENCODERS: dict[type[Result], Encoder] = {
    Accepted: _accepted,
    BatchStatus: _standing,
    BatchCanceled: _canceled,
    BatchList: _batch_list,
    MessageList: _message_list,
    MessageStatus: _message_status,
}
