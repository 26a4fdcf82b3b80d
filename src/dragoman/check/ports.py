"""Are the ports free that the daemon is to listen on, or is it the daemon that listens?"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
from http.client import HTTPConnection, HTTPException

from dragoman.check.finding import Finding, fail, ok, warn
from dragoman.config import Settings
from dragoman.media.socket import RECEIVE_BUFFER_BYTES, ask_for_buffer

ASK_S = 1.0
"""Seconds that whoever holds the HTTP port has to say that he is a daemon; it answers in some milliseconds."""


def check_ports(settings: Settings) -> list[Finding]:
    """Try to bind what the daemon will bind."""
    media, http = settings.media, settings.http
    running = _daemon_runs(http.bind, http.port)
    return [
        _free("media port", socket.SOCK_DGRAM, media.bind, media.port, "media.bind, media.port", running),
        _free("HTTP port", socket.SOCK_STREAM, http.bind, http.port, "http.bind, http.port", running),
    ]


def check_buffer() -> Finding:
    """Ask for the buffer that the daemon will ask for, as the normal user that unit and images run it as.

    Whoever administers the network, as root does who calls this, may go beyond the host's limit.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        granted = ask_for_buffer(probe, beyond_limits=False) // 2  # the kernel tells twice what it granted, socket(7)
    if granted >= RECEIVE_BUFFER_BYTES:
        return ok("media buffer", f"{granted >> 10} KB for what Asterisk sends")
    return warn(
        "media buffer",
        f"{granted >> 10} KB for what Asterisk sends: a daemon that stands still for half a second loses what is said",
        f"`sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}`, and in a file of /etc/sysctl.d",
    )


def _free(what: str, kind: socket.SocketKind, host: str, port: int, keys: str, running: bool) -> Finding:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: TIME_WAIT is no user
            probe.bind(address)
    except OSError as error:
        if running:
            return warn(what, f"{host}:{port}: a daemon runs with these settings", "stop it before you start another")
        remedy = f"is a daemon running already? Else set {keys}"
        if error.errno == errno.EADDRNOTAVAIL:
            remedy = f"{host} is no address of this machine (`ip address` lists them): set {keys.partition(',')[0]}"
        return fail(what, f"{host}:{port}: {error.strerror or error}", remedy)
    return ok(what, f"{host}:{port or 'any'} is free")


def _daemon_runs(host: str, port: int) -> bool:
    """Whether a daemon of ours answers there."""
    if port == 0:
        return False
    with contextlib.suppress(OSError, HTTPException, ValueError):
        asked = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=ASK_S)
        with contextlib.closing(asked):
            asked.request("GET", "/health/live")
            return bool(json.loads(asked.getresponse().read(1000)) == {"live": True})
    return False
