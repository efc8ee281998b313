"""What the configuration says of the HTTP GET face, under `faces.sendsms`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.sendsms import wire
from gateway.schedule import SWEDEN, TimeZone


def _charset(name: str) -> str:
    wire.decoder(name)
    return name


class SendSmsOptions(BaseModel):
    """How the queries of callers are read who say neither their charset nor their zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    charsets: Mapping[str, Annotated[str, AfterValidator(_charset)]] = Field(
        default_factory=dict,
        description="By account, as `acc` gives it: the charset of all its queries, where it must not be recognised",
    )
    scheduling: bool = Field(
        default=False,
        description="Whether `time` says when to send; otherwise it is passed over, as any name that is not documented",
    )
    time_zone: TimeZone = Field(SWEDEN, description="The zone of times without an offset, and of the status page")
