"""A Binance account as replies show it: balances, commission, what the key may do. Shapes only; nothing is decided."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from arbitrage.domain.instruments import Instrument
from arbitrage.exchange.accounts import Balance
from arbitrage.sandbox.binance_order_bodies import text

_ZERO: Final = Decimal(0)
_TEN_THOUSAND: Final = 10_000
_USER: Final = 100_000_001

# every right that the venue tells of (sapi account/apiRestrictions)
_RIGHTS: Final = (
    "enableReading",
    "enableSpotAndMarginTrading",
    "enableWithdrawals",
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableMargin",
    "enableFutures",
    "enableVanillaOptions",
    "enablePortfolioMarginTrading",
    "enableFixApiTrade",
    "enableFixReadOnly",
)


def account_body(
    balances: Mapping[str, Balance], fee: Decimal, updated_at_ms: int, *, can_trade: bool, can_withdraw: bool
) -> dict[str, Any]:
    """Write balances and rates. `fee` is a fraction of the notional, for makers and takers alike."""
    basis_points = int(fee * _TEN_THOUSAND)
    return {
        "makerCommission": basis_points,
        "takerCommission": basis_points,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(fee),
        "canTrade": can_trade,
        "canWithdraw": can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": updated_at_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(held.free), "locked": text(held.locked)} for asset, held in balances.items()
        ],
        "permissions": ["SPOT"],
        "uid": _USER,
    }


def commission_body(instrument: Instrument) -> dict[str, Any]:
    """Write the rates of one symbol. Nobody here holds BNB to get the discount."""
    return {
        "symbol": instrument.symbol,
        "standardCommission": _rates(instrument.taker_fee),
        "specialCommission": _rates(_ZERO),
        "taxCommission": _rates(_ZERO),
        "discount": _discount(),
    }


def tested_commission_body(instrument: Instrument) -> dict[str, Any]:
    """Write the rates that a tested order would pay."""
    rates = {"maker": text(instrument.taker_fee), "taker": text(instrument.taker_fee)}
    none = {"maker": text(None), "taker": text(None)}
    return {
        "standardCommissionForOrder": rates,
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": _discount(),
    }


def restrictions_body(
    rights: Collection[str], created_at_ms: int, expires_at_ms: int | None, *, by_address: bool
) -> dict[str, Any]:
    """Write what the key may do, and until when."""
    expiry = {} if expires_at_ms is None else {"tradingAuthorityExpirationTime": expires_at_ms}
    return {
        "ipRestrict": by_address,
        "createTime": created_at_ms,
        **{right: right in rights for right in _RIGHTS},
        **expiry,
    }


def system_body(*, maintenance: bool) -> dict[str, Any]:
    """Write whether the venue is at work."""
    return {"status": 1, "msg": "system_maintenance"} if maintenance else {"status": 0, "msg": "normal"}


def _rates(fee: Decimal) -> dict[str, str]:
    return {"maker": text(fee), "taker": text(fee), "buyer": text(None), "seller": text(None)}


def _discount() -> dict[str, Any]:
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0.75000000"}
