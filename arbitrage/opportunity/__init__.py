"""From books to a plan: fx, edge, size, legs. Pure: no clock, no I/O, no limits of its own."""
