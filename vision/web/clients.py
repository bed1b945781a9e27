"""Who a client is: by its address, and by the prefix that one subscriber gets of IPv6."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

Client = tuple[str, int]
"""Address and port of the other end."""
_PREFIX_BITS = 64


@lru_cache(maxsize=4096)
def prefix_of(host: str) -> str:
    """The /64 of an IPv6 address, in which one machine can have any number of addresses.

    An IPv4 address stands for itself, also where it is written as an IPv6 one.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address.packed, _PREFIX_BITS), strict=False))
