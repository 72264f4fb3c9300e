"""The few exceptions that end something on purpose. A "no" to an order is not among them: that is a `Refusal`."""


class ArbitrageError(Exception):
    """Base of what the program raises on purpose; its text is one line that a person can act on."""


class ConfigurationError(ArbitrageError):
    """A setting is wrong; names the variable. Ends the command with exit code 2."""


class OperatorNeeded(ArbitrageError):
    """The program cannot go on by itself; the text says what a person must do."""


class StateUnavailable(ArbitrageError):
    """The state store cannot be read or written; ends a command with exit code 4."""


class StateHeld(StateUnavailable):
    """Another daemon holds the state; ends a command with exit code 5."""


class VenueUnreachable(ArbitrageError):
    """A venue did not answer usefully; ends a one-shot command with exit code 6, a daemon tries again."""
