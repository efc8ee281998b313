"""Whether an address lies in one of some networks: of callers that may call, of proxies that are believed."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def within(peer: str, networks: Sequence[Network]) -> bool:
    """Whether the address is in any of the networks (a tuple); False for what is no address."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # A dual-stack listener shows IPv4 peers as ::ffff:10.0.0.1.
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)
