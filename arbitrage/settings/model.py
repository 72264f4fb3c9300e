"""Settings: every variable of ours with its default and its bounds. It never repeats a value that it refuses."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from arbitrage.domain.errors import ConfigurationError
from arbitrage.settings import kinds
from arbitrage.settings.given import SECRETS, gather
from arbitrage.settings.kinds import Kind, amount, one_of, url, url_or_off, whole
from arbitrage.state.keys import namespace_of
from liveguard.mode_gate import API_KEYS, ArmFile, GateEvidence, Mode
from liveguard.risk_limits import NEEDED_FOR_LIVE, RiskLimits

Flag = Annotated[str | None, kinds.AS_WRITTEN]  # the gate, and nobody else, knows what it means
Secret = Annotated[SecretStr | None, kinds.SECRET]
Limit = Annotated[Decimal | None, kinds.LIMIT]
CountLimit = Annotated[Decimal | int | None, kinds.COUNT_LIMIT]
RestUrl = Annotated[str, url("https", "http")]
SocketUrl = Annotated[str, url("wss", "ws")]

VENUE_URLS: Final = ("upbit_rest_url", "upbit_ws_url", "binance_rest_url", "binance_ws_url", "binance_ws_api_url")
"""The settings that say where the venues are."""

_LARGEST_ARM_FILE: Final = 4096  # characters
_DIGITS: Final = 12  # 48 bits: enough to tell configurations and accounts apart, too few to say anything of a key


class Settings(BaseSettings):
    """The values of our variables; each attribute is the variable's name in lower case. Made by `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    # the gate
    paper_mode: Flag = None
    live_mode: Flag = None
    safety_mode: Flag = None
    dry_run: Flag = None
    live_arm_file: Flag = None
    upbit_api_key: Secret = None
    upbit_secret_key: Secret = None
    binance_api_key: Secret = None
    binance_secret_key: Secret = None

    # what may be risked; RiskLimits has the units
    risk_max_position_size: Limit = None
    risk_max_depth_pct: Limit = None
    risk_min_spread_pct: Limit = None
    risk_max_edge_pct: Limit = None
    risk_max_slippage_pct: Limit = None
    risk_collar_pct: Limit = None
    risk_unwind_collar_pct: Limit = None
    risk_max_position_count: CountLimit = None
    risk_max_trades_per_hour: CountLimit = None
    risk_max_trades_per_day: CountLimit = None
    risk_max_repeats_per_minute: CountLimit = None
    risk_max_messages_per_s: CountLimit = None
    risk_max_daily_loss: Limit = None
    risk_max_total_loss: Limit = None
    risk_max_naked_notional: Limit = None
    risk_max_naked_s: CountLimit = None
    risk_dust_cap: Limit = None
    risk_circuit_breaker_threshold: Limit = None
    risk_circuit_breaker_cooldown_s: CountLimit = None
    risk_min_fill_rate: Limit = None
    risk_max_failed_plans: CountLimit = None
    risk_max_venue_errors: CountLimit = None
    risk_max_book_age_ms: CountLimit = None
    risk_max_fx_age_ms: CountLimit = None
    risk_max_book_skew_ms: CountLimit = None
    risk_max_clock_skew_ms: CountLimit = None

    # the state store; REDIS_URL is another way to write these five
    redis_host: Annotated[str, kinds.HOST] = "localhost"
    redis_port: Annotated[int, whole(1, 65_535)] = 6380
    redis_db: Annotated[int, whole(0, 65_535)] = 0
    redis_username: Annotated[str | None, kinds.LABEL] = None
    redis_password: Secret = None
    state: Annotated[str, one_of("redis", "memory")] = "redis"
    state_dir: Annotated[Path, kinds.PATH] = Path("var")
    app_env: Annotated[str, kinds.LABEL] = "local"

    # the venues (developers' documentation of Upbit and Binance)
    pairs: Annotated[tuple[str, ...], kinds.PAIRS] = ("BTC", "ETH", "XRP", "SOL")
    upbit_rest_url: RestUrl = "https://api.upbit.com"
    upbit_ws_url: SocketUrl = "wss://api.upbit.com/websocket/v1"
    binance_rest_url: RestUrl = "https://api.binance.com"
    binance_ws_url: SocketUrl = "wss://stream.binance.com:9443"
    binance_ws_api_url: SocketUrl = "wss://ws-api.binance.com:443/ws-api/v3"
    reference_rate_url: Annotated[str | None, url_or_off("https", "http")] = "https://api.frankfurter.dev"
    sandbox_hosts: Annotated[tuple[str, ...], kinds.HOSTS] = ()
    upbit_fee_pct: Annotated[Decimal, amount(0, 5)] = Decimal("0.05")
    binance_fee_pct: Annotated[Decimal, amount(0, 5)] = Decimal("0.10")

    # Shadow's virtual inventory (KRW worth on each venue) and its assumed way to a venue
    shadow_capital_krw: Annotated[Decimal, amount(1, 1_000_000_000_000)] = Decimal(10_000_000)
    shadow_latency_ms: Annotated[int, whole(0, 60_000)] = 50

    # the numbers that Prometheus reads; port 0 is off
    metrics_host: Annotated[str, kinds.HOST] = "127.0.0.1"
    metrics_port: Annotated[int, whole(0, 65_535)] = 9108

    # whom to call, as addresses of apprise; without ALERT_ACK_REQUIRED an answer is asked for in Live, if there are any
    alert_urls: Annotated[SecretStr | None, kinds.ADDRESSES] = None
    alert_ack_required: Annotated[bool | None, kinds.YES_OR_NO] = None
    alert_min_severity: Annotated[str, one_of("info", "warning", "critical")] = "info"

    # the dashboard: no token has a default; the names that it answers to beside those of loopback
    dashboard_read_token: Secret = None
    dashboard_control_token: Secret = None
    dashboard_hosts: Annotated[tuple[str, ...], kinds.AUTHORITIES] = ()

    # the rest; without LOG_FORMAT a terminal gets text and everything else JSON
    trading_day_tz: Annotated[str, kinds.TIME_ZONE] = "Asia/Seoul"
    log_level: Annotated[str, one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")] = "INFO"
    log_format: Annotated[str | None, one_of("json", "console")] = None
    scenario_file: Annotated[Path | None, kinds.PATH] = None
    halt_file: Annotated[Path, kinds.PATH] = Path("var/HALT")
    busy_poll: Annotated[bool, kinds.YES_OR_NO] = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load_settings` gathered and nothing else: the library's own readers let misspelt names pass."""
        return (init_settings,)

    def risk_limits(self) -> RiskLimits:
        """Return the given limits over the cautious profile; the profile alone if they are not usable."""
        try:
            return RiskLimits.over_cautious(self._given_limits())
        except ValueError:
            return RiskLimits.over_cautious({})

    def gate_evidence(self) -> GateEvidence:
        """Return what the mode gate looks at. Reads the file that LIVE_ARM_FILE names."""
        problem = self._limits_problem()
        return GateEvidence(
            paper_mode=self.paper_mode,
            live_mode=self.live_mode,
            safety_mode=self.safety_mode,
            dry_run=self.dry_run,
            keys_present=frozenset(name for name in API_KEYS if getattr(self, name.lower())),
            limits=None if problem else self.risk_limits(),
            limits_problem=problem,
            arm_file=None if self.live_arm_file is None else _read_arm_file(self.live_arm_file),
        )

    def without_keys(self) -> Self:
        """Return the same settings without the API keys, for the modes that must not hold them."""
        return self.model_copy(update={name.lower(): None for name in API_KEYS})

    def config_digest(self) -> str:
        """Return 12 hex digits that change with every setting but the secrets: they tell configurations apart."""
        written = "\n".join(
            f"{name}={str(value)!a}" for name, value in sorted(dict(self).items()) if name.upper() not in SECRETS
        )
        return sha256(written.encode()).hexdigest()[:_DIGITS]

    def guard_namespace(self, mode: Mode) -> str:
        """Return the prefix under which losses and latches are kept: in Live the accounts', whatever APP_ENV says.

        Raises ConfigurationError if Live's accounts are not known, because an API key is missing.
        """
        if mode is not Mode.LIVE:
            return namespace_of(mode, self.app_env)
        if not (self.upbit_api_key and self.binance_api_key):
            raise ConfigurationError("UPBIT_API_KEY, BINANCE_API_KEY: both are needed to tell whose losses to count")
        accounts = "\n".join(key.get_secret_value() for key in (self.upbit_api_key, self.binance_api_key))
        return namespace_of(mode, f"acct-{sha256(accounts.encode()).hexdigest()[:_DIGITS]}")

    def account_dir(self, mode: Mode) -> Path:
        """Return the folder of STATE_DIR that belongs to one mode's account: its intent log and its latches.

        Raises ConfigurationError like `guard_namespace`.
        """
        return self.state_dir / self.guard_namespace(mode).replace(":", "-")

    def _given_limits(self) -> dict[str, Decimal | int]:
        given = {field.name: getattr(self, f"risk_{field.name}") for field in fields(RiskLimits)}
        return {name: value for name, value in given.items() if value is not None}

    def _limits_problem(self) -> str:
        given = self._given_limits()
        missing = [f"RISK_{name.upper()} is not set" for name in NEEDED_FOR_LIVE if name not in given]
        try:
            RiskLimits.over_cautious(given)
        except ValueError as failure:
            return "; ".join([str(failure), *missing])
        return "; ".join(missing)


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Read the environment (that of the process unless given), over `.env`. Raises ConfigurationError in one line."""
    given = gather(
        os.environ if environ is None else environ, env_file, [name.upper() for name in Settings.model_fields]
    )
    given.setdefault("HALT_FILE", str(Path(given.get("STATE_DIR", "var")) / "HALT"))
    texts: dict[str, Any] = {name.lower(): text for name, text in given.items()}
    try:
        settings = Settings(**texts)
    except ValidationError as failure:
        complaint = "; ".join(_complaints(failure))
    else:
        complaint = "; ".join(_plain_urls(settings))
        if not complaint:
            return settings
    raise ConfigurationError(complaint)  # out of the except block: the library's error carries what was given


def ensure_state_dir(settings: Settings) -> Path:
    """Make the state folder if need be and return it. Raises ConfigurationError if it cannot be written."""
    folder = settings.state_dir
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as failure:
        raise ConfigurationError(f"STATE_DIR: cannot write to {folder} ({failure.strerror})") from None
    return folder


def _complaints(failure: ValidationError) -> Iterator[str]:
    errors = failure.errors(include_url=False, include_context=False, include_input=False)
    for name in dict.fromkeys(str(error["loc"][0]) for error in errors):
        allowed = [kind.allowed for kind in Settings.model_fields[name].metadata if isinstance(kind, Kind)]
        yield f"{name.upper()}: must be {allowed[0]}"


def _plain_urls(settings: Settings) -> Iterator[str]:
    for name in (*VENUE_URLS, "reference_rate_url"):
        parts = urlsplit(getattr(settings, name) or "")
        host = parts.hostname or ""
        if parts.scheme in {"http", "ws"} and not kinds.is_loopback(host) and host not in settings.sandbox_hosts:
            yield f"{name.upper()}: must be {parts.scheme}s, unless its host is this machine or listed in SANDBOX_HOSTS"


def _read_arm_file(path: str) -> ArmFile:
    try:
        with open(path, encoding="utf-8") as file:
            return ArmFile(path, file.read(_LARGEST_ARM_FILE))
    except (OSError, ValueError):
        return ArmFile(path, None)
