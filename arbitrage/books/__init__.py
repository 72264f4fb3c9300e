"""Order books and whether they may be believed. Pure: no clock, no I/O."""
