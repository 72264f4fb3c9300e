"""Where the files are that people and the daemon share: the names, in one place. It opens none of them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one installation. `account_dir` belongs to one mode's account; the rest is common to all modes."""

    state_dir: Path
    account_dir: Path
    halt_file: Path

    @property
    def commands(self) -> Path:
        """Return the folder that commands are dropped into."""
        return self.state_dir / "commands"

    @property
    def intent_log(self) -> Path:
        """Return the account's intent log."""
        return self.account_dir / "intents.log"

    @property
    def lowered_limits(self) -> Path:
        """Return the file of the limits that a person lowered in this run."""
        return self.account_dir / "lowered-limits.json"

    @property
    def latches(self) -> Path:
        """Return the file that repeats the account's latches."""
        return self.account_dir / "latches.json"
