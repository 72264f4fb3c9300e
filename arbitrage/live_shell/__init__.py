"""What only Live has around the engine: accounts, checks before the first order, the watch, the alarm. No decisions."""
