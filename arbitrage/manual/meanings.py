"""What each variable means, in one line for people. The limits are not here: `RiskLimits` tells of those itself.

Nothing reads it while the program runs; a test holds it against the settings.
"""

from typing import Final

MEANINGS: Final = {
    # the gate
    "paper_mode": "play the scenarios of SCENARIO_FILE instead of trading; wins over everything",
    "live_mode": "one of the three flags that Live needs",
    "safety_mode": "the same: the guard reviews every order",
    "dry_run": "the same: send nothing",
    "live_arm_file": "one more layer of the gate: a file that must hold a phrase, looked at all the time",
    "upbit_api_key": "the key's name; it may trade, move no money, and is bound to this machine's address",
    "upbit_secret_key": "what signs with it",
    "binance_api_key": "the key's name; it may trade, move no money, and is bound to this machine's address",
    "binance_secret_key": "what signs with it",
    # the state store
    "redis_host": "where Redis answers",
    "redis_port": "and on which port; in compose it is 6379",
    "redis_db": "which of its databases",
    "redis_username": "who we are there; without it, its default user",
    "redis_password": "and the password of that user",
    "state": "`memory` keeps nothing when the program ends, and says so; never in Live",
    "state_dir": "intent log, latches, mailbox and halt file of this machine",
    "app_env": "a word in every key of Paper and Shadow, so that several may share a Redis",
    # the venues
    "pairs": "base assets to trade",
    "upbit_rest_url": "questions and orders; another than the venue's own is for the sandbox",
    "upbit_ws_url": "market data; the private stream lies behind it",
    "binance_rest_url": "questions and orders",
    "binance_ws_url": "market data",
    "binance_ws_api_url": "the private stream",
    "reference_rate_url": "a bank's USD/KRW, shown beside the executable rate and never traded on",
    "sandbox_hosts": "hosts that may be reached without TLS, beside this machine itself",
    "upbit_fee_pct": "taker fee in percent; Live reads the account's own",
    "binance_fee_pct": "taker fee in percent; Live reads the account's own",
    # Shadow
    "shadow_capital_krw": "virtual capital on each venue",
    "shadow_latency_ms": "how long a virtual order is on its way",
    # metrics
    "metrics_host": "the address that Prometheus reads from",
    "metrics_port": "and its port; 0 is off",
    # alerts
    "alert_urls": "where alerts go, as addresses of apprise (Telegram, Slack, Discord, mail and others)",
    "alert_ack_required": "whether an unanswered critical alert stops new plans after a minute",
    "alert_min_severity": "what is less than this is not sent; it is shown nevertheless",
    # the dashboard
    "dashboard_read_token": "lets its holder look; `arbitrage dashboard --new-token` makes one",
    "dashboard_control_token": "lets its holder halt, flatten and acknowledge as well; not the same one",
    "dashboard_hosts": "the names by which browsers reach it, beside those of this machine itself",
    # the rest
    "trading_day_tz": "whose midnight ends the trading day",
    "log_level": "what is less than this is not logged",
    "log_format": "how lines look",
    "scenario_file": "what Paper plays: a scenario, or a folder of them",
    "halt_file": "while it is there no new plan is made",
    "busy_poll": "never sleep while waiting for frames: quicker by what waking up takes, for a whole core",
}

DEFAULTS: Final = {
    "paper_mode": "false",
    "live_mode": "false",
    "safety_mode": "true",
    "dry_run": "true",
    "halt_file": "STATE_DIR/HALT",
    "alert_ack_required": "yes in Live, if ALERT_URLS is set",
    "log_format": "console on a terminal, else json",
}
"""What holds where nothing is set, for the settings of which the code only says "nothing"."""
