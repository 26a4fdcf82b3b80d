"""Are the ports free that the daemon is to listen on?"""

from __future__ import annotations

import socket

from dragoman.check.finding import Finding, fail, ok
from dragoman.config import Settings


def check_ports(settings: Settings) -> list[Finding]:
    """Try to bind what the daemon will bind."""
    media, http = settings.media, settings.http
    return [
        _free("media port", socket.SOCK_DGRAM, media.bind, media.port, "media.bind, media.port"),
        _free("HTTP port", socket.SOCK_STREAM, http.bind, http.port, "http.bind, http.port"),
    ]


def _free(what: str, kind: socket.SocketKind, host: str, port: int, keys: str) -> Finding:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: TIME_WAIT is no user
            probe.bind(address)
    except OSError as error:
        remedy = f"is a daemon running already? Else set {keys}"
        return fail(what, f"{host}:{port}: {error.strerror or error}", remedy)
    return ok(what, f"{host}:{port or 'any'} is free")
