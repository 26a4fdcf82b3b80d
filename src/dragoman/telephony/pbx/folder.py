"""The folder that a PBX of our own runs in: configuration, prompts, and where Asterisk keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dragoman.telephony.pbx.templates import Site, site_values, write_config
from dragoman.telephony.prompts import make_prompts

PROMPTS = "prompts"
"""Name of the prompts' folder in it."""

_FOLDERS = ("lib", "run", "log", "site", "spool/recording")
"""Without spool/recording every ARI recording answers 500 (measured). ``site`` is for what the operator adds."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What Asterisk listens on: SIP (UDP), ARI (TCP), RTP (UDP, first and last)."""

    sip: int = 5060
    http: int = 8088
    rtp_first: int = 10_000
    rtp_last: int = 10_999


def write_folder(
    folder: Path, inside: str, site: Site, ports: Ports, ari_password: str, *, jitter_buffer: bool
) -> Path:
    """Write all that ``asterisk -C FOLDER/etc/asterisk.conf`` needs, and make the prompts.

    Args:
        folder: where, made if it is not there.
        inside: the same folder as Asterisk sees it (in a chroot or a container).
        site: languages, rooms, PIN, notice.
        ports: what to listen on.
        ari_password: of the ARI user ``dragoman``.
        jitter_buffer: whether each caller has one; see ``flaws``.

    Returns:
        The configuration file to start Asterisk with, as this process sees it.

    Raises:
        PbxError: espeak-ng is missing, or a template is wrong.
    """
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    make_prompts(folder / PROMPTS, site.languages)
    values = {
        "run_dir": inside,
        "sip_port": str(ports.sip),
        "http_port": str(ports.http),
        "rtp_start": str(ports.rtp_first),
        "rtp_end": str(ports.rtp_last),
        "ari_password": ari_password,
        "jitter_buffer": "yes" if jitter_buffer else "no",
        **site_values(site, f"{inside}/{PROMPTS}"),
    }
    write_config(folder / "etc", values)
    return folder / "etc" / "asterisk.conf"
