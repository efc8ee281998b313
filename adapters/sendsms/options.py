"""What the configuration says of the HTTP GET face, under `faces.sendsms`, and of an upstream that speaks it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from adapters.sendsms import wire
from gateway.errors import Unsupported
from gateway.ports import Credentials
from gateway.schedule import SWEDEN, TimeZone
from gateway.urls import BaseUrl


def _charset(name: str) -> str:
    wire.decoder(name)
    return name


Charset = Annotated[str, AfterValidator(_charset)]
"""A charset that can be pinned."""


class SendSmsOptions(BaseModel):
    """How the queries of callers are read who say neither their charset nor their zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    charsets: Mapping[str, Charset] = Field(
        default_factory=dict,
        description="By account, as `acc` gives it: the charset of all its queries, where it must not be recognised",
    )
    scheduling: bool = Field(
        default=False,
        description="Whether `time` says when to send; otherwise it is passed over, as any name that is not documented",
    )
    time_zone: TimeZone = Field(SWEDEN, description="The zone of times without an offset, and of the status page")


class SendSmsUpstreamOptions(BaseModel):
    """One account behind the HTTP GET endpoint of a provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: BaseUrl = Field(description="The endpoint, as https://web.smscom.se/sendsms.aspx")
    account: Annotated[str, StringConstraints(pattern=r"^[!-~]+$")] = Field(
        description="The account, as ip1-12345, sent as `acc`"
    )
    key: SecretStr = Field(description="The account's API key, sent as `pass`", min_length=1)
    charset: Charset = Field(
        "utf-8",
        description="How the text is written, for a provider that expects an older charset; a text that it cannot hold"
        " is not sent",
    )


def as_caller(options: SendSmsUpstreamOptions, credentials: Credentials) -> SendSmsUpstreamOptions:
    """The options with a caller's own credentials. Raises Unsupported where a query cannot carry them."""
    if not credentials.account:
        raise Unsupported("The caller has given no account, which this endpoint asks for")
    return options.model_copy(update={"account": credentials.account, "key": credentials.key})
