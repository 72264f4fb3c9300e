"""The control API and the truth, over real sockets; play money over a restart; scripts; and whoever means harm."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.instruments import Side, Venue
from arbitrage.exchange.venue_orders import OrderKind, OrderRequest
from arbitrage.sandbox.options import SandboxOptions
from arbitrage.sandbox.server import serve_sandbox
from tests.rehearsal import Rehearsal, a_rehearsal
from tests.upbit_venue import until


async def test_faults_are_added_listed_and_deleted():
    async with a_rehearsal() as rehearsal:
        fault = {"kind": "delay_before", "venue": "upbit", "endpoint": "POST *", "probability": 0.5, "s": 0.2}
        one = await rehearsal.control("POST", "/faults", fault)
        more = await rehearsal.control("POST", "/faults", [{"kind": "banned"}, {"kind": "event_lost", "contains": "x"}])
        listed = (await rehearsal.control("GET", "/faults")).json["faults"]
        deleted = await rehearsal.control("DELETE", "/faults")
        left = (await rehearsal.control("GET", "/faults")).json["faults"]

    assert (one.status, one.json, more.json) == (201, {"added": [1]}, {"added": [2, 3]})
    assert listed[0] == {"number": 1, "seen": 0, "hits": 0, **fault}
    assert [rule["kind"] for rule in listed] == ["delay_before", "banned", "event_lost"]
    assert (deleted.json, left) == ({"deleted": 3}, [])


async def test_knobs_are_turned_shown_and_turned_back():
    async with a_rehearsal() as rehearsal:
        change = {"venue": "binance", "set": {"wallets": {"BTC": "paused"}, "fill_share": "0.25"}, "for_s": 0.05}
        await rehearsal.control("POST", "/knobs", change)
        turned = (await rehearsal.control("GET", "/knobs")).json
        await asyncio.sleep(0.1)
        back = (await rehearsal.control("GET", "/knobs")).json

    assert (turned["binance"]["wallets"], turned["binance"]["fill_share"]) == ({"BTC": "paused"}, "0.25")
    assert (back["binance"]["wallets"], back["binance"]["fill_share"]) == ({}, "1")
    assert turned["upbit"] == back["upbit"]


async def test_a_knob_that_was_turned_again_meanwhile_is_not_turned_back_by_the_first():
    async with a_rehearsal() as rehearsal:
        for shock, for_s in (("0.68", 0.1), ("0.5", 0.3)):
            change = {"venue": "upbit", "set": {"price_shock": {"KRW-ETH": shock}, "fill_share": shock}, "for_s": for_s}
            await rehearsal.control("POST", "/knobs", change)
        await asyncio.sleep(0.2)
        covered = (await rehearsal.control("GET", "/knobs")).json["upbit"]
        await asyncio.sleep(0.2)
        uncovered = (await rehearsal.control("GET", "/knobs")).json["upbit"]

    assert (covered["price_shock"], covered["fill_share"]) == ({"KRW-ETH": "0.5"}, "0.5")
    assert (uncovered["price_shock"], uncovered["fill_share"]) == ({}, "1")


async def test_an_entry_is_taken_out_with_null():
    async with a_rehearsal() as rehearsal:
        for halted in ({"KRW-BTC": "delisted", "KRW-XRP": "paused"}, {"KRW-BTC": None}):
            await rehearsal.control("POST", "/knobs", {"venue": "upbit", "set": {"halted": halted}})
        shown = (await rehearsal.control("GET", "/knobs")).json

    assert shown["upbit"]["halted"] == {"KRW-XRP": "paused"}


async def test_the_truth_knows_orders_fills_balances_and_what_both_venues_net_to():
    async with a_rehearsal() as rehearsal:
        before = await rehearsal.truth("balances")
        await buy_and_sell(rehearsal)
        fills, net, balances = [await rehearsal.truth(of) for of in ("fills", "net", "balances")]
        orders = await rehearsal.truth("orders?limit=1")

    assert [(fill["venue"], fill["side"]) for fill in fills["rows"]] == [("upbit", "buy"), ("binance", "sell")]
    assert (orders["total"], [row["venue"] for row in orders["rows"]]) == (2, ["upbit", "binance"])
    assert net["XRP"] == {"upbit": "20", "binance": "-20", "net": "0"}
    assert Decimal(net["KRW"]["net"]) < 0 < Decimal(net["USDT"]["net"])
    assert [balances[venue]["discrepancy"] for venue in balances] == [{}, {}]
    had, has = (Decimal(b["upbit"]["balances"]["XRP"]["free"]) for b in (before, balances))
    assert has - had == 20


async def buy_and_sell(rehearsal: Rehearsal) -> None:
    """Buy XRP on Upbit's floor and sell as much on Binance's, at market, and wait for the end."""
    floors = rehearsal.sandbox.director.floors
    for venue, symbol, side in ((Venue.UPBIT, "KRW-XRP", Side.BUY), (Venue.BINANCE, "XRPUSDT", Side.SELL)):
        request = OrderRequest(symbol=symbol, side=side, kind=OrderKind.MARKET, quantity=Decimal(20))
        floors[venue].submit(request)
        await until(partial(rehearsal.truth, "orders"), lambda truth: truth["rows"][-1]["state"] == "filled")


async def test_an_id_that_was_taken_on_twice_is_a_duplicate():
    async with a_rehearsal() as rehearsal:
        for client_id in ("once", "twice", "twice"):
            order = (await rehearsal.order(Venue.BINANCE, client_id)).json
            rehearsal.sandbox.director.floors[Venue.BINANCE].cancel(
                rehearsal.sandbox.director.floors[Venue.BINANCE].core.orders[order["orderId"]]
            )
        duplicates = await rehearsal.truth("duplicates")

    assert duplicates["total"] == 1
    assert (duplicates["rows"][0]["client_id"], len(duplicates["rows"][0]["orders"])) == ("twice", 2)


async def test_the_truth_lists_private_requests_with_their_verdicts_and_no_public_ones():
    async with a_rehearsal() as rehearsal:
        await rehearsal.send("GET", f"{rehearsal.sandbox.upbit_rest_url}/v1/market/all")
        await rehearsal.accounts()
        await rehearsal.order(Venue.UPBIT, "one")
        await rehearsal.order(Venue.UPBIT, "one")
        await rehearsal.send("DELETE", f"{rehearsal.sandbox.binance_rest_url}/api/v3/order?origClientOrderId=x")
        rows = (await rehearsal.truth("requests"))["rows"]

    assert [(row["endpoint"], row["client_id"], row["verdict"]) for row in rows] == [
        ("GET /v1/accounts", "", 200),
        ("POST /v1/orders", "one", 201),
        ("POST /v1/orders", "one", rows[2]["verdict"]),
        ("DELETE /api/v3/order", "x", rows[3]["verdict"]),
    ]
    assert all(row["sent"] == row["verdict"] for row in rows)
    assert (rows[2]["code"] != "", rows[3]["code"] != "") == (True, True)


@pytest.mark.parametrize(
    ("deposit", "status", "said"),
    [
        ({"venue": "upbit", "currency": "KRW", "amount": "1000.5"}, 200, None),
        ({"venue": "binance", "currency": "USDT", "amount": -1}, 200, None),
        ({"venue": "upbit", "currency": "DOGGO", "amount": "1"}, 400, "upbit does not know DOGGO"),
        ({"venue": "upbit", "currency": "KRW", "amount": "1e-9"}, 400, "eight decimals"),
        ({"venue": "upbit", "currency": "KRW", "amount": "1e30"}, 400, "eight decimals"),
        ({"venue": "upbit", "currency": "KRW", "amount": "1e-999999999"}, 400, "eight decimals"),
        ({"venue": "upbit", "currency": "KRW", "amount": "NaN"}, 400, "eight decimals"),
        ({"venue": "upbit", "currency": "KRW", "amount": "-1e14"}, 400, "cannot move"),
        ({"venue": "upbit", "currency": "KRW"}, 400, "missing required field `amount`"),
    ],
)
async def test_money_comes_and_goes_exactly_or_not_at_all(deposit, status, said):
    async with a_rehearsal() as rehearsal:
        answer = await rehearsal.control("POST", "/deposit", deposit)
        balances = await rehearsal.truth("balances")

    assert answer.status == status
    assert said is None or said in answer.json["error"]
    assert [balances[venue]["discrepancy"] for venue in balances] == [{}, {}]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/faults", b"{", 400, "truncated"),
        ("POST", "/faults", b"", 400, "truncated"),
        ("POST", "/faults", b"[" * 100_000, 400, "object"),
        ("POST", "/faults", b'{"kind":"nope"}', 400, "at `$.kind`"),
        ("POST", "/faults", b'[{"kind":"banned"},{"kind":"nope"}]', 400, "at `$[1].kind`"),
        ("POST", "/faults", b"\xff\xfe", 400, "malformed"),
        ("POST", "/faults", b"x" * 2_000_000, 413, "Too Large"),
        ("POST", "/knobs", b'{"venue":"upbit","set":{"halted":{"BTCUSDT":"x"}}}', 400, "upbit does not list BTCUSDT"),
        ("POST", "/knobs", b'{"venue":"upbit","set":{"fill_share":"sNaN"}}', 400, "`fill_share` is from 0 to 1"),
        ("GET", "/truth/orders?limit=0", b"", 400, "`limit` is from 1 to 100000"),
        ("GET", "/truth/orders?limit=%D9%A3", b"", 400, "`limit` is from 1 to 100000"),
        ("GET", "/truth/lies", b"", 404, "Not Found"),
        ("PUT", "/faults", b"", 405, "Method Not Allowed"),
    ],
)
async def test_a_mistake_is_one_line_and_changes_nothing(method, path, body, status, said):
    async with a_rehearsal() as rehearsal:
        knobs = (await rehearsal.control("GET", "/knobs")).json
        answer = await rehearsal.send(method, rehearsal.sandbox.control_url + path, body or None)
        faults = (await rehearsal.control("GET", "/faults")).json["faults"]
        after = (await rehearsal.control("GET", "/knobs")).json

    assert answer.status == status
    assert said in answer.json["error"]
    assert "\n" not in answer.json["error"]
    assert (faults, after) == ([], knobs)


async def test_a_page_in_a_browser_turns_no_knobs():
    async with a_rehearsal() as rehearsal:
        answer = await rehearsal.send("GET", f"{rehearsal.sandbox.control_url}/knobs", Origin="http://evil.example")

    assert answer.status == 403


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("kind", "venue", "endpoint", "contains", "count", "probability", "s", "after_s", "set", "currency", "amount")
KNOWN = JSON | st.sampled_from(["upbit", "drop_before", "KRW", "1", "-0", "1e400", 0, 1, 0.5])


async def test_no_body_is_more_than_a_mistake():
    async with a_rehearsal() as rehearsal:

        @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            path=st.sampled_from(["/faults", "/knobs", "/deposit"]),
            body=st.binary(max_size=40)
            | st.builds(lambda value: json.dumps(value).encode(), JSON)
            | st.builds(lambda v: json.dumps(v).encode(), st.dictionaries(st.sampled_from(FIELDS), KNOWN)),
        )
        def collect(path: str, body: bytes) -> None:
            bodies.append((path, body))

        bodies: list[tuple[str, bytes]] = []
        collect()
        answers = [await rehearsal.send("POST", rehearsal.sandbox.control_url + path, body) for path, body in bodies]

    assert {answer.status for answer in answers} <= {200, 201, 400}
    assert len(answers) >= 100


async def test_play_money_is_kept_over_a_restart(tmp_path):
    kept = tmp_path / "play-money.json"
    async with a_rehearsal(keep=kept) as rehearsal:
        await rehearsal.order(Venue.UPBIT, "rests")
        await rehearsal.control("POST", "/deposit", {"venue": "binance", "currency": "BTC", "amount": "1.25"})
        before = await rehearsal.truth("balances")
    async with a_rehearsal(keep=kept) as rehearsal:
        after = await rehearsal.truth("balances")
        net = await rehearsal.truth("net")

    def totals(of: dict[str, object], venue: str) -> dict[str, Decimal]:
        return {c: Decimal(b["free"]) + Decimal(b["locked"]) for c, b in of[venue]["balances"].items()}

    assert [totals(before, venue) for venue in ("upbit", "binance")] == [
        totals(after, venue) for venue in ("upbit", "binance")
    ]
    assert before["upbit"]["balances"]["KRW"]["locked"] != "0"
    assert after["upbit"]["balances"]["KRW"]["locked"] == "0"
    assert {row["net"] for row in net.values()} == {"0"}
    assert [path.name for path in tmp_path.iterdir()] == ["play-money.json"]


async def test_funds_of_a_fine_tick_are_kept_in_a_form_that_can_be_read_again(tmp_path):
    kept = tmp_path / "play-money.json"
    async with a_rehearsal(keep=kept) as rehearsal:
        rehearsal.sandbox.director.floors[Venue.UPBIT].core.account.deposit("KRW", Decimal("0.123456789"))
    async with a_rehearsal(keep=kept) as rehearsal:
        after = await rehearsal.truth("balances")

    assert after["upbit"]["balances"]["KRW"]["free"] == "5000000.12345678"


async def test_accounts_start_with_what_the_file_says(tmp_path):
    path = tmp_path / "balances.yaml"
    path.write_text("upbit: {KRW: 5_000_000, BTC: 0.01}\nbinance: {USDT: '3500.5'}\n")
    async with a_rehearsal(balances=path) as rehearsal:
        balances = await rehearsal.truth("balances")

    free = {venue: {c: b["free"] for c, b in of["balances"].items()} for venue, of in balances.items()}
    assert free == {"upbit": {"KRW": "5000000", "BTC": "0.01"}, "binance": {"USDT": "3500.5"}}


async def test_each_side_starts_with_half_cash_and_half_coins():
    async with a_rehearsal(symbols=("BTC", "XRP", "BNB")) as rehearsal:
        balances = await rehearsal.truth("balances")

    upbit, binance = balances["upbit"]["balances"], balances["binance"]["balances"]
    assert upbit["KRW"]["free"] == "5000000"
    assert set(upbit) == {"KRW", "BTC", "XRP"}
    assert set(binance) == {"USDT", "BTC", "XRP"}
    assert 3_300 < Decimal(binance["USDT"]["free"]) < 3_800
    assert Decimal(upbit["BTC"]["free"]) * 85_000 * 1_400 == pytest.approx(Decimal(2_500_000), rel=Decimal("0.05"))


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("balances", "upbit: {KRW: -1}", "upbit: KRW: not a balance"),
        ("balances", "upbit: {KRW: .nan}", "upbit: KRW: not a balance"),
        ("balances", "upbit: {KRW: 0.000000001}", "upbit: KRW: not a balance"),
        ("balances", "kraken: {KRW: 1}", "Invalid enum value 'kraken'"),
        ("keep", "{broken", "while parsing"),
        ("faults", "faults: [{kind: nope}]", "$.faults[0].kind"),
        ("faults", "knobs: [{venue: upbit, set: {halted: {BTCUSDT: x}}}]", "knobs[0]: upbit does not list BTCUSDT"),
    ],
)
async def test_a_wrong_file_ends_the_start_with_one_line(tmp_path, option, text, said):
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        async with serve_sandbox(SandboxOptions(port=0, **{option: path})):
            pass

    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_place_that_cannot_be_written_ends_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot keep the balances in"):
        async with serve_sandbox(SandboxOptions(port=0, keep=tmp_path / "no" / "such" / "folder.json")):
            pass


async def test_a_script_strikes_from_the_start(tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text(
        "faults: [{kind: error_5xx, venue: binance, count: 2}]\nknobs: [{venue: upbit, set: {maintenance: true}}]\n"
    )
    async with a_rehearsal(faults=path) as rehearsal:
        statuses = [(await rehearsal.order(venue, "one")).status for venue in (Venue.BINANCE, Venue.UPBIT)]

    assert statuses == [500, 403]


async def test_the_control_port_gives_way_but_not_if_it_was_asked_for():
    with taken_beside_a_free_one() as port:
        async with serve_sandbox(SandboxOptions(port=port - 1)) as sandbox:
            given_way = sandbox.control_port
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken.*--control-port"):
            async with serve_sandbox(SandboxOptions(port=0, control_port=port)):
                pass

    assert given_way not in (port, port - 1)


@contextmanager
def taken_beside_a_free_one() -> Iterator[int]:
    """Take a port whose neighbour below is free."""
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            socket.create_server(("127.0.0.1", port - 1)).close()
            yield port
            return
