"""The command `arbitrage`: arguments in, exit code out. No decisions; every command lives in a module of its own."""
# ruff: noqa: PLC0415 - each command imports what it needs when it runs, so that check and status start at once

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from arbitrage.domain.errors import ArbitrageError, ConfigurationError, StateHeld, StateUnavailable, VenueUnreachable
from arbitrage.redaction import conceal_environment
from arbitrage.telemetry.cleaning import TRACE_LIMIT, clean_text
from arbitrage.telemetry.crash_text import clean_crashes
from liveguard.mode_gate import Mode, NotLive, NotWired

EXIT_CODES: Final[dict[type[ArbitrageError], int]] = {
    ConfigurationError: 2,
    NotLive: 3,
    NotWired: 3,
    StateHeld: 5,
    StateUnavailable: 4,
    VenueUnreachable: 6,
}
"""What a command ends with when it cannot go on; any other error of ours is 1. 5 is another holder of the lease."""

app = typer.Typer(
    name="arbitrage",
    help="Trades the Upbit (KRW) / Binance (USDT) premium. Unless told otherwise it sends no order: Shadow Live.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 mode or gate refused, 4 state store, "
    "5 another holder of the lease, 6 venue unreachable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
shadow = typer.Typer(help="Shadow's virtual inventory.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(shadow, name="shadow")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept in the journal.")]


def main() -> None:
    """Run the command line and end the process with its exit code."""
    conceal_environment(os.environ)
    clean_crashes()
    try:
        app()
    except ArbitrageError as failure:
        sys.stderr.write(f"arbitrage: {clean_text(str(failure), TRACE_LIMIT)}\n")
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(failure, kind)), 1))


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"arbitrage {version('arbitrage')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what stands before the command."""


@app.command()
def run(
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Exit with 5 rather than stand by, if another daemon trades the accounts.")
    ] = False,
) -> None:
    """Run the daemon until Ctrl-C.

    The mode is what the gate decides; see `arbitrage check`. In Live a second daemon of the same accounts stands by
    until the first one ends. In Paper it plays the scenarios of SCENARIO_FILE once, and leaves what came of them in
    Redis.

    \b
    Examples:
      arbitrage run
      arbitrage run --no-wait
      PAIRS=BTC,XRP LOG_FORMAT=console arbitrage run
      PAPER_MODE=true SCENARIO_FILE=tests/scenarios arbitrage run
    """
    from arbitrage.commands import run as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), waits=not no_wait))


@app.command()
def check(
    as_json: AsJson = False,
    require: Annotated[Mode | None, typer.Option(help="Exit with 3 if the gate decides for another mode.")] = None,
) -> None:
    """Say why this mode, and what to set for another.

    Each layer of the gate with its verdict. Needs no network.

    \b
    Examples:
      arbitrage check
      arbitrage check --json --require live
    """
    from arbitrage import check as gate
    from arbitrage.settings import load_settings

    raise typer.Exit(gate.main(load_settings(), as_json, require))


@app.command()
def status(
    as_json: AsJson = False,
    max_age: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="Exit with 1 if heartbeat or market data is older."),
    ] = None,
) -> None:
    """Say what the daemon is doing, from its state in Redis.

    \b
    Examples:
      arbitrage status
      arbitrage status --json
      arbitrage status --max-age 10
    """
    from arbitrage import status as report
    from arbitrage.settings import load_settings

    raise typer.Exit(report.main(load_settings(), as_json, max_age))


@app.command()
def watch(
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
) -> None:
    """Watch the daemon on this terminal until Ctrl-C.

    Mode and state with reasons, today's result against its limit, edges of the last minutes, books, inventory, plans,
    refusals, alerts. When Redis is gone it keeps the last picture, and says how old that is.

    \b
    Examples:
      arbitrage watch
      arbitrage watch --once
    """
    from arbitrage.commands import watch as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), once))


@app.command()
def report(
    day: Annotated[str, typer.Option(metavar="DAY", help="YYYY-MM-DD or yesterday; without it, today.")] = "",
    html: Annotated[
        Path | None, typer.Option("--html", dir_okay=False, metavar="FILE", help="Write a page with pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a trading day came to.

    Result, plans and outcomes, best and worst, fees, time to neutral, refusals and stops, by hour and by pair.

    \b
    Examples:
      arbitrage report
      arbitrage report --day yesterday --html var/yesterday.html
      arbitrage report --day 2026-11-22 --json
    """
    from arbitrage.commands import report as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), day, html, as_json))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Examine this machine, Redis, the venues, keys and limits, and say what to do.

    It asks, and changes nothing; no order is ever sent. Exits with 1 if something is bad.

    \b
    Examples:
      arbitrage doctor
      arbitrage doctor --json
    """
    from arbitrage.commands import doctor as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), as_json))


@app.command()
def halt(reason: Reason = "no reason given") -> None:
    """Make no new plans until `resume`; what is open is still closed.

    Works with Redis dead and with no daemon running: then the next one starts halted.

    \b
    Examples:
      arbitrage halt
      arbitrage halt --reason "the venue announced a maintenance"
    """
    from arbitrage.commands import halt as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), reason))


@app.command()
def resume(
    reason: Reason,
    latch: Annotated[str, typer.Option(metavar="NAME", help="Clear only this latch; `status` names them.")] = "",
) -> None:
    """Clear what stopped the daemon and stays until a person says so.

    Not the daily loss: only the next trading day clears that. Exits with 1 if something stays.

    \b
    Examples:
      arbitrage resume --reason "checked both accounts, nothing is open"
      arbitrage resume --latch implausible_edge --reason "the premium was real"
    """
    from arbitrage.commands import resume as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), reason, latch))


@app.command()
def ack(
    reason: Reason,
    alert: Annotated[
        str, typer.Argument(metavar="[ID]", help="The alert, as `status` names it; without it, all.")
    ] = "",
) -> None:
    """Say that you have seen an alert.

    A critical one that nobody answers within a minute lets the daemon start nothing new (ALERT_ACK_REQUIRED).

    \b
    Examples:
      arbitrage ack 12-3 --reason "looking at it"
      arbitrage ack --reason "saw all of them, the venue is in maintenance"
    """
    from arbitrage.commands import ack as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), alert, reason))


@app.command()
def flatten(
    reason: Reason,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to watch it.")] = 60.0,
) -> None:
    """Close what is open, then make no new plans until `resume`.

    Also where the daemon is HALTED and holds its hedges back. Exits with 1 if something is left open.

    \b
    Example:
      arbitrage flatten --reason "going on a journey"
    """
    from arbitrage.commands import flatten as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), reason, timeout))


@app.command()
def reconcile(
    accept: Annotated[
        str | None, typer.Option("--accept", metavar="REASON", help="Believe the venues, because of REASON.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the venues say that we own, against what we believe.

    Exits with 1 if something differs.

    \b
    Examples:
      arbitrage reconcile
      arbitrage reconcile --accept "sold 0.1 BTC by hand on Saturday"
    """
    from arbitrage.commands import reconcile as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), accept, as_json))


@app.command()
def limits(
    as_json: AsJson = False,
    lower: Annotated[
        str | None, typer.Option(metavar="NAME=VALUE", help="Make a limit of the running daemon stricter.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Show each limit, how much of it is used, and what would trip next.

    \b
    Examples:
      arbitrage limits
      arbitrage limits --json
      arbitrage limits --lower max_daily_loss=50000 --reason "a nervous market"
    """
    from arbitrage.settings import load_settings

    if lower is not None:
        from arbitrage.commands import lower as command

        raise typer.Exit(command.main(load_settings(), lower, reason))
    from arbitrage.commands import limits as report

    raise typer.Exit(report.main(load_settings(), as_json))


@app.command()
def init_state(
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Begin the account of losses and latches anew.

    Only while no daemon runs. It shows what it forgets before it asks.

    \b
    Example:
      arbitrage init-state --reason "moved to a new Redis, nothing is open on either venue"
    """
    from arbitrage.commands import init_state as command
    from arbitrage.settings import load_settings

    raise typer.Exit(command.main(load_settings(), reason, yes))


@app.command()
def paper(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Scenarios; a folder means its *.yaml.")],
    processes: Annotated[int, typer.Option("-j", "--jobs", min=1, max=256, help="How many play at once.")] = 1,
    seeds: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Play each under its own seed and the ones after it.")
    ] = 1,
    report: Annotated[
        Path | None, typer.Option(file_okay=False, metavar="DIR", help="Write a page with pictures into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play scenarios, and say whether what they expect came of them.

    In virtual time, on the code that trades. All files are read first: if one is wrong, nothing is played (2). Exits
    with 1 if an expectation does not hold. Equal runs end with equal digests.

    \b
    Examples:
      arbitrage paper tests/scenarios -j 2
      arbitrage paper my-scenario.yaml --seeds 1000 -j 4
      arbitrage paper tests/scenarios/*.yaml --report var/paper
      arbitrage paper tests/scenarios --json
    """
    from arbitrage.commands import paper as command

    asked = command.Asked(files=files, processes=processes, seeds=seeds, as_json=as_json, report=report)
    raise typer.Exit(command.main(asked))


@app.command()
def evaluate(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Books, fx, fees and limits.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say which plan two books would lead to, or why none.

    The same code as the daemon's; the form of the file is in docs/.

    \b
    Example:
      arbitrage evaluate books.json --json
    """
    from arbitrage import evaluate as desk

    raise typer.Exit(desk.main(file, as_json))


@app.command()
def sandbox(  # noqa: PLR0913, PLR0917 - typer makes an option of each parameter
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 8900,
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 1,
    speed: Annotated[float, typer.Option(min=0.01, max=1_000.0, help="How fast the market's time runs.")] = 1.0,
    tape: Annotated[Path | None, typer.Option(exists=True, help="Replay this recording, a file or a folder.")] = None,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What is to go wrong (YAML).")
    ] = None,
    balances: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What the accounts start with (YAML).")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Keep the balances in this file over a restart.")
    ] = None,
    control_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port of the control API, on loopback only; 0 takes a free one.",
            show_default="the one after --port",
        ),
    ] = None,
) -> None:
    """Play both venues on this machine.

    Their REST and websockets, public and private, fed by a market model or by a recording. Orders trade play money.

    \b
    Examples:
      arbitrage sandbox
      arbitrage sandbox --seed 7 --speed 10
      arbitrage sandbox --tape var/tape
      arbitrage sandbox --faults rough-day.yaml --keep var/play-money.json
    """
    from arbitrage.sandbox.server import SandboxOptions, run_sandbox

    options = SandboxOptions(
        host=host, port=port, seed=seed, speed=speed, tape=tape,
        faults=faults, balances=balances, keep=keep, control_port=control_port,
    )  # fmt: skip
    raise typer.Exit(run_sandbox(options))


@app.command()
def dashboard(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8080,
    new_token: Annotated[bool, typer.Option("--new-token", help="Print a new token and end.")] = False,
) -> None:
    """Show the daemon's state as a page, and take a halt from there.

    Needs DASHBOARD_READ_TOKEN and DASHBOARD_CONTROL_TOKEN, or the same names with _FILE. Only reads Redis, and can only
    lower risk: halt, flatten, acknowledge. Beyond this machine put TLS before it, and name its host in DASHBOARD_HOSTS.

    \b
    Examples:
      arbitrage dashboard --new-token
      arbitrage dashboard --port 8080
    """
    if new_token:
        from arbitrage.dashboard.tokens import new_token as make

        typer.echo(make())
        return
    from arbitrage.dashboard import serve
    from arbitrage.settings import load_settings

    raise typer.Exit(serve.main(load_settings(), host, port))


@app.command()
def record(
    directory: Annotated[Path, typer.Argument(file_okay=False, help="Where the daily files go.")],
    seconds: Annotated[float | None, typer.Option(min=0.001, help="Stop by itself after so long.")] = None,
) -> None:
    """Write the frames of both venues to daily files.

    Raw and compressed, with their arrival times; the sandbox can replay them.

    \b
    Example:
      arbitrage record var/tape --seconds 3600
    """
    from arbitrage.market_data.recorder import run_record
    from arbitrage.settings import load_settings

    raise typer.Exit(run_record(load_settings(), directory, seconds))


@shadow.command()
def reset() -> None:
    """Refill the virtual inventory to SHADOW_CAPITAL_KRW on each venue.

    \b
    Example:
      arbitrage shadow reset
    """
    from arbitrage.settings import load_settings
    from arbitrage.status import reset_shadow

    raise typer.Exit(reset_shadow(load_settings()))


if __name__ == "__main__":
    main()
