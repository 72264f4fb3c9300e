"""`arbitrage watch`: the state of the daemon as a picture on a terminal, again and again. It only reads Redis."""
