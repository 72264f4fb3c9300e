#!/bin/sh
# The command `arbitrage` inside a container: it chooses the venues and becomes the command itself. It decides no mode.
#
# Compose cannot tell a service which profiles are on, so the network tells: where a sandbox runs, its name resolves, and
# `run` rehearses against it, with a state of its own (APP_ENV=sandbox). A container that rehearsed never goes to the real
# venues afterwards: it bears a mark, and started while the sandbox is away, it waits. The mark is a file in the state
# volume, because the container's own files are read-only and a tmpfs forgets at a restart. Its name is the container's
# id, so a new container (docker compose up --force-recreate arbitrage) is free again. By the mark `status`, the health
# check and whatever else `docker compose exec` starts know of the rehearsal too. Addresses of the venues that you give
# yourself (..._URL) win over all of this. The page looks where the daemon looks: it remembers by a mark of its own.
set -eu

# .internal is never anybody's public name (ICANN, 2024-07-29); the final dot keeps the host's search domains out
sandbox=sandbox.arbitrage.internal
patience_s=5 # with Redis running already, nothing makes us start after the sandbox
mark=$STATE_DIR/rehearsals/$(uname -n)

say() { # say LEVEL EVENT TEXT: a line like the daemon's own
  printf '{"timestamp":"%s","level":"%s","event":"%s","text":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$3"
}

runs() { getent hosts "$sandbox." >/dev/null; }

has_own_urls() {
  [ -n "${UPBIT_REST_URL-}${UPBIT_WS_URL-}${BINANCE_REST_URL-}${BINANCE_WS_URL-}${BINANCE_WS_API_URL-}" ]
}

is_asked_for() {
  case ",${COMPOSE_PROFILES-}," in *,sandbox,* | *,\*,*) return 0 ;; esac
  attempt=0
  until runs; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt "$patience_s" ] || return 1
    sleep 1
  done
}

wait_for_sandbox() {
  seconds=0
  until runs; do
    [ $((seconds % 60)) -ne 0 ] || say warning waiting_for_sandbox 'this container rehearses and never goes to the real venues: start the sandbox, or make a new container with docker compose up --force-recreate arbitrage'
    seconds=$((seconds + 1))
    sleep 1
  done
}

remember() {
  if [ ! -e "$mark" ] && is_asked_for; then
    mkdir -p "${mark%/*}"
    : >"$mark"
  fi
}

choose_venues() {
  trap 'exit 0' INT TERM
  remember
  [ -e "$mark" ] || return 0
  wait_for_sandbox
  say info rehearsal 'both venues are the sandbox of this compose project'
}

point_at_sandbox() {
  export APP_ENV=sandbox STATE_DIR="$STATE_DIR/sandbox" SANDBOX_HOSTS="$sandbox"
  export UPBIT_REST_URL="http://$sandbox:8900/upbit" UPBIT_WS_URL="ws://$sandbox:8900/upbit/websocket/v1"
  export BINANCE_REST_URL="http://$sandbox:8900/binance" BINANCE_WS_URL="ws://$sandbox:8900/binance"
  export BINANCE_WS_API_URL="ws://$sandbox:8900/binance/ws-api/v3" REFERENCE_RATE_URL="${REFERENCE_RATE_URL-http://$sandbox:8900/bank}"
}

if ! has_own_urls; then
  case ${1-} in
    run) choose_venues ;;
    dashboard) remember ;;
  esac
  [ ! -e "$mark" ] || point_at_sandbox
fi
exec /opt/arbitrage/bin/arbitrage "$@"
