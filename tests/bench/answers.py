"""What the port itself answers to an order: yes, at once, alike but for the client's own id. It keeps no accounts."""

from typing import Final

from arbitrage.domain.instruments import Venue

UPBIT_TAKEN: Final = (
    b'{"uuid":"cdd92199-2897-4e14-9448-f923320408ad","side":"ask","ord_type":"limit","price":"119000000","state":"wait",'
    b'"market":"KRW-BTC","created_at":"2026-11-20T15:00:00+09:00","volume":"0.001","remaining_volume":"0.001",'
    b'"reserved_fee":"70","remaining_fee":"70","paid_fee":"0","locked":"140070","executed_volume":"0","trades_count":0,'
    b'"time_in_force":"ioc","identifier":"%b","smp_type":"cancel_maker","prevented_volume":"0","prevented_locked":"0"}'
)
BINANCE_TAKEN: Final = (
    b'{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"%b","transactTime":1770000000123,'
    b'"price":"85000.00000000","origQty":"0.00100000","executedQty":"0.00100000","origQuoteOrderQty":"0.00000000",'
    b'"cummulativeQuoteQty":"85.00000000","status":"FILLED","timeInForce":"IOC","type":"LIMIT","side":"BUY",'
    b'"workingTime":1770000000123,"selfTradePreventionMode":"EXPIRE_MAKER","fills":[{"price":"85000.00000000",'
    b'"qty":"0.00100000","commission":"0.00000100","commissionAsset":"BTC","tradeId":56}]}'
)


def taken(venue: Venue, request: bytes) -> bytes:
    """Return the whole HTTP reply to an order's request: Upbit has taken it on, Binance has filled it."""
    if venue is Venue.UPBIT:
        name, end, body, status = b'"identifier":"', b'"', UPBIT_TAKEN, b"201 Created"
    else:
        name, end, body, status = b"newClientOrderId=", b"&", BINANCE_TAKEN, b"200 OK"
    client_id = request.partition(name)[2].partition(end)[0].strip() or b"-"
    written = body % client_id
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(written))
    return head + written
