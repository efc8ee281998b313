"""REST v2's codes are the inner vocabulary itself; only the unknown needs a rule."""

from gateway.status import Status

_BY_CODE: dict[int, Status] = {status.value: status for status in Status}
_BY_DIGITS = {str(status.value): status for status in Status}


def status_of(code: object) -> Status:
    """The status of a code as v2 prints it (number or digits); anything else is Unknown, the raw value to be kept."""
    if isinstance(code, str):
        return _BY_DIGITS.get(code, Status.UNKNOWN)
    return _BY_CODE.get(code, Status.UNKNOWN) if isinstance(code, int) else Status.UNKNOWN
