"""Redis's users as they are written, against the commands that the code has: none missing, and none too many."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra" / "access.sh"
USERS = ROOT / "infra" / "redis.users"
FOLDERS = ("redis", "arbitrage", "dashboard", "grafana")

KNOWN = frozenset(
    re.findall(
        "[A-Z]+",
        "PING SELECT INFO MULTI EXEC DISCARD WATCH UNWATCH EVAL EVALSHA EXISTS TYPE DEL UNLINK PTTL TTL EXPIRE PEXPIRE "
        "GET MGET SET MSET INCR INCRBY DECR HGET HMGET HGETALL HSET HSETNX HDEL HLEN HEXISTS HKEYS HVALS HINCRBY HSCAN "
        "ZADD ZREM ZCARD ZCOUNT ZSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZREMRANGEBYSCORE "
        "ZPOPMIN XADD XDEL XLEN XRANGE XREVRANGE XREAD XTRIM XINFO LPUSH RPUSH LPOP RPOP LRANGE LLEN LTRIM SADD SREM "
        "SMEMBERS SISMEMBER SCARD PUBLISH SUBSCRIBE KEYS SCAN RENAME COPY PERSIST FLUSHDB FLUSHALL",
    )
)
"""Redis's commands that code like ours might use."""

METHODS = {name.lower(): name for name in KNOWN if name not in {"PING", "EVAL", "WATCH", "TYPE"}} | {
    "delete": "DEL",
    "incr": "INCRBY",  # redis-py sends that
}
TEARS_DOWN = {
    "flushall",
    "flushdb",
    "shutdown",
    "config|set",
    "acl",
    "debug",
    "keys",
    "migrate",
    "restore",
    "replicaof",
}


def of_user(name: str) -> set[str]:
    """Return the commands that a user may run somewhere."""
    text = re.sub(r"^#.*$", "", USERS.read_text(), flags=re.MULTILINE)
    (rules,) = re.findall(rf"^user {name} (.*?)(?=^user |\Z)", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\+([a-z|]+)", rules))


def commands_in(*places: str) -> Iterator[tuple[str, str]]:
    """Yield each Redis command in the code with the file that has it: as words, in Lua, and as redis-py's methods."""
    for place in places:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            text = file.read_text()
            words = re.findall(r"""\(\s*["']([A-Z]{3,})["']\s*[,)]""", text)
            methods = re.findall(r"\b(?:pipe|_?redis)\.([a-z_]+)\(", text)
            for name in {*words, *(METHODS[method] for method in methods if method in METHODS)} & KNOWN:
                yield name.lower(), str(file.relative_to(ROOT))


def test_the_daemon_and_its_commands_may_do_all_that_their_code_does() -> None:
    allowed = of_user("arbitrage")
    places = [folder.name for folder in (ROOT / "arbitrage").iterdir() if folder.name not in {"sandbox", "dashboard"}]

    found = dict(commands_in(*(f"arbitrage/{place}" for place in places)))

    assert {"xadd", "hgetall", "zrangebyscore", "hincrby"} <= found.keys()
    assert {name: file for name, file in found.items() if name not in allowed} == {}


def test_the_page_may_do_all_that_its_code_does() -> None:
    allowed = of_user("dashboard")
    files = [str(file.relative_to(ROOT)) for file in (ROOT / "arbitrage" / "dashboard").glob("*.py")]  # it draws deeper

    assert {name: file for name, file in commands_in(*files) if name not in allowed} == {}


@pytest.mark.parametrize("user", ["health", "arbitrage", "dashboard"])
def test_nobody_may_empty_stop_or_change_the_server(user: str) -> None:
    assert of_user(user)
    assert not of_user(user) & TEARS_DOWN
    assert not any(re.search(rf"^user {user} .*\+@", line) for line in USERS.read_text().splitlines())


def test_who_has_no_name_is_nobody() -> None:
    (rules,) = re.findall("^user default (.*)$", USERS.read_text(), re.MULTILINE)

    # off; the rights are for playing the append-only file back, which Redis does under this name
    assert rules.split() == ["off", "resetpass", "~*", "&*", "+@all"]


def test_the_page_writes_nothing_but_rows_of_commands() -> None:
    text = USERS.read_text()
    (rules,) = re.findall(r"^user dashboard (.*)\Z", text, re.MULTILINE | re.DOTALL)
    outside, inside = re.fullmatch(r"(.*)\((.*)\)\s*", rules, re.DOTALL).groups()  # type: ignore[union-attr]

    assert re.findall(r"(\S*~\S+)", outside) == ["%R~arbitrage:*"]
    assert not {"set", "del", "hset", "xadd", "eval", "evalsha"} & set(re.findall(r"\+(\S+)", outside))
    assert inside.split() == ["~arbitrage:*:commands", "-@all", "+xadd"]


def access(folder: Path, **environ: str) -> dict[str, str]:
    """Run the script as its container does; return every file that it leaves."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    given = {"ACCESS_DIR": str(folder), "SECRETS_DIR": str(folder / "given"), "REDIS_USERS": str(USERS)}
    subprocess.run(["sh", str(SCRIPT)], env={"PATH": "/usr/bin:/bin", **given, **environ}, check=True, timeout=20)
    files = [path for name in FOLDERS for path in (folder / name).iterdir()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_passwords_and_tokens_are_made_once_and_are_long(tmp_path: Path) -> None:
    first = access(tmp_path)
    made = [text for name, text in first.items() if not name.endswith(("users.acl", "alert_urls"))]

    assert access(tmp_path) == first
    assert len(set(made)) == len(made) == 5
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in made)


def test_redis_is_given_one_line_for_each_user_and_hashes_only(tmp_path: Path) -> None:
    files = access(tmp_path)
    lines = files.pop("redis/users.acl").splitlines()

    assert [line.split()[1] for line in lines] == ["default", "health", "arbitrage", "dashboard"]
    assert all(re.search(" #[0-9a-f]{64} ", line) for line in lines[2:])
    assert not [name for name, text in files.items() if text and text in "\n".join(lines)]


def test_a_secret_that_was_given_is_taken_over(tmp_path: Path) -> None:
    before = access(tmp_path)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "dashboard_read_token").write_text("given-token\r\n")

    after = access(tmp_path, REDIS_PASSWORD="of the environment")

    assert after["dashboard/read_token"] == "given-token"
    assert after["arbitrage/redis_password"] == "of the environment"
    assert after["dashboard/control_token"] == before["dashboard/control_token"]
    assert after["redis/users.acl"] != before["redis/users.acl"]


def test_the_page_calls_whom_the_daemon_calls(tmp_path: Path) -> None:
    nobody = access(tmp_path)["dashboard/alert_urls"]
    given = access(tmp_path, ALERT_URLS="json://desk.example.com")["dashboard/alert_urls"]
    (tmp_path / "mine").write_text("json://a.example.com json://b.example.com\n")
    as_a_file = access(tmp_path, ALERT_URLS_FILE=str(tmp_path / "mine"))["dashboard/alert_urls"]

    assert (nobody, given) == ("", "json://desk.example.com")
    assert as_a_file.split() == ["json://a.example.com", "json://b.example.com"]
