"""The inner vocabulary, held against a second copy of the provider's page."""

import pytest

from gateway.status import Group, Status

# Typed from the provider's developer page, "RESTful SMS API 2.0 status codes": code, name, group, description.
# Four slips of its pen are mended, in 408, 409, 410 and 516.
PAGE = """\
101 | Accepted | Info | The message(s) has been accepted for processing
102 | Queued | Info | The message has been put a queue for sending
103 | Funded | Info | The message has been paid for and can be sent
104 | Refunded | Info | The message has been refunded i.e. its price has been returned to the account balance
110 | Sending | Info | The message is being sent
111 | DeliveredToGateway | Info | The message has been delivered to the next upstream gateway
112 | DeliveredToCarrier | Info | The message has been delivered to the carrier on which the subscriber belongs to
113 | DeliveredToGSM | Info | The message has been put on the GSM network
114 | QueuedAtGateway | Info | The message has been queued at the upstream gateway
201 | DeliveredToHandset | Success | The message has been delivered to the recipient in question
202 | Expired | Success | The expiry date has been exceeded before the message could be delivered
203 | Canceled | Success | Message was canceled by user
402 | InsufficientFunds | Rejection | The account sending SMS doesn't have enough funds to send the SMS
403 | SenderRejected | Rejection | The sender was rejected, given when the sender is considered fraudulent or sender\
 ownership hasn't been verified
404 | ContentRejected | Rejection | The message body contained content that is not allowed. Eg gambling, adult content,\
 etc.
405 | RecipientRejected | Rejection | The recipient is illegal
406 | GenericRejected | Rejection | The message was rejected for a reason other than the options above
407 | InvalidSender | Rejection | The message sender is invalid. Eg. Sender is too long, contains illegal\
 characters etc.
408 | InvalidContent | Rejection | Message content is invalid. Eg. illegal characters, is too long etc.
409 | InvalidRecipient | Rejection | Message recipient is invalid. Eg. Recipient is not a valid MSISDN
410 | MissingSmsSubscription | Rejection | The recipient does not have an SMS subscription and can therefore not\
 receive SMS
500 | InternalError | Error | An unrecognized error occurred
501 | UnknownSubscriber | Error | The network subscriber doesn't exist
502 | SubscriberUnreachable | Error | The network subscriber was not online and could therefore not receive the message
503 | SubscriberOffline | Error | The subscriber is currently offline, delivery will be retried once the subscriber is\
 back online
511 | DeliveryToGatewayFailed | Error | The message could not be handed over to the next upstream gateway
512 | DeliveryToCarrierFailed | Error | The message could not be handed over to the carrier
513 | DeliveryToGSMFailed | Error | The message could not be added to the GSM network
514 | DeliveryToHandsetFailed | Error | The message could not be handed over to the target handset
515 | GenericDeliveryFailure | Error | Generic Delivery Failure
516 | GatewayError | Error | An unrecognized error occurred at the gateway
599 | Unknown | Error | Message was delivered upstream but no Delivery Receipt has been received or a Delivery Receipt\
 that could not be interpreted was received"""

ROWS = [tuple(line.split(" | ")) for line in PAGE.splitlines()]

# Our three flags. Final: nothing follows. Retryable: the same message, sent anew later, may arrive.
NOT_FINAL = {101, 102, 103, 104, 110, 111, 112, 113, 114, 503, 599}
DELIVERED = {201}
RETRYABLE = {202, 402, 500, 502, 511, 512, 513, 514, 516}


@pytest.mark.parametrize(("code", "name", "group", "description"), ROWS, ids=[row[1] for row in ROWS])
def test_each_status_says_what_the_page_says(code: str, name: str, group: str, description: str) -> None:
    """Code, name, group and description are the provider's (its v2 status page)."""
    status = Status(int(code))

    assert (name, group, description) == (status.label, status.group.value, status.description)


def test_there_are_no_other_statuses() -> None:
    """The vocabulary is the page's 32 statuses in the page's order: 9 Info, 3 Success, 9 Rejection and 11 Error."""
    assert [int(row[0]) for row in ROWS] == [status.value for status in Status]
    assert {group: sum(status.group is group for status in Status) for group in Group} == {
        Group.INFO: 9,
        Group.SUCCESS: 3,
        Group.REJECTION: 9,
        Group.ERROR: 11,
    }


def test_final_is_everything_but_progress_offline_and_unknown() -> None:
    """Expired and Canceled end a message although their group is Success; SubscriberOffline and Unknown do not."""
    assert {status.value for status in Status if not status.final} == NOT_FINAL


def test_delivered_to_handset_alone_is_delivered() -> None:
    """A message that a gateway, a carrier or the GSM network took has not reached anybody yet."""
    assert {status.value for status in Status if status.delivered} == DELIVERED


def test_retryable_statuses_are_final_failures_that_may_pass() -> None:
    """Only what failed for a passing reason is worth sending anew; what still may arrive must not be sent twice."""
    assert {status.value for status in Status if status.retryable} == RETRYABLE
    assert not RETRYABLE & (NOT_FINAL | DELIVERED)


def test_of_reads_a_stored_code() -> None:
    """A stored row's code gives its status back, and any other number is an error of ours, not an Unknown."""
    assert Status.of(201) is Status.DELIVERED_TO_HANDSET
    with pytest.raises(KeyError):
        Status.of(200)
