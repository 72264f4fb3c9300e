"""`arbitrage report`: what a trading day came to, from what the daemon left in Redis. It talks to no venue."""
