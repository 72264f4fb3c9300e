"""An account's keys, as the signers need them. They are not read here, and never shown."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """A key's name, which goes along with each request, and the secret, which only signs."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
