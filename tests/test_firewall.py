"""The rules of config/nftables, loaded by this machine's kernel in a network of their own and tried from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from dragoman.telephony.pbx.folder import Ports

ROOT = Path(__file__).parents[1]
RULES = ROOT / "config" / "nftables" / "dragoman.nft"
MEDIA = 7000
"""What the file has for [media] port."""

TRUNK, PARTNER, READER, STRANGER = "192.0.2.10", "203.0.113.20", "203.0.113.30", "198.51.100.99"

TRIED = [
    *(("udp", port) for port in (5060, 10_000, 10_999, 11_000, MEDIA)),
    *(("tcp", port) for port in (22, 3000, 5060, 5061, 5432, 6379, 8088, 8700, 9090)),
]
"""Everything that deploy.md's table names, the first ports behind it, and SSH, which is none of ours."""

EVERYBODYS = {"udp 10000", "udp 10999", "udp 11000", "tcp 22", "tcp 5061"}

REACHED = {
    TRUNK: EVERYBODYS | {"udp 5060"},
    PARTNER: EVERYBODYS | {"tcp 8088", f"udp {MEDIA}"},
    READER: EVERYBODYS | {"tcp 8700"},
    STRANGER: EVERYBODYS,
    "127.0.0.1": {f"{kind} {port}" for kind, port in TRIED},
}

SITE = "203.0.113.1"

HOST = f"""
import asyncio, json, sys

TRIED = {TRIED!r}


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


class Answer(asyncio.DatagramProtocol):
    def __init__(self):
        self.came = asyncio.Event()

    def datagram_received(self, data, address):
        self.came.set()


async def serve():
    loop = asyncio.get_running_loop()
    for kind, port in TRIED:
        if kind == "udp":
            await loop.create_datagram_endpoint(Echo, ("0.0.0.0", port))
        else:
            await asyncio.start_server(lambda reader, writer: writer.close(), "0.0.0.0", port)
    print("serving", flush=True)
    await asyncio.Event().wait()


async def reached(source, site, kind, port):
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(3):
            if kind == "tcp":
                _, writer = await asyncio.open_connection(site, port, local_addr=(source, 0))
                writer.close()
            else:
                sender, answer = await loop.create_datagram_endpoint(Answer, (source, 0), (site, port))
                sender.sendto(b"anybody there?")
                await answer.came.wait()
        return f"{{kind}} {{port}}"
    except TimeoutError:
        return None


async def ask(source, site):
    found = await asyncio.gather(*(reached(source, site, kind, port) for kind, port in TRIED))
    print(json.dumps([each for each in found if each]))


asyncio.run(serve() if len(sys.argv) == 1 else ask(*sys.argv[1:]))
"""
"""A host that answers at all of these ports, and whoever tries to reach it."""


def in_a_network_of_its_own(rules: Path, program: Path) -> dict[str, set[str]]:
    """What each address reaches of a host with these rules, which has a cable to them."""
    outside = [TRUNK, PARTNER, READER, STRANGER]
    script = f"""
        set -eu
        mount -t tmpfs tmpfs /run
        ip link set lo up
        ip netns add outside
        ip link add site type veth peer name cable netns outside
        ip address add {SITE}/32 dev site
        ip link set site up
        ip -n outside link set cable up
        for each in {" ".join(outside)}; do
            ip -n outside address add $each/32 dev cable
            ip route add $each/32 dev site
        done
        ip -n outside route add {SITE}/32 dev cable
        nft -f {rules}
        nft -f {rules}
        nft add element inet dragoman partners '{{ {PARTNER} }}'
        nft add element inet dragoman readers '{{ {READER} }}'
        mkfifo /run/ready
        {sys.executable} {program} >/run/ready &
        host=$!
        trap 'kill $host' EXIT
        read -r line </run/ready
        for each in {" ".join(outside)}; do
            ip netns exec outside {sys.executable} {program} $each {SITE}
        done
        {sys.executable} {program} 127.0.0.1 127.0.0.1
    """
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return {source: set(json.loads(line)) for source, line in zip([*outside, "127.0.0.1"], lines, strict=True)}


def can_have_a_network() -> bool:
    """Whether this is root on a kernel that lets it make a network, and has the programs."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("nft", "ip", "unshare"))):
        return False
    tried = subprocess.run(
        ["unshare", "--net", "nft", "add", "table", "inet", "tried"], capture_output=True, check=False
    )
    return tried.returncode == 0


needs_a_network = pytest.mark.skipif(
    not can_have_a_network(), reason="needs root, nft and ip, and a kernel that lets them work"
)


@needs_a_network
def test_each_reaches_what_is_his_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "host.py"
    program.write_text(HOST)
    assert in_a_network_of_its_own(RULES, program) == REACHED


def test_the_rules_are_about_the_ports_that_the_documents_and_the_compose_file_have() -> None:
    text = RULES.read_text("utf-8")
    table = (ROOT / "docs" / "deploy.md").read_text("utf-8").partition("## Firewall")[2].partition("\n## ")[0]
    named = set(re.findall(r"\b\d{4,5}\b", " ".join(line.split("|")[1] for line in table.splitlines() if "|" in line)))
    inside = set(re.findall(r"\b\d{4,5}\b", text.partition("chain input")[2]))
    assert inside == named, "deploy.md's table names others"
    ports = Ports()
    assert {str(ports.sip), str(ports.http)} <= inside
    assert f"{ports.rtp_first}-{ports.rtp_last}" in text
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    assert services["dragoman"]["environment"]["DRAGOMAN_HTTP__PORT"] in inside
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_PORT"] in inside
