"""The compose file, the image's recipe and .env.example as they are written; nothing is started here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from arbitrage.settings import Settings, load_settings
from liveguard.mode_gate import API_KEYS, Mode, decide

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

FIXED = {"REDIS_HOST", "REDIS_PORT", "REDIS_URL", "REDIS_URL_FILE", "REDIS_PASSWORD_FILE", "STATE_DIR"}
"""What is different inside, whatever `.env` says to the programs outside."""

COMPOSES_OWN = {"COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((INFRA / "docker-compose.yml").read_text())
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def environment(service: str) -> dict[str, str | None]:
    pairs = (entry.partition("=") for entry in services()[service]["environment"])
    return {name: value if equals else None for name, equals, value in pairs}


def example(*, uncommented: bool = False) -> dict[str, str]:
    pattern = r"^#?([A-Z_]+)=(.*)$" if uncommented else r"^([A-Z_]+)=(.*)$"
    return dict(re.findall(pattern, (ROOT / ".env.example").read_text(), re.MULTILINE))


def our_names() -> set[str]:
    return {name.upper() for name in Settings.model_fields} | {f"{key}_FILE" for key in API_KEYS}


def test_every_variable_reaches_the_daemon_as_it_was_given() -> None:
    passed_on = {name for name, value in environment("arbitrage").items() if value is None}

    assert passed_on == our_names() - FIXED | {"COMPOSE_PROFILES"}


def test_inside_the_state_is_where_compose_has_put_it() -> None:
    fixed = {name: value for name, value in environment("arbitrage").items() if value is not None}
    settings = load_settings(fixed, env_file=None)

    assert fixed.keys() == FIXED
    assert (settings.redis_host, settings.redis_port) == ("redis", 6379)
    assert "state:/var/lib/arbitrage" in services()["arbitrage"]["volumes"]
    assert str(settings.state_dir) == "/var/lib/arbitrage"


def test_an_address_for_use_outside_does_not_lead_the_daemon_astray() -> None:
    from_env_file = {"REDIS_URL": "redis://localhost:6380/0", "REDIS_HOST": "localhost", "STATE_DIR": "var"}
    inside = {name: value for name, value in environment("arbitrage").items() if value is not None}

    assert load_settings(from_env_file | inside, env_file=None).redis_host == "redis"


@pytest.mark.parametrize("service", ["redis", "arbitrage", "sandbox"])
def test_a_service_has_no_more_rights_than_it_needs(service: str) -> None:
    facts = services()[service]

    assert facts["read_only"] is True
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    assert facts["init"] is True
    assert facts["mem_limit"]
    assert facts["pids_limit"]
    assert facts["restart"] == "unless-stopped"
    assert "privileged" not in facts
    assert facts["healthcheck"]["test"][0].startswith("CMD")


def test_nobody_runs_as_root() -> None:
    recipe = (INFRA / "Dockerfile").read_text()

    assert services()["redis"]["user"] == "redis"
    assert re.findall(r"^USER (.*)$", recipe, re.MULTILINE) == ["10001:10001"]


def test_only_redis_is_published_and_only_on_this_machine() -> None:
    published = {name: facts["ports"] for name, facts in services().items() if "ports" in facts}

    assert published == {"redis": ["127.0.0.1:${REDIS_HOST_PORT:-6380}:6379"]}


def test_the_health_check_looks_at_trading() -> None:
    command = services()["arbitrage"]["healthcheck"]["test"]

    assert command == ["CMD", "arbitrage", "status", "--json", "--max-age", "30"]


def test_only_the_sandbox_and_paper_wait_for_their_profiles() -> None:
    assert {name: facts.get("profiles") for name, facts in services().items()} == {
        "redis": None,
        "arbitrage": None,
        "sandbox": ["sandbox"],
        "paper": ["paper"],
    }


def test_both_generations_of_compose_read_the_file() -> None:
    # 1.29 refuses `name`, and `required` in a dependency; 2 warns about `version`
    assert compose().keys() == {"x-hardening", "x-build", "services", "volumes"}
    assert services()["arbitrage"]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert (INFRA / "no.env").exists()


def test_the_image_is_built_from_the_lock_and_carries_no_secret() -> None:
    recipe = (INFRA / "Dockerfile").read_text()

    assert "--require-hashes -r daemon.txt" in recipe
    assert recipe.startswith("#")
    assert "index-url" not in recipe
    assert not re.search("KEY|SECRET|PASSWORD|TOKEN", recipe)


def test_nothing_gets_into_the_image_unless_it_is_named() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith("!") and not (ROOT / rule[1:]).exists()]
    assert not [rule for rule in rules if rule.startswith("!") and re.search(r"\.env|secrets|tests|var", rule)]


def test_redis_keeps_everything() -> None:
    lines = (INFRA / "redis.conf").read_text().splitlines()
    settings = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"


def test_the_example_sends_nothing() -> None:
    decision = decide(load_settings({}, ROOT / ".env.example").gate_evidence())

    assert decision.mode is Mode.SHADOW
    assert example()["COMPOSE_FILE"] == "infra/docker-compose.yml"
    assert (INFRA / example()["DAEMON_ENV_FILE"]).resolve() == ROOT / ".env"


def test_the_example_names_only_what_somebody_reads() -> None:
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (INFRA / "docker-compose.yml").read_text()))

    assert example(uncommented=True).keys() - our_names() <= of_compose | COMPOSES_OWN


def test_the_values_behind_the_comments_are_the_ones_that_hold_without_them() -> None:
    shown = {name: value for name, value in example(uncommented=True).items() if not name.endswith("_FILE")}
    without_gate = {name: value for name, value in shown.items() if name != "LIVE_ARM_FILE"}

    given = load_settings(without_gate, env_file=None)
    silent = load_settings({}, env_file=None)

    assert given.risk_limits() == silent.risk_limits()
    for name in ("pairs", "upbit_fee_pct", "binance_fee_pct", "shadow_capital_krw", "shadow_latency_ms"):
        assert getattr(given, name) == getattr(silent, name), name
    for name in ("trading_day_tz", "app_env", "log_level", "busy_poll", "redis_db", "redis_password"):
        assert getattr(given, name) == getattr(silent, name), name
