#!/bin/sh
# Makes what the services show one another, before any of them starts: Redis's users, the page's tokens and addresses.
#
# A secret is taken from a file in infra/secrets if there is one, else kept from an earlier start, else made (256 bits).
# Each service sees the folder of its own and no other, as /run/access; Redis sees hashes only. It starts nothing.
set -eu
umask 022 # grafana and Redis are users of their own; who sees a folder at all is decided by its mounts

access=${ACCESS_DIR:-/access}
given=${SECRETS_DIR:-/run/secrets}
users=${REDIS_USERS:-/redis.users}

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

put() { # put PATH: what comes in, whole or not at all
  cat >"$1.new"
  mv "$1.new" "$1"
}

secret() { # secret PATH GIVEN_AS: keep, take over or make a secret
  if [ -s "$given/$2" ]; then
    tr -d '\r\n' <"$given/$2" | put "$1"
  elif [ ! -s "$1" ]; then
    random | put "$1"
  fi
}

sha256() { sha256sum <"$1" | cut -d ' ' -f 1; }

if [ -n "${REDIS_PASSWORD-}" ]; then
  printf %s "$REDIS_PASSWORD" | put "$access/arbitrage/redis_password"
else
  secret "$access/arbitrage/redis_password" redis_password
fi
secret "$access/dashboard/redis_password" dashboard_redis_password
secret "$access/dashboard/read_token" dashboard_read_token
secret "$access/dashboard/control_token" dashboard_control_token
secret "$access/grafana/admin_password" grafana_admin_password

# whom the page calls when the daemon falls silent: those whom the daemon calls; perhaps nobody
alerts=${ALERT_URLS_FILE:-$given/alert_urls}
if [ -n "${ALERT_URLS-}" ]; then
  printf %s "$ALERT_URLS" | put "$access/dashboard/alert_urls"
elif [ -e "$alerts" ]; then
  put "$access/dashboard/alert_urls" <"$alerts"
else
  printf '' | put "$access/dashboard/alert_urls"
fi

# one line for each user
sed -e '/^#/d' -e '/^$/d' \
  -e "s/ARBITRAGE_SHA256/$(sha256 "$access/arbitrage/redis_password")/" \
  -e "s/DASHBOARD_SHA256/$(sha256 "$access/dashboard/redis_password")/" "$users" |
  tr '\n' ' ' | sed 's/ user /\nuser /g; s/  */ /g' | put "$access/redis/users.acl"
