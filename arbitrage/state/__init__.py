"""How the state looks in Redis: its keys, its rows, the fenced link to it, and reading it back."""
