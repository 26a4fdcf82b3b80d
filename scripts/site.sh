#!/bin/sh
# Makes what docker-compose.yml takes from its operator: the folder site/ (or the one named) with passwords drawn by
# chance, and .env. What is there already stays as it is, so it can be run again at any time.
# Usage: scripts/site.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
site=${1:-site}

# Files are readable for the container's user, whatever his number here; the folder around them is closed to all but you.
umask 022
[ -d "$site" ] || mkdir -m 700 "$site"
mkdir -p "$site/dragoman" "$site/asterisk" "$site/models" "$site/prometheus" "$site/secrets"

random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep FILE: writes standard input there, unless the file is there
    if [ -e "$site/$1" ]; then cat >/dev/null; else cat >"$site/$1"; echo "made $site/$1"; fi
}
secret() { cat "$site/secrets/$1"; }

random 24 | keep secrets/ari-password
random 24 | keep secrets/postgres-password
random 24 | keep secrets/redis-password
random 24 | keep secrets/grafana-password
random 32 | keep secrets/admin-key
random 32 | keep secrets/voices-key
printf 'postgresql://dragoman:%s@127.0.0.1:5432/dragoman' "$(secret postgres-password)" | keep secrets/store-url
printf 'redis://:%s@127.0.0.1:6379/0' "$(secret redis-password)" | keep secrets/redis-url
keep secrets/redis.conf <<END
bind 127.0.0.1
port 6379
requirepass $(secret redis-password)
# A cache: what is lost is translated again, and the oldest goes first.
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
END
keep dragoman/dragoman.toml <<END
# Your settings; ../../config/dragoman.toml names all of them. Passwords, PostgreSQL and Redis are set by
# docker-compose.yml. Files of keys lie beside this one: api_key_file = "deepgram-key".
[rooms]
languages = ["en", "es", "ca"]
END
if [ ! -e .env ]; then
    cat >.env <<END
# cpu or gpu, and monitoring for Prometheus and Grafana.
COMPOSE_PROFILES=cpu,monitoring
# Packages of engines in the image (pyproject.toml, optional-dependencies).
# DRAGOMAN_EXTRAS=deepgram,deepl,redis,voices,admin
END
    # Whole: compose takes a path without a leading ./ for the name of a volume.
    [ "$site" = site ] || echo "DRAGOMAN_SITE=$(cd "$site" && pwd)" >>.env
    echo "made .env"
fi
