"""What an operator may do to a daemon, through files that both can see; it needs no Redis and decides nothing."""
