"""`arbitrage doctor`: looks at all that trading needs, and says what to do. It mends nothing and sends no order."""
