"""Who gives an order: the user of this machine whose connection it is, as the kernel tells, or where it came from."""

import os
import pwd
import re
import socket
import sys
from ipaddress import IPv6Address, ip_address
from pathlib import Path

Endpoint = tuple[str, int]

HEADER = "Sluss-Operator"
"""Says on whose behalf, where several people are the same user of a machine. Nobody checks it."""

_TABLES = Path("/proc/self/net")
"""Also there where nothing else of /proc is to be seen (systemd's `ProcSubset=pid`)."""
_ESTABLISHED = "01"
_name = re.compile(r"[A-Za-z0-9_.@-]{1,32}").fullmatch


def operator(peer: Endpoint, here: Endpoint, *, claimed: str, by_token: bool) -> str:
    """One line for the audit log of whoever is at the other end of a connection. Reads /proc, so not on the loop."""
    uid = _owner(peer, here) if ip_address(peer[0]).is_loopback or peer[0] == here[0] else None
    proven = f"{peer[0]}{' with the token' if by_token else ''}" if uid is None else user(uid)
    return _also(proven, claimed)


def oneself() -> str:
    """The same of whoever runs this process."""
    return _also(user(os.getuid()), claim())


def claim() -> str:
    """Whom this process says that it works for: who became another user by sudo, or the user that runs it."""
    name = os.environ.get("SUDO_USER") or _called(os.getuid())
    return name if _name(name) else ""


def user(uid: int) -> str:
    """A user as the audit log names one."""
    return f"{name} (uid {uid})" if (name := _called(uid)) else f"uid {uid}"


def _called(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _also(proven: str, claimed: str) -> str:
    known = not _name(claimed) or proven.startswith(f"{claimed} (")
    return proven if known else f"{proven}, says {claimed}"


def _owner(peer: Endpoint, here: Endpoint) -> int | None:
    """The user whose end of a connection on this machine `peer` is."""
    for table in ("tcp", "tcp6"):
        wanted = [_written(end, table) for end in (peer, here)] + [_ESTABLISHED]
        try:
            lines = (_TABLES / table).read_text("ascii").splitlines()[1:]
        except OSError:  # another system than Linux, or hidden from us
            continue
        for fields in map(str.split, lines):
            if fields[1:4] == wanted:
                return int(fields[7])
    return None


def _written(end: Endpoint, table: str) -> str:
    """An end of a connection as the kernel's tables have it: words of 32 bits in the machine's order."""
    address = ip_address(end[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    packed = address.packed
    if table == "tcp6" and len(packed) == 4:
        packed = socket.inet_pton(socket.AF_INET6, f"::ffff:{address}")
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return f"{''.join(f'{word:08X}' for word in words)}:{end[1]:04X}"
