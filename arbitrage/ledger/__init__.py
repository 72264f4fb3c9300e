"""Fills in; inventory, realised results and the trading day out. Exact decimals, and pure."""
