"""What a client may ask, and what each question is answered with. One frozen type per intent."""

from gateway.commands.messaging import (
    Accepted,
    AccountStatus,
    BatchCanceled,
    BatchList,
    BatchStatus,
    CancelBatch,
    GetAccount,
    GetBatch,
    GetBatchMessage,
    GetMessage,
    ListBatches,
    ListMessages,
    MessageList,
    MessageStatus,
    MessagingAnswer,
    MessagingInquiry,
    SubmitBatch,
)

Inquiry = MessagingInquiry
Command = SubmitBatch | Inquiry
Answer = MessagingAnswer
Result = Accepted | Answer

__all__ = [
    "Accepted",
    "AccountStatus",
    "Answer",
    "BatchCanceled",
    "BatchList",
    "BatchStatus",
    "CancelBatch",
    "Command",
    "GetAccount",
    "GetBatch",
    "GetBatchMessage",
    "GetMessage",
    "Inquiry",
    "ListBatches",
    "ListMessages",
    "MessageList",
    "MessageStatus",
    "Result",
    "SubmitBatch",
]
