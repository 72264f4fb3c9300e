"""What `scripts/run` starts on one machine: Redis if need be, the sandbox for a demo, the daemon. It trades nothing."""
