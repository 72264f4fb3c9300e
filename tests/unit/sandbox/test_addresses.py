"""Which addresses may use a key of the sandbox."""

import pytest

from arbitrage.sandbox.addresses import may_use


@pytest.mark.parametrize(
    ("case", "address", "allowed", "may"),
    [
        ("bound to nothing", "203.0.113.9", set(), True),
        ("the address itself", "10.0.0.1", {"10.0.0.1"}, True),
        ("another address", "10.0.0.2", {"10.0.0.1"}, False),
        ("within a network", "172.18.0.3", {"10.0.0.0/8", "172.16.0.0/12"}, True),
        ("outside of every network", "203.0.113.9", {"10.0.0.0/8", "172.16.0.0/12"}, False),
        ("of the other family", "::1", {"10.0.0.0/8"}, False),
        ("within a network of that family", "fd00::7", {"fd00::/8"}, True),
        ("no network at all", "10.0.0.1", {"10.0.0.0/99", "ten/8"}, False),
        ("an address nobody knows", "", {"10.0.0.0/8"}, False),
    ],
)
def test_a_key_is_used_from_where_it_is_bound_to(case: str, address: str, allowed: set[str], may: bool) -> None:
    assert may_use(address, allowed) is may, case
