"""Metrics of the run itself: mode, gate, heartbeat, state store, lease, keys. They judge nothing."""

from collections.abc import Iterable
from typing import Final

from arbitrage.domain.instants import NS_PER_S
from arbitrage.domain.instruments import Venue
from arbitrage.telemetry.metrics_family import (
    UNKNOWN,
    Kind,
    OfPicture,
    OfView,
    Picture,
    Sample,
    known,
    one_of,
    only,
    seconds,
)
from liveguard.mode_gate import Mode


def _build(picture: Picture) -> Iterable[Sample]:
    facts = picture.facts
    return (((facts.version, facts.mode, facts.app_env, facts.config_digest), 1.0),)


def _layers(picture: Picture) -> Iterable[Sample]:
    return [((str(layer["name"]),), float(bool(layer["passed"]))) for layer in picture.facts.layers]


def _lease_s(picture: Picture) -> float:
    if picture.facts.mode != Mode.LIVE:
        return UNKNOWN
    until = picture.view.lease_until if picture.view else 0
    return max(0, until - picture.at) / NS_PER_S


def _key_expiries(picture: Picture) -> Iterable[Sample]:
    for venue in Venue:
        ends_at = picture.key_expiries.get(venue.value)
        yield (venue.value,), UNKNOWN if ends_at is None else seconds(ends_at)


RUN: Final = (
    OfPicture(
        name="build",
        kind=Kind.INFO,
        help="Which program runs: version, mode, installation, digest of the settings.",
        labels=("version", "mode", "app_env", "config_digest"),
        read=_build,
    ),
    OfPicture(
        name="start_timestamp_seconds",
        kind=Kind.GAUGE,
        help="When this run started.",
        read=lambda picture: only(seconds(picture.facts.started_at)),
    ),
    OfPicture(
        name="unclean_ends",
        kind=Kind.GAUGE,
        help="Runs of the ten minutes before this start that nobody had asked to end.",
        read=lambda picture: only(picture.unclean_ends),
    ),
    OfPicture(
        name="mode",
        kind=Kind.GAUGE,
        help="1 for the mode of this run: what happens to an order.",
        labels=("mode",),
        read=lambda picture: one_of(Mode, (picture.facts.mode,)),
    ),
    OfPicture(
        name="gate_layer_passed",
        kind=Kind.GAUGE,
        help="1 for each layer of the gate that speaks for Live.",
        labels=("layer",),
        read=_layers,
    ),
    OfPicture(
        name="view_timestamp_seconds",
        kind=Kind.GAUGE,
        help="When the engine last showed the state of things, which it does once a second; 0 if never.",
        read=lambda picture: only(seconds(picture.view.at if picture.view else None)),
    ),
    OfPicture(
        name="heartbeat_timestamp_seconds",
        kind=Kind.GAUGE,
        help="When the daemon last wrote its heartbeat to Redis; 0 if never. Unknown where STATE=memory.",
        read=lambda picture: only(known(picture.state.beat_at, 1 / NS_PER_S)),
    ),
    OfPicture(
        name="state_up",
        kind=Kind.GAUGE,
        help="1 while rows can be written to Redis. Unknown where STATE=memory.",
        read=lambda picture: only(picture.state.is_up),
    ),
    OfPicture(
        name="redis_round_trip_seconds",
        kind=Kind.GAUGE,
        help="How long the last ping to Redis took; unknown while Redis does not answer.",
        read=lambda picture: only(picture.state.round_trip_s),
    ),
    OfPicture(
        name="lease_remaining_seconds",
        kind=Kind.GAUGE,
        help="For how long orders may still leave without another renewal of the lease; unknown where none is needed.",
        read=lambda picture: only(_lease_s(picture)),
    ),
    OfPicture(
        name="api_key_expiry_timestamp_seconds",
        kind=Kind.GAUGE,
        help="When the API key of a venue ends; unknown outside of Live, and where it never ends.",
        labels=("venue",),
        read=_key_expiries,
    ),
    OfView(
        name="engine_events",
        kind=Kind.COUNTER,
        help="Events that the engine has handled.",
        read=lambda view: only(view.events),
    ),
)
"""Every metric of a run, in the order in which they are shown."""
