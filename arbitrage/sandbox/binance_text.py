"""How Binance writes its stream frames: prices and quantities as strings of eight decimals. Text only."""

from arbitrage.sandbox.grid import eight_decimals
from arbitrage.sandbox.ladder import Changes, Ladder
from arbitrage.sandbox.market_book import MarketBook, Trade


def partial_depth(book: MarketBook, depth: int) -> str:
    """Write the best levels; the frame names neither symbol nor time."""
    bids, asks = _side(book.bids, depth), _side(book.asks, depth)
    return f'{{"lastUpdateId":{book.update_id},"bids":[{bids}],"asks":[{asks}]}}'


def depth_update(book: MarketBook, ids: tuple[int, int], sides: tuple[Changes, Changes], at_ms: int) -> str:
    """Write the levels that changed on the bids and the asks between the first and the last of `ids`."""
    bids, asks = (",".join(_level(price, quantity) for price, quantity in side.items()) for side in sides)
    return (
        f'{{"e":"depthUpdate","E":{at_ms},"s":"{book.listing.code}","U":{ids[0]},"u":{ids[1]},'
        f'"b":[{bids}],"a":[{asks}]}}'
    )


def book_ticker(book: MarketBook) -> str:
    """Write the touch; it has an update id and no time."""
    bid, bid_quantity = eight_decimals(book.bids.prices[0]), eight_decimals(book.bids.quantities[0])
    ask, ask_quantity = eight_decimals(book.asks.prices[0]), eight_decimals(book.asks.quantities[0])
    return (
        f'{{"u":{book.update_id},"s":"{book.listing.code}",'
        f'"b":"{bid}","B":"{bid_quantity}","a":"{ask}","A":"{ask_quantity}"}}'
    )


def trade_event(book: MarketBook, trade: Trade, at_ms: int) -> str:
    """Write a trade. `m` tells whether the buyer was the maker."""
    maker_buys = "false" if trade.taker_buys else "true"
    price, quantity = eight_decimals(trade.price), eight_decimals(trade.quantity)
    return (
        f'{{"e":"trade","E":{at_ms},"s":"{book.listing.code}","t":{trade.number},"p":"{price}","q":"{quantity}",'
        f'"T":{at_ms},"m":{maker_buys},"M":true}}'
    )


def _side(side: Ladder, depth: int) -> str:
    shown = zip(side.prices[:depth], side.quantities, strict=False)
    return ",".join(_level(price, quantity) for price, quantity in shown)


def _level(price: int, quantity: int) -> str:
    return f'["{eight_decimals(price)}","{eight_decimals(quantity)}"]'
