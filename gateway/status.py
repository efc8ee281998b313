"""The inner vocabulary: the 32 statuses of the provider's REST v2, and what each one means to us.

Source: the provider's developer page, "RESTful SMS API 2.0 status codes" (names, codes, groups and descriptions are
its own words, with four slips of the pen mended).
The three flags are ours, because the group does not tell them: Expired and Canceled stand in group Success, and
SubscriberOffline in group Error although its delivery is still being tried.
"""

from enum import Enum, StrEnum
from typing import Self, cast


class Group(StrEnum):
    """The provider's four groups, one per hundred."""

    INFO = "Info"
    SUCCESS = "Success"
    REJECTION = "Rejection"
    ERROR = "Error"


class Status(Enum):
    """One message status; the value is the provider's v2 code, and so is `code`, which is quicker to read.

    `final`: nothing follows it. `delivered`: the SMS reached the handset. `retryable`: sending the same message anew,
    later, may work.
    """

    code: int
    label: str
    group: Group
    description: str
    final: bool
    delivered: bool
    retryable: bool

    def __new__(cls, code: int, label: str, flags: str, description: str) -> Self:
        """Build one row; `flags` holds F for final, D for delivered and R for retryable."""
        row = object.__new__(cls)
        row._value_ = row.code = code
        row.label = label
        row.group = {1: Group.INFO, 2: Group.SUCCESS, 4: Group.REJECTION, 5: Group.ERROR}[code // 100]
        row.description = description
        row.final = "F" in flags
        row.delivered = "D" in flags
        row.retryable = "R" in flags
        return row

    @classmethod
    def of(cls, code: int) -> "Status":
        """The status of one of our own codes, as a stored row holds it. Raises KeyError for any other number."""
        return cast("Status", cls._value2member_map_[code])

    ACCEPTED = 101, "Accepted", "", "The message(s) has been accepted for processing"
    QUEUED = 102, "Queued", "", "The message has been put a queue for sending"
    FUNDED = 103, "Funded", "", "The message has been paid for and can be sent"
    REFUNDED = (
        104,
        "Refunded",
        "",
        ("The message has been refunded i.e. its price has been returned to the account balance"),
    )
    SENDING = 110, "Sending", "", "The message is being sent"
    DELIVERED_TO_GATEWAY = (
        111,
        "DeliveredToGateway",
        "",
        ("The message has been delivered to the next upstream gateway"),
    )
    DELIVERED_TO_CARRIER = (
        112,
        "DeliveredToCarrier",
        "",
        ("The message has been delivered to the carrier on which the subscriber belongs to"),
    )
    DELIVERED_TO_GSM = 113, "DeliveredToGSM", "", "The message has been put on the GSM network"
    QUEUED_AT_GATEWAY = 114, "QueuedAtGateway", "", "The message has been queued at the upstream gateway"

    DELIVERED_TO_HANDSET = (
        201,
        "DeliveredToHandset",
        "FD",
        ("The message has been delivered to the recipient in question"),
    )
    EXPIRED = 202, "Expired", "FR", "The expiry date has been exceeded before the message could be delivered"
    CANCELED = 203, "Canceled", "F", "Message was canceled by user"

    INSUFFICIENT_FUNDS = (
        402,
        "InsufficientFunds",
        "FR",
        ("The account sending SMS doesn't have enough funds to send the SMS"),
    )
    SENDER_REJECTED = (
        403,
        "SenderRejected",
        "F",
        (
            "The sender was rejected, given when the sender is considered fraudulent or sender ownership hasn't been"
            " verified"
        ),
    )
    CONTENT_REJECTED = (
        404,
        "ContentRejected",
        "F",
        ("The message body contained content that is not allowed. Eg gambling, adult content, etc."),
    )
    RECIPIENT_REJECTED = 405, "RecipientRejected", "F", "The recipient is illegal"
    GENERIC_REJECTED = (
        406,
        "GenericRejected",
        "F",
        ("The message was rejected for a reason other than the options above"),
    )
    INVALID_SENDER = (
        407,
        "InvalidSender",
        "F",
        ("The message sender is invalid. Eg. Sender is too long, contains illegal characters etc."),
    )
    INVALID_CONTENT = (
        408,
        "InvalidContent",
        "F",
        ("Message content is invalid. Eg. illegal characters, is too long etc."),
    )
    INVALID_RECIPIENT = (
        409,
        "InvalidRecipient",
        "F",
        ("Message recipient is invalid. Eg. Recipient is not a valid MSISDN"),
    )
    MISSING_SMS_SUBSCRIPTION = (
        410,
        "MissingSmsSubscription",
        "F",
        ("The recipient does not have an SMS subscription and can therefore not receive SMS"),
    )

    INTERNAL_ERROR = 500, "InternalError", "FR", "An unrecognized error occurred"
    UNKNOWN_SUBSCRIBER = 501, "UnknownSubscriber", "F", "The network subscriber doesn't exist"
    SUBSCRIBER_UNREACHABLE = (
        502,
        "SubscriberUnreachable",
        "FR",
        ("The network subscriber was not online and could therefore not receive the message"),
    )
    SUBSCRIBER_OFFLINE = (
        503,
        "SubscriberOffline",
        "",
        ("The subscriber is currently offline, delivery will be retried once the subscriber is back online"),
    )
    DELIVERY_TO_GATEWAY_FAILED = (
        511,
        "DeliveryToGatewayFailed",
        "FR",
        ("The message could not be handed over to the next upstream gateway"),
    )
    DELIVERY_TO_CARRIER_FAILED = (
        512,
        "DeliveryToCarrierFailed",
        "FR",
        ("The message could not be handed over to the carrier"),
    )
    DELIVERY_TO_GSM_FAILED = 513, "DeliveryToGSMFailed", "FR", "The message could not be added to the GSM network"
    DELIVERY_TO_HANDSET_FAILED = (
        514,
        "DeliveryToHandsetFailed",
        "FR",
        ("The message could not be handed over to the target handset"),
    )
    GENERIC_DELIVERY_FAILURE = 515, "GenericDeliveryFailure", "F", "Generic Delivery Failure"
    GATEWAY_ERROR = 516, "GatewayError", "FR", "An unrecognized error occurred at the gateway"
    UNKNOWN = (
        599,
        "Unknown",
        "",
        (
            "Message was delivered upstream but no Delivery Receipt has been received or a Delivery Receipt that could"
            " not be interpreted was received"
        ),
    )
