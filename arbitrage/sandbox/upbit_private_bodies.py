"""The bodies of Upbit's private REST replies. Shapes only: no HTTP, no checks.

Keys, their order and the kinds of their values are those of recorded replies: numbers are decimal texts, what an order
does not have is left out. `smp_type` is newer than the recordings (always there since 2026-11-09).
"""

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from arbitrage.domain.instants import NS_PER_S, Instant
from arbitrage.domain.instruments import Instrument, Side
from arbitrage.domain.money import KRW, plain
from arbitrage.exchange.accounts import Account
from arbitrage.exchange.venue_orders import OrderRequest, VenueOrder
from arbitrage.sandbox.upbit_private_figures import Figures
from arbitrage.sandbox.upbit_private_orders import Register, trade_uuid
from arbitrage.sandbox.upbit_private_requests import SIDE_WORDS, kind_word, self_trade_word, time_word

_KST: Final = timezone(timedelta(hours=9))
_LIMIT_TYPES: Final = ("best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc")
_BLOCK_S: Final = 600


def order_body(
    named: tuple[str, Instant], request: OrderRequest, figures: Figures, *, funds: bool = False, trades: bool = False
) -> dict[str, Any]:
    """Show an order; `named` is its uuid and when it came. Lists add executed funds, a query by id adds the trades."""
    uuid, created_at = named
    texts = {
        "uuid": uuid,
        "side": SIDE_WORDS[request.side],
        "ord_type": kind_word(request),
        "price": _text(figures.price),
        "state": figures.state,
        "market": request.symbol,
        "created_at": kst(created_at),
        "volume": _text(figures.volume),
        "remaining_volume": _text(figures.remaining_volume),
        "prevented_volume": plain(figures.prevented_volume),
        "reserved_fee": plain(figures.reserved_fee),
        "remaining_fee": plain(figures.remaining_fee),
        "paid_fee": plain(figures.paid_fee),
        "locked": plain(figures.locked),
        "prevented_locked": plain(figures.prevented_locked),
        "executed_volume": plain(figures.executed_volume),
        "executed_funds": plain(figures.executed_funds) if funds else None,
        "trades_count": len(figures.trades),
        "time_in_force": time_word(request),
        "identifier": request.client_id or None,
        "smp_type": self_trade_word(request),
        "trades": _trades(figures) if trades else None,
    }
    return {key: value for key, value in texts.items() if value is not None}


def batch_body(register: Register, cancelled: Iterable[VenueOrder], over: Iterable[VenueOrder]) -> dict[str, Any]:
    """Show which orders will be cancelled, and which cannot be any more."""
    named = [[_named(register, order) for order in orders] for orders in (cancelled, over)]
    return {
        key: {"count": len(orders), "orders": orders} for key, orders in zip(("success", "failed"), named, strict=True)
    }


def accounts_body(account: Account) -> list[dict[str, Any]]:
    """Show what the account holds, won first. Average prices are not kept here: zero."""
    held = sorted(currency for currency, balance in account.balances().items() if balance.total)
    return [account_body(account, currency) for currency in sorted(held, key=lambda currency: currency != KRW)]


def account_body(account: Account, currency: str) -> dict[str, Any]:
    """Show one currency: `balance` is what is free."""
    balance = account.balance(currency)
    return {
        "currency": currency,
        "balance": plain(balance.free),
        "locked": plain(balance.locked),
        "avg_buy_price": "0",
        "avg_buy_price_modified": currency == KRW,
        "unit_currency": KRW,
    }


def chance_body(instrument: Instrument, halted: str, account: Account) -> dict[str, Any]:
    """Show what the account may do in a market, and with how much."""
    fee, least = plain(instrument.taker_fee), plain(instrument.min_notional)
    return {
        "bid_fee": fee,
        "ask_fee": fee,
        "maker_bid_fee": fee,
        "maker_ask_fee": fee,
        "market": {
            "id": instrument.symbol,
            "name": f"{instrument.base}/{instrument.quote}",
            "order_types": ["limit"],
            "order_sides": ["ask", "bid"],
            "bid_types": [*_LIMIT_TYPES, "price"],
            "ask_types": [*_LIMIT_TYPES, "market"],
            "bid": {"currency": instrument.quote, "min_total": least},
            "ask": {"currency": instrument.base, "min_total": least},
            "max_total": plain(instrument.max_notional),
            "state": halted or "active",
        },
        "bid_account": account_body(account, instrument.quote),
        "ask_account": account_body(account, instrument.base),
    }


def keys_body(access_key: str, expires_at: Instant) -> list[dict[str, str]]:
    """List the account's API keys."""
    return [{"access_key": access_key, "expire_at": kst(expires_at)}]


def pocket_keys_body(
    access_key: str, life: tuple[Instant, Instant], permissions: Set[str], allowed_ips: Set[str]
) -> list[dict[str, Any]]:
    """List the API keys by pocket, of which there is one, with what they may do; `life` is from when to when."""
    created_at, expires_at = life
    key = {
        "access_key": access_key,
        "permissions": sorted(permissions),
        "allowed_ips": sorted(allowed_ips),
        "created_at": kst(created_at),
        "expired_at": kst(expires_at),
    }
    return [{"uuid": "00000000-0000-4000-8000-000000000001", "keys": [key]}]


def wallets_body(instruments: Iterable[Instrument], states: Mapping[str, str], now: Instant) -> list[dict[str, Any]]:
    """Show whether each coin can be deposited and withdrawn; `states` are the ones that are not working."""
    block, into_block_s = divmod(now // NS_PER_S, _BLOCK_S)
    updated = datetime.fromtimestamp(block * _BLOCK_S, tz=UTC)
    return [
        {
            "currency": currency,
            "wallet_state": states.get(currency, "working"),
            "block_state": "normal",
            "block_height": block,
            "block_updated_at": updated.isoformat(timespec="milliseconds"),
            "block_elapsed_minutes": into_block_s // 60,
            "net_type": currency,
            "network_name": currency,
        }
        for currency in sorted({instrument.base for instrument in instruments})
    ]


def kst(at: Instant) -> str:
    """Write an instant as the venue does: Korean time, whole seconds."""
    return datetime.fromtimestamp(at // NS_PER_S, tz=_KST).isoformat()


def _trades(figures: Figures) -> list[dict[str, str]]:
    return [
        {
            "market": trade.symbol,
            "uuid": trade_uuid(trade),
            "price": plain(trade.price),
            "volume": plain(trade.quantity),
            "funds": plain(trade.funds),
            "trend": "up" if trade.side is Side.BUY else "down",
            "created_at": kst(trade.at),
            "side": SIDE_WORDS[trade.side],
        }
        for trade in figures.trades
    ]


def _named(register: Register, order: VenueOrder) -> dict[str, str]:
    named = {"uuid": register.uuid(order), "market": order.request.symbol}
    return {**named, "identifier": order.request.client_id} if order.request.client_id else named


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
