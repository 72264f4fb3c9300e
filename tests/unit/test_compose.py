"""The compose file, the image's recipe and .env.example as they are written; nothing is started here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from arbitrage.settings import Settings, load_settings
from arbitrage.settings.given import SECRETS
from liveguard.mode_gate import Mode, decide

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

OF_REDIS = {"REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE"}
FIXED = OF_REDIS | {"REDIS_URL", "REDIS_URL_FILE", "STATE_DIR", "METRICS_HOST", "METRICS_PORT"}
"""What is different inside, whatever `.env` says to the programs outside."""

TOKENS = {f"DASHBOARD_{role}_TOKEN{ending}" for role in ("READ", "CONTROL") for ending in ("", "_FILE")}
"""What opens the page: given to nobody but the page."""

OUR_IMAGES = {"access", "arbitrage", "dashboard", "sandbox", "paper"}
RUNS_ONCE = {"access", "paper"}
COMPOSES_OWN = {"COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}

OF_THE_PAGE = {"DASHBOARD_HOSTS"}
FOR_SMOKE = {"SCENARIO", "SCENARIOS_DIR"}
LEFT_OUT = {"REDIS_HOST", "REDIS_PORT", "STATE", "HALT_FILE", "SANDBOX_HOSTS", "SCENARIO_FILE"} | {
    f"{venue}_URL" for venue in ("UPBIT_REST", "UPBIT_WS", "BINANCE_REST", "BINANCE_WS", "BINANCE_WS_API")
}
"""What the example leaves out on purpose: for developers and rehearsals, or the container's own business."""


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
    return {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in SECRETS}


def test_every_variable_reaches_the_daemon_as_it_was_given() -> None:
    passed_on = {name for name, value in environment("arbitrage").items() if value is None}

    assert passed_on == our_names() - FIXED - TOKENS - OF_THE_PAGE | {"COMPOSE_PROFILES"}


def test_inside_the_state_is_where_compose_has_put_it() -> None:
    fixed = {name: value for name, value in environment("arbitrage").items() if value is not None}
    settings = load_settings(fixed | {"REDIS_PASSWORD_FILE": ""}, env_file=None)

    assert fixed.keys() == FIXED | TOKENS
    assert (settings.redis_host, settings.redis_port, settings.redis_username) == ("redis", 6379, "arbitrage")
    assert "state:/var/lib/arbitrage" in services()["arbitrage"]["volumes"]
    assert str(settings.state_dir) == "/var/lib/arbitrage"


def test_an_address_for_use_outside_does_not_lead_the_daemon_astray() -> None:
    from_env_file = {"REDIS_URL": "redis://localhost:6380/0", "REDIS_HOST": "localhost", "STATE_DIR": "var"}
    inside = {name: value for name, value in environment("arbitrage").items() if value is not None}
    inside["REDIS_PASSWORD_FILE"] = ""

    assert load_settings(from_env_file | inside, env_file=None).redis_host == "redis"


@pytest.mark.parametrize("service", sorted(services()))
def test_a_service_has_no_more_rights_than_it_needs(service: str) -> None:
    facts = services()[service]

    assert facts["read_only"] is True
    assert facts["cap_drop"] == ["ALL"]
    assert facts["security_opt"] == ["no-new-privileges:true"]
    assert facts["init"] is True
    assert facts["tmpfs"] == ["/tmp"]
    assert facts["mem_limit"]
    assert facts["pids_limit"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & facts.keys()
    assert facts.get("network_mode") in (None, "none")


@pytest.mark.parametrize("service", sorted(services()))
def test_what_is_to_last_is_looked_at_and_started_again(service: str) -> None:
    facts = services()[service]

    assert facts["restart"] == ("no" if service in RUNS_ONCE else "unless-stopped")
    assert ("healthcheck" in facts) == (service not in RUNS_ONCE)
    assert facts.get("healthcheck", {"test": ["CMD"]})["test"][0].startswith("CMD")


def test_nobody_runs_as_root() -> None:
    recipe = (INFRA / "Dockerfile").read_text()
    users = {name: facts["user"] for name, facts in services().items() if name not in OUR_IMAGES}

    assert users == {"redis": "redis", "prometheus": "65534:65534", "grafana": "472:0"}
    assert re.findall(r"^USER (.*)$", recipe, re.MULTILINE) == ["10001:10001"]


def test_what_is_published_is_published_on_this_machine_only() -> None:
    published = {name: facts["ports"] for name, facts in services().items() if "ports" in facts}

    assert published == {
        "redis": ["127.0.0.1:${REDIS_HOST_PORT:-6380}:6379"],
        "dashboard": ["127.0.0.1:${DASHBOARD_PORT:-8080}:${DASHBOARD_PORT:-8080}"],
        "prometheus": ["127.0.0.1:${PROMETHEUS_PORT:-9090}:9090"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],
    }


def test_nobody_sees_a_secret_that_is_not_his() -> None:
    access = {
        name: sorted(volume for volume in facts.get("volumes", []) if re.match(r"access-|\$\{SECRETS", volume))
        for name, facts in services().items()
    }

    assert access.pop("access") == [
        "${SECRETS_DIR:-./secrets}:/run/secrets:ro",
        *(f"access-{who}:/access/{who}" for who in ("arbitrage", "dashboard", "grafana", "redis")),
    ]
    assert access == {
        "arbitrage": ["${SECRETS_DIR:-./secrets}:/run/secrets:ro", "access-arbitrage:/run/access:ro"],
        "paper": ["access-arbitrage:/run/access:ro"],
        "dashboard": ["access-dashboard:/run/access:ro"],
        "grafana": ["access-grafana:/run/access:ro"],
        "redis": ["access-redis:/run/access:ro"],
        "sandbox": [],
        "prometheus": [],
    }


def test_the_page_gets_no_key_of_a_venue() -> None:
    assert not {name for name in environment("dashboard") if name.startswith(("UPBIT_", "BINANCE_", "RISK_"))}
    assert "env_file" not in services()["dashboard"]


def test_images_are_named_in_one_place_with_their_minor_version() -> None:
    named = compose()["x-images"]

    assert {facts["image"] for facts in services().values() if "image" in facts} == set(named.values())
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+[\d.]*(-alpine)?\}", image) for image in named.values())


def test_the_health_check_looks_at_trading() -> None:
    command = services()["arbitrage"]["healthcheck"]["test"]

    assert command == ["CMD", "arbitrage", "status", "--json", "--max-age", "30"]


def test_without_a_profile_there_is_what_trades_and_what_shows_it() -> None:
    assert {name: facts.get("profiles") for name, facts in services().items()} == {
        "access": None,
        "redis": None,
        "arbitrage": None,
        "dashboard": None,
        "sandbox": ["sandbox"],
        "paper": ["paper"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }


def test_both_generations_of_compose_read_the_file() -> None:
    # 1.29 refuses `name`, and `required` in a dependency; 2 warns about `version`
    assert compose().keys() == {"x-images", "x-hardening", "x-build", "services", "volumes"}
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


def test_the_example_shows_every_variable_that_an_operator_may_set() -> None:
    shown = example(uncommented=True).keys()
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (INFRA / "docker-compose.yml").read_text()))
    hidden = {name for name in Settings.model_fields if not {name.upper(), f"{name.upper()}_FILE"} & shown}

    assert {name.upper() for name in hidden} == LEFT_OUT
    assert of_compose - shown == FOR_SMOKE


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
