"""Is Asterisk there, new enough, and has it the modules we need?"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from yarl import URL

from dragoman.check.finding import Finding, fail, ok, warn
from dragoman.errors import AriError, AriMalformed, AriTransportError
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.pbx.flaws import forgets_callers

OLDEST = 20
"""Major version: the oldest that still gets security fixes and has all the ARI operations we use."""

MODULES = {
    "app_confbridge.so": "the conferences",
    "bridge_softmix.so": "mixing in conferences",
    "bridge_simple.so": "joining tap and snoop",
    "chan_rtp.so": "ExternalMedia channels",
    "codec_g722.so": "the booths' codec",
    "codec_resample.so": "between 8 and 16 kHz",
    "res_ari.so": "ARI",
    "res_ari_applications.so": "ARI subscriptions",
    "res_ari_asterisk.so": "ARI's view of Asterisk",
    "res_ari_bridges.so": "ARI bridges",
    "res_ari_channels.so": "ARI channels",
    "res_ari_events.so": "ARI events",
    "res_http_websocket.so": "ARI events",
    "res_rtp_asterisk.so": "RTP",
    "res_stasis.so": "ARI",
    "res_stasis_snoop.so": "the taps",
}
"""What for, by module."""


def judge_version(version: str) -> Finding:
    """Whether this version of Asterisk will do."""
    major = version.removeprefix("certified/").split(".")[0].split("-")[0]
    if not major.isdigit():
        return fail("Asterisk", f"version {version!r}", f"install a released Asterisk, {OLDEST} or newer")
    if int(major) < OLDEST:
        return fail(
            "Asterisk", f"version {version}", f"upgrade to Asterisk {OLDEST} or newer (22 is what we test with)"
        )
    if forgets_callers(version):
        return warn(
            "Asterisk",
            f"version {version}: this package goes deaf to a caller once his jitter buffer filled in a frame",
            "have `jitterbuffer = no` in confbridge.conf ([dragoman_caller]), or install Asterisk as released",
        )
    return ok("Asterisk", f"version {version}")


def judge_modules(status: Mapping[str, str]) -> Finding:
    """Whether the modules we need run."""
    missing = [name for name in MODULES if status.get(name) != "Running"]
    if missing:
        needed = ", ".join(f"{name} ({MODULES[name]})" for name in missing)
        return fail(
            "modules", f"not running: {needed}", "load them in modules.conf, or: asterisk -rx 'module load <name>'"
        )
    return ok("modules", f"all {len(MODULES)} run")


def judge_url(url: str) -> list[Finding]:
    """Whether the ARI password, which every request bears, goes over a network in clear; nothing to say if not."""
    parsed = URL(url)
    host = parsed.host or ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if parsed.scheme == "https" or loopback:
        return []
    remedy = "use https (http.conf: tlsenable), a tunnel, or a network that nobody else listens to"
    return [warn("asterisk.url", f"{url}: the password and all events go to {host} in clear", remedy)]


async def check_pbx(client: AriClient, url: str, username: str) -> tuple[list[Finding], bool]:
    """Ask Asterisk; the second value is whether it makes sense to ask further."""
    try:
        await client.ping()
    except AriTransportError as error:
        remedy = "start Asterisk; see http.conf (enabled, bindaddr, bindport) and the setting asterisk.url"
        return [fail("Asterisk", f"not reachable at {url}: {error}", remedy)], False
    except AriError as error:
        if error.status == 401:
            remedy = f"give ari.conf a user [{username}] with the password of the setting asterisk.password"
            return [fail("ARI user", f"{username!r} was refused", remedy)], False
        remedy = "enable ARI: ari.conf [general] enabled = yes, and load res_ari_asterisk.so"
        return [fail("ARI", f"{url} answers {error.status} {error.message}", remedy)], False
    except AriMalformed as error:
        return [fail("ARI", f"{url} is no ARI: {error}", "check the setting asterisk.url")], False
    found = [*judge_url(url), ok("ARI user", username)]
    try:
        found.append(judge_version(await client.version()))
        found.append(judge_modules(await client.modules()))
    except (AriError, AriTransportError, AriMalformed) as error:
        found.append(fail("ARI", str(error), "see Asterisk's log"))
        return found, False
    return found, True
