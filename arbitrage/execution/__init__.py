"""Plans in flight: which legs have ended, and what that makes of the plan. Pure; it sends nothing."""
