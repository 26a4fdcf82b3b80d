#!/bin/sh
# Installs the Debian/Ubuntu packages that are missing; does nothing (in some 20 ms) when none is.
# Usage: scripts/packages.sh [--print] GROUP...     groups: run demo test
set -eu

# run: the embedded engines. libespeak-ng and the espeak-ng program speak, Apertium translates.
run="espeak-ng espeak-ng-data libespeak-ng1 apertium"
# Language pairs: what a release lacks is left out, the engine says so where it is missed.
pairs="apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-fr-es apertium-es-pt apertium-spa-ita"
# demo: a phone, and voices for the callers. (A private PBX is made by `dragoman demo` itself.)
demo="baresip-core flite"
# test: SIP load, a real Prometheus to scrape us, a real Redis for the translation cache, a real PostgreSQL for voices, the
# firewall's rules.
test="sip-tester prometheus redis-server postgresql nftables iproute2"

print=no
[ "${1:-}" = --print ] && { print=yes; shift; }
wanted=""
for group in "$@"; do
    case "$group" in
        run) wanted="$wanted $run" ;;
        demo) wanted="$wanted $demo" ;;
        test) wanted="$wanted $test" ;;
        *) echo "packages.sh: no group called $group (run demo test)" >&2; exit 2 ;;
    esac
done
python=${PYTHON:-python3}
path=$(command -v "$python" || true)
case "$path" in
    "") wanted="$wanted python3 python3-venv" ;;
    /usr/bin/*)  # Debian's python comes without venv
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        wanted="$wanted python$version-venv"
        # pocketsphinx comes built for 3.11 and 3.13 only; for others pip compiles it.
        case "$version" in 3.11|3.13) ;; *) wanted="$wanted gcc g++ python$version-dev" ;; esac ;;
esac

export DEBIAN_FRONTEND=noninteractive
lists() { [ "$(id -u)" != 0 ] || apt-get update -q >/dev/null; }
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }

missing=""
lacking=""
for package in $wanted; do
    installed "$package" || missing="$missing $package"
done
case " $* " in *" run "*) for package in $pairs; do installed "$package" || lacking="$lacking $package"; done ;; esac
# A release without a pair would make apt-get refuse everything. Once it is known to have none, it costs a look-up a run.
if [ -n "$lacking" ]; then
    apt-cache show apertium >/dev/null 2>&1 || lists
    for package in $lacking; do
        if apt-cache show "$package" >/dev/null 2>&1; then missing="$missing $package"
        else echo "this release has no $package: its languages will not be translated by Apertium" >&2; fi
    done
fi
[ "$print" = yes ] && { echo "$missing"; exit 0; }
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These Debian packages are missing, and installing them needs root:" >&2
    echo "    sudo apt-get install$missing" >&2
    exit 1
fi
echo "Installing Debian packages:$missing"
# A package's own service must not start beside ours (prometheus): policy-rc.d is what Debian asks before starting one.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
lists
log=$(mktemp)
# shellcheck disable=SC2086 - a list of words
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
