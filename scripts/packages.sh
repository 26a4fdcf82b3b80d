#!/bin/sh
# Installs the Debian/Ubuntu packages that are missing; does nothing (in some 20 ms) when none is.
# Usage: scripts/packages.sh [--print] GROUP...     groups: run demo test
set -eu

# run: the embedded engines. libespeak-ng and the espeak-ng program speak, Apertium translates.
run="espeak-ng espeak-ng-data libespeak-ng1
apertium apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-fr-es apertium-es-pt apertium-spa-ita"
# demo: a phone, voices for the callers, and what makes a private PBX where no Asterisk is installed.
demo="baresip-core flite"
# test: network faults (tc), SIP load (sipp), and a real Prometheus to scrape us.
test="iproute2 sip-tester prometheus"

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
case " $* " in
    *" demo "*|*" test "*) command -v asterisk >/dev/null 2>&1 || wanted="$wanted mmdebstrap" ;;
esac
# A Debian python3 comes without venv.
[ "$(command -v python3 || true)" = /usr/bin/python3 ] && wanted="$wanted python3-venv"

missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
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
export DEBIAN_FRONTEND=noninteractive
apt-get update -q -o APT::Update::Error-Mode=any >/dev/null || apt-get update -q
# shellcheck disable=SC2086 - a list of words
apt-get install -y -q --no-install-recommends $missing
