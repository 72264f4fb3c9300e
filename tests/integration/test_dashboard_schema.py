"""The API against its own OpenAPI description: what fits it and what does not is answered as described.

On the real command, by schemathesis in a process of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from arbitrage.state.keys import RedisAddress
from tests.daemon_rows import a_living_daemon
from tests.dashboard_process import CONTROL_TOKEN, Dashboard, a_dashboard

EXAMPLES = 8
"""For each operation, beside those that cover its description; by hand it is run with many more."""

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,negative_data_rejection,positive_data_acceptance,unsupported_method,"
    "missing_required_header"
)
"""Not `ignored_auth`: whoever shows wrong tokens is locked out here, and test_dashboard_doors.py tries every door."""


def schemathesis(dashboard: Dashboard, folder: Path, examples: int = EXAMPLES) -> "subprocess.CompletedProcess[str]":
    """Try the API in every way that its description allows and forbids."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{dashboard.url}/api/openapi.json",
        "--header", f"Authorization: Bearer {CONTROL_TOKEN}", "--header", f"Origin: {dashboard.url}",
        "--checks", CHECKS, "--max-examples", str(examples), "--phases", "examples,coverage,fuzzing",
        "--exclude-path", "/api/login", "--seed", "1", "--no-color", "--suppress-health-check", "all",
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("lives", [True, False], ids=["a daemon lives", "nobody is there"])
def test_the_api_is_what_it_says(redis_address: RedisAddress, app_env: str, tmp_path: Path, lives: bool) -> None:
    with (
        a_living_daemon(redis_address, app_env, lives=lives),
        a_dashboard(redis_address, app_env, tmp_path) as dashboard,
    ):
        done = schemathesis(dashboard, tmp_path)

    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
