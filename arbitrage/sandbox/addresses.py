"""Whether a client's address is among those that a key is bound to. Plain text in, a verdict out."""

from collections.abc import Set
from ipaddress import ip_address, ip_network


def may_use(address: str, allowed: Set[str]) -> bool:
    """Tell whether an address may use a key bound to these addresses and networks (10.0.0.0/8); to none means any.

    What is neither an address nor a network admits only what is written in the same way.
    """
    return not allowed or address in allowed or any(_is_in(address, network) for network in allowed if "/" in network)


def _is_in(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return False
