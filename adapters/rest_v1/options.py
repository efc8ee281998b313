"""What the configuration of an upstream that speaks REST v1 says."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from gateway.errors import Unsupported
from gateway.ports import Credentials
from gateway.urls import BaseUrl

_ACCOUNT = r"^[!-9;-~]+$"


class RestV1Options(BaseModel):
    """One account of a v1 provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: BaseUrl = Field(description="The API's base, as https://api.ip1sms.com/api")
    account: Annotated[str, StringConstraints(pattern=_ACCOUNT)] = Field(
        description="The account, as ip1-12345: the name in HTTP Basic authentication"
    )
    key: SecretStr = Field(description="The account's API key: the password in HTTP Basic authentication", min_length=1)
    # The answer repeats the text for each recipient. So many texts of 2000 letters stay below the 1 MiB of an answer
    # that are read, even where each letter is written as \u00e5.
    max_recipients: int = Field(
        80,
        ge=1,
        le=500,
        description="Recipients per request; larger batches are split. More than 80 only where texts are short",
    )
    relay: bool = Field(False, description="Whether calls under /api that are not served here are passed on to it")


def as_caller(options: RestV1Options, credentials: Credentials) -> RestV1Options:
    """The options with a caller's own credentials. Raises Unsupported where HTTP Basic cannot carry them."""
    if not re.match(_ACCOUNT, credentials.account or ""):
        raise Unsupported("The caller's account cannot be the name in HTTP Basic authentication")
    return options.model_copy(update={"account": credentials.account, "key": credentials.key})
