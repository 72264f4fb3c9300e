"""Settings: what is given is understood or refused in one line, and no secret ever shows."""

import re
import traceback
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from arbitrage.domain.errors import ConfigurationError
from arbitrage.settings import Settings, ensure_state_dir, load_settings
from arbitrage.settings.given import SECRETS
from arbitrage.settings.names import is_one_edit, refuse_misspelt
from liveguard.mode_gate import API_KEYS, ARM_PHRASE, Mode, decide
from liveguard.risk_limits import CAUTIOUS, MOST, RiskLimits

CANARY = "kanarienvogel-0123456789"
KEYS = dict.fromkeys(API_KEYS, "k3y")
LIMITS = {"RISK_MAX_POSITION_SIZE": "500000", "RISK_MAX_DAILY_LOSS": "50000"}
LIVE = {"LIVE_MODE": "true", "DRY_RUN": "false", **KEYS, **LIMITS}


def settings(env_file: Path | None = None, **environ: str) -> Settings:
    return load_settings(environ, env_file)


def complaint(env_file: Path | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        settings(env_file, **environ)
    return str(refused.value)


def write(folder: Path, text: str) -> Path:
    file = folder / ".env"
    file.write_text(text)
    return file


def test_nothing_given_means_shadow_on_the_local_redis_with_four_pairs():
    nothing = settings()

    assert decide(nothing.gate_evidence()).mode is Mode.SHADOW
    assert (nothing.redis_host, nothing.redis_port, nothing.redis_db) == ("localhost", 6380, 0)
    assert nothing.pairs == ("BTC", "ETH", "XRP", "SOL")
    assert nothing.risk_limits() == RiskLimits.over_cautious({})
    assert (nothing.state_dir, nothing.halt_file) == (Path("var"), Path("var/HALT"))


def test_every_value_can_be_given():
    given = settings(
        PAIRS="btc, XRP,BTC,", REDIS_PORT="7000", SHADOW_CAPITAL_KRW="2500000.5", BUSY_POLL="Yes", LOG_FORMAT="JSON",
        STATE_DIR="/srv/state", UPBIT_FEE_PCT="0", TRADING_DAY_TZ="Europe/Berlin", LOG_LEVEL="debug",
    )  # fmt: skip

    assert given.pairs == ("BTC", "XRP")
    assert (given.redis_port, given.shadow_capital_krw, given.upbit_fee_pct) == (7000, Decimal("2500000.5"), 0)
    assert (given.busy_poll, given.log_format, given.log_level) == (True, "json", "DEBUG")
    assert (given.trading_day_tz, given.halt_file) == ("Europe/Berlin", Path("/srv/state/HALT"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[
            ("REDIS_PORT", text)
            for text in ("abc", "0", "65536", "6_380", " 6380", "1e3", "６３８０", "nan", "9" * 400)
        ],
        *[("SHADOW_CAPITAL_KRW", text) for text in ("nan", "inf", "-1", "0", "1e9", "1_000", "9" * 400, "10 KRW")],
        *[("UPBIT_FEE_PCT", text) for text in ("-0.01", "6", "0,05", "NaN", "Infinity")],
        *[("SHADOW_LATENCY_MS", text) for text in ("-1", "60001", "50ms", "0.5")],
        *[("PAIRS", text) for text in (",", "BTC;ETH", "B", "A" * 16, "ＢＴＣ", "BTC/KRW", "../x")],
        *[("TRADING_DAY_TZ", text) for text in ("Asia/Soul", "Asia", "../../etc/passwd", "/etc/localtime")],
        *[
            ("UPBIT_REST_URL", text)
            for text in ("api.upbit.com", "ftp://x", "https://", "https://u:p@x", "https://x?a=1")
        ],
        *[("BINANCE_WS_URL", text) for text in ("https://x", "wss://x:99999", "wss://x y", "wss://x\n")],
        *[("BUSY_POLL", text) for text in ("ture", "2")],
        *[("REDIS_HOST", text) for text in ("a b", "redis://x", "x/y", "-" * 300)],
        ("STATE", "disk"),
        ("APP_ENV", "a:b"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("SANDBOX_HOSTS", "a/b"),
        ("RISK_MAX_DAILY_LOSS", "lots"),
        ("RISK_MAX_DAILY_LOSS", "1e5"),
        ("RISK_MAX_POSITION_COUNT", "2.5"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(name, text):
    said = complaint(**{name: text})

    assert said.startswith(f"{name}: must be ")
    assert "\n" not in said


def test_all_bad_values_are_named_at_once():
    said = complaint(REDIS_PORT="x", STATE="y")

    assert "REDIS_PORT: must be a whole number from 1 to 65535" in said
    assert "STATE: must be one of redis, memory" in said


def test_an_empty_value_is_no_value_except_where_it_must_not_lead_to_live():
    empty = settings(**{**LIVE, "REDIS_PORT": "", "UPBIT_API_KEY": "", "SAFETY_MODE": "", "LIVE_ARM_FILE": ""})

    assert empty.redis_port == 6380
    unmet = [layer.name for layer in decide(empty.gate_evidence()).unmet]
    assert unmet == ["SAFETY_MODE", "API_KEYS", "LIVE_ARM_FILE"]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("RISK_MAX_DAILY_LOS", "RISK_MAX_DAILY_LOSS"),
        ("LIVE_MDOE", "LIVE_MODE"),
        ("DRYRUN", "DRY_RUN"),
        ("dry_run", "DRY_RUN"),
        ("SAFETY_MODES", "SAFETY_MODE"),
        ("REDIS_URI", "REDIS_URL"),
        ("PAIR", "PAIRS"),
        ("STAET", "STATE"),
        ("UPBIT_API_KEYS", "UPBIT_API_KEY"),
        ("UPBIT_API_KEY_FIEL", "UPBIT_API_KEY_FILE"),
        ("BINANCE_SECRET", "BINANCE_SECRET_KEY"),
        ("risk_max_daily_loss", "RISK_MAX_DAILY_LOSS"),
    ],
)
def test_a_misspelt_name_is_refused_with_what_was_meant(misspelt, meant, tmp_path):
    assert complaint(**{misspelt: CANARY}) == f"{misspelt}: unknown; did you mean {meant}?"
    assert meant in complaint(write(tmp_path, f"{misspelt}={CANARY}\n"))


@pytest.mark.parametrize("name", ["RISK_APPETITE", "UPBIT_X", "BINANCE_TESTNET", "SHADOW_OF_THE_COLOSSUS"])
def test_a_name_with_our_prefix_must_be_one_of_ours(name):
    assert complaint(**{name: "1"}).startswith(f"{name}: unknown")


# What shells, desktops, CI, containers, clouds and other programs commonly export.
INNOCENT = """
    HOME PATH PWD OLDPWD SHELL SHLVL TERM LANG LC_ALL LC_CTYPE LANGUAGE TZ USER LOGNAME HOSTNAME MAIL EDITOR VISUAL
    PAGER DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR XDG_STATE_HOME XDG_SESSION_ID SSH_AUTH_SOCK
    SSH_TTY TMPDIR TMP TEMP PS1 IFS COLUMNS LINES COLORTERM TERM_PROGRAM VIRTUAL_ENV PYTHONPATH PYTHONUNBUFFERED
    PYTHONDONTWRITEBYTECODE PIP_CERT PYENV_ROOT CONDA_PREFIX NODE_ENV NVM_DIR GOPATH JAVA_HOME CARGO_HOME HTTP_PROXY
    HTTPS_PROXY NO_PROXY http_proxy no_proxy SSL_CERT_FILE CURL_CA_BUNDLE CI GITHUB_ACTIONS GITHUB_TOKEN GITLAB_CI
    RUNNER_OS BUILD_ID STAGE STATUS STATS SLATE DATE RATE STAGING ENV APP APP_NAME APP_HOME APP_KEY ENVIRONMENT
    DEBUG VERBOSE LOG LOGS LOG_DIR LOG_FILE LOG_PATH PORT HOST REDIS REDIS_USER REDIS_TLS REDIS_IMAGE PYTHON_IMAGE
    COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES DOCKER_HOST KUBERNETES_PORT MODE PAPER REDIS_SERVICE_HOST
    REDIS_SERVICE_PORT REDIS_PORT_6379_TCP AWS_REGION AWS_PROFILE GOOGLE_CLOUD_PROJECT STATE_DIRECTORY
    RUNTIME_DIRECTORY LOGS_DIRECTORY INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET WSL_DISTRO_NAME DATABASE_URL
    SECRET_KEY API_KEY DEBIAN_FRONTEND PYTEST_CURRENT_TEST ARBITRAGE_RECORDINGS PAINS STARE SKATE SPATE
    ESTATE_ID _ LESS LS_COLORS npm_config_cache
"""


def test_the_variables_of_other_programs_are_no_concern_of_ours():
    names = [name.upper() for name in Settings.model_fields]

    refuse_misspelt(INNOCENT.split(), names)  # does not raise


@pytest.mark.parametrize(
    ("written", "known", "one"),
    [
        ("DRY_RUN", "DRY_RUN", False),
        ("DRY_RN", "DRY_RUN", True),
        ("DDRY_RUN", "DRY_RUN", True),
        ("DRY_RAN", "DRY_RUN", True),
        ("DRY_RNU", "DRY_RUN", True),
        ("YRD_RUN", "DRY_RUN", False),
        ("DRY_URNS", "DRY_RUN", False),
        ("STAGE", "STATE", False),
        ("", "A", True),
    ],
)
def test_one_edit_is_a_letter_left_out_added_swapped_or_mistaken(written, known, one):
    assert is_one_edit(written, known) is one


def test_the_environment_comes_before_the_file(tmp_path):
    file = write(
        tmp_path, "# ours\nexport REDIS_PORT=7001\nREDIS_DB='3' # the third\nCOMPOSE_FILE=infra/docker-compose.yml\n"
    )
    both = settings(file, REDIS_PORT="7002")

    assert (both.redis_port, both.redis_db) == (7002, 3)


def test_a_missing_env_file_is_fine(tmp_path):
    assert settings(tmp_path / ".env").redis_port == 6380


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n\nLIVE_MODE\n", "line 3: must be NAME=value"),
        ("LIVE_MODE: true\n", "line 1: must be NAME=value"),
        ("DRY_RUN=true\nDRY_RUN=false\n", "line 2: DRY_RUN is given twice"),
        (f"UPBIT_API_KEY='{CANARY}\n", "line 1: must be NAME=value"),
    ],
)
def test_a_line_of_the_env_file_that_cannot_be_read_is_named(text, said, tmp_path):
    assert said in complaint(write(tmp_path, text))


def test_an_env_file_that_is_a_folder_is_one_line(tmp_path):
    assert complaint(tmp_path) == f"{tmp_path}: cannot be read (Is a directory)"


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    given = settings(UPBIT_API_KEY_FILE=str(tmp_path / "key"))

    assert given.upbit_api_key
    assert given.upbit_api_key.get_secret_value() == "s3cret"


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_URL_FILE"])
def test_a_redis_url_is_another_way_to_write_host_port_database_user_and_password(name, tmp_path):
    url = "redis://trader:p%40ss@cache:7777/5"
    (tmp_path / "url").write_text(url)
    given = settings(**{name: str(tmp_path / "url") if name.endswith("FILE") else url})

    assert (given.redis_host, given.redis_port, given.redis_db) == ("cache", 7777, 5)
    assert given.redis_username == "trader"
    assert given.redis_password
    assert given.redis_password.get_secret_value() == "p@ss"


@pytest.mark.parametrize(
    "url",
    [
        "rediss://x",
        "redis://",
        "redis://u:p@x?db=1",
        "redis://x:0x",
        "redis://x/a",
        "redis://x:99999",
        "//x",
        "redis://[",
        "x",
    ],
)
def test_a_redis_url_that_is_not_understood_is_refused(url):
    assert complaint(REDIS_URL=url).startswith("REDIS_URL: must be an address such as")


def secret_failures(folder: Path) -> list[dict[str, str]]:
    (folder / "long").write_text(CANARY * 400)
    (folder / "two-lines").write_text(f"{CANARY}\n{CANARY}\n")
    (folder / "binary").write_bytes(CANARY.encode() + b"\xff\xfe")
    files = [str(folder / name) for name in ("long", "two-lines", "binary", CANARY)] + [
        CANARY,
        str(folder),
        "\0" + CANARY,
    ]
    return [
        *[{f"{key}_FILE": path} for key in (*API_KEYS, "REDIS_PASSWORD", "REDIS_URL") for path in files],
        *[{key: f"{CANARY}\n"[:at] + "\x01" + CANARY} for key in (*API_KEYS, "REDIS_PASSWORD") for at in (3, 9)],
        *[{key: CANARY, f"{key}_FILE": str(folder / "long")} for key in (*API_KEYS, "REDIS_PASSWORD")],
        *[
            {"REDIS_URL": url}
            for url in (f"rediss://:{CANARY}@x", f"redis://:{CANARY}@x:port/0", f"redis://{CANARY}:x@[")
        ],
        *[
            {name.upper(): CANARY, **KEYS}
            for name in ("redis_port", "pairs", "state", "upbit_rest_url", "risk_max_daily_loss")
        ],
        *[{name: f"https://u:{CANARY}@x"} for name in ("UPBIT_REST_URL", "BINANCE_REST_URL")],
        *[{"REDIS_PORT": "x", key: CANARY} for key in API_KEYS],
        *[{misspelt: CANARY} for misspelt in ("UPBIT_SECRET", "BINANCE_API_KEYS", "REDIS_PASWORD", "UPBIT_TOKEN")],
    ]


def test_no_failure_shows_a_secret(tmp_path):
    attempts = secret_failures(tmp_path)
    shown = [everything_about(refusal(environ)) for environ in attempts]

    assert len(attempts) > 60
    assert [text for text in shown if CANARY in text] == []


def refusal(environ: dict[str, str]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environ, None)
    return refused.value


def everything_about(failure: BaseException) -> str:
    """Return what a log, a crash report or a debugger could show: text, traceback, and what is hidden behind it."""
    behind = [error for error in (failure.__cause__, failure.__context__) if error]
    told = [*traceback.format_exception(failure), repr(failure), str(vars(failure)), *map(everything_about, behind)]
    return "\n".join(told)


def test_no_secret_is_shown_when_all_is_well():
    given = settings(**dict.fromkeys((*API_KEYS, "REDIS_PASSWORD"), CANARY))

    assert CANARY not in f"{given} {given!r} {given.model_dump()} {given.model_dump_json()} {given.gate_evidence()}"


def test_the_keys_can_be_dropped():
    dropped = settings(**LIVE).without_keys()

    assert dropped.gate_evidence().keys_present == frozenset()
    assert CANARY not in repr(vars(dropped))


@pytest.mark.parametrize(
    "name", ["UPBIT_REST_URL", "UPBIT_WS_URL", "BINANCE_REST_URL", "BINANCE_WS_URL", "BINANCE_WS_API_URL"]
)
def test_a_plain_address_is_only_for_this_machine_and_for_named_sandboxes(name):
    scheme = "ws" if "_WS_" in name else "http"
    for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9"):
        settings(**{name: f"{scheme}://{host}:8900/x"})
    settings(**{name: f"{scheme}://sandbox:8900/x", "SANDBOX_HOSTS": "other, Sandbox"})

    for host in ("sandbox", "api.upbit.com", "localhost.evil.com", "127.0.0.1.evil.com", "0.0.0.0", "127.1"):
        said = complaint(**{name: f"{scheme}://{host}/x"})
        assert said == f"{name}: must be {scheme}s, unless its host is this machine or listed in SANDBOX_HOSTS"


def test_every_limit_has_its_variable_and_no_other():
    variables = {name.removeprefix("risk_") for name in Settings.model_fields if name.startswith("risk_")}

    assert variables == {field.name for field in fields(RiskLimits)} == set(CAUTIOUS)


def test_given_limits_lie_over_the_cautious_profile():
    limits = settings(RISK_MAX_DAILY_LOSS="70000", RISK_MAX_POSITION_COUNT="2").risk_limits()

    assert limits == RiskLimits.over_cautious({"max_daily_loss": Decimal(70_000), "max_position_count": 2})


def test_with_keys_flags_and_limits_the_gate_says_live():
    assert decide(settings(**LIVE).gate_evidence()).mode is Mode.LIVE


@pytest.mark.parametrize("name", sorted(f"RISK_{name.upper()}" for name in CAUTIOUS))
@pytest.mark.parametrize("text", ["0", "-1", "NaN", "-nan", "inf", "-Infinity", "+0"])
def test_a_limit_that_is_not_above_zero_and_finite_is_shadow_with_the_cautious_profile(name, text):
    given = settings(**{**LIVE, name: text})
    decision = decide(given.gate_evidence())

    assert decision.mode is Mode.SHADOW
    assert [layer.name for layer in decision.unmet] == ["RISK_LIMITS"]
    assert name.removeprefix("RISK_").lower() in decision.unmet[0].seen
    assert given.risk_limits() == RiskLimits.over_cautious({})


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_that_live_needs_and_nobody_set_is_shadow(name):
    decision = decide(settings(**{**LIVE, name: ""}).gate_evidence())

    assert decision.mode is Mode.SHADOW
    assert decision.unmet[0].seen == f"{name} is not set"


def test_the_arm_file_is_read_when_it_is_asked_for(tmp_path):
    file = tmp_path / "arm"
    missing = decide(settings(**LIVE, LIVE_ARM_FILE=str(file)).gate_evidence())
    file.write_text(f"{ARM_PHRASE}\n")
    written = decide(settings(**LIVE, LIVE_ARM_FILE=str(file)).gate_evidence())

    assert (missing.mode, written.mode) == (Mode.SHADOW, Mode.LIVE)


def test_the_state_folder_is_made(tmp_path):
    folder = ensure_state_dir(settings(STATE_DIR=str(tmp_path / "a" / "b")))

    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_a_state_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"STATE_DIR: cannot write to .*file/var \(Not a directory\)"):
        ensure_state_dir(settings(STATE_DIR=str(tmp_path / "file" / "var")))


@pytest.mark.parametrize("name", sorted(f"RISK_{name.upper()}" for name in MOST))
def test_a_limit_beyond_what_it_can_mean_is_shadow_with_the_cautious_profile(name):
    given = settings(**{**LIVE, name: str(MOST[name.removeprefix("RISK_").lower()] + 1)})
    decision = decide(given.gate_evidence())

    assert decision.mode is Mode.SHADOW
    assert "limits beyond what they can mean" in decision.unmet[0].seen
    assert given.risk_limits() == RiskLimits.over_cautious({})


@pytest.mark.parametrize("name", sorted(f"RISK_{name.upper()}" for name in CAUTIOUS))
def test_a_limit_that_is_no_number_is_one_line(name):
    assert complaint(**{name: "half"}).startswith(f"{name}: must be ")


OTHER_VALUES = {
    "paper_mode": "true", "live_mode": "true", "safety_mode": "false", "dry_run": "false", "live_arm_file": "arm",
    "state": "memory", "pairs": "BTC", "upbit_ws_url": "wss://elsewhere", "binance_ws_url": "wss://elsewhere",
    "binance_ws_api_url": "wss://elsewhere", "upbit_rest_url": "https://elsewhere", "redis_host": "elsewhere",
    "binance_rest_url": "https://elsewhere", "reference_rate_url": "off", "trading_day_tz": "Europe/Berlin",
    "log_level": "ERROR", "log_format": "json", "busy_poll": "true",
    "alert_ack_required": "true", "alert_min_severity": "critical",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name in Settings.model_fields if name.upper() not in SECRETS))
def test_every_setting_that_is_no_secret_changes_the_digest(name):
    changed = settings(**{name.upper(): OTHER_VALUES.get(name, "4")})

    assert changed.config_digest() != settings().config_digest()


def test_the_digest_is_the_same_for_the_same_settings_and_says_nothing_of_secrets():
    with_secrets = settings(**dict.fromkeys((*API_KEYS, "REDIS_PASSWORD"), CANARY))

    assert re.fullmatch("[0-9a-f]{12}", settings().config_digest())
    assert with_secrets.config_digest() == with_secrets.without_keys().config_digest() == settings().config_digest()


def test_shadow_keeps_its_losses_by_app_env_and_live_by_account():
    here, there = settings(**KEYS, APP_ENV="here"), settings(**KEYS, APP_ENV="there")

    assert here.guard_namespace(Mode.SHADOW) == "arbitrage:shadow:here"
    assert here.guard_namespace(Mode.LIVE) == there.guard_namespace(Mode.LIVE)
    assert re.fullmatch("arbitrage:live:acct-[0-9a-f]{12}", here.guard_namespace(Mode.LIVE))


@pytest.mark.parametrize(
    ("name", "another_account"),
    [("UPBIT_API_KEY", True), ("BINANCE_API_KEY", True), ("UPBIT_SECRET_KEY", False), ("BINANCE_SECRET_KEY", False)],
)
def test_accounts_are_told_apart_by_their_api_keys_and_never_by_the_secret_ones(name, another_account):
    one, other = settings(**KEYS), settings(**{**KEYS, name: "0ther"})

    assert (one.guard_namespace(Mode.LIVE) != other.guard_namespace(Mode.LIVE)) is another_account


def test_two_keys_that_were_swapped_are_other_accounts():
    one = settings(UPBIT_API_KEY="a", BINANCE_API_KEY="b").guard_namespace(Mode.LIVE)

    assert settings(UPBIT_API_KEY="b", BINANCE_API_KEY="a").guard_namespace(Mode.LIVE) != one


@pytest.mark.parametrize("name", ["UPBIT_API_KEY", "BINANCE_API_KEY"])
def test_without_an_api_key_nobody_knows_whose_losses_to_count(name):
    with pytest.raises(ConfigurationError, match="UPBIT_API_KEY, BINANCE_API_KEY"):
        settings(**{**KEYS, name: ""}).guard_namespace(Mode.LIVE)
