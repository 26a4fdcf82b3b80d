"""Which metrics a running daemon serves, and which a PromQL expression asks for."""

from __future__ import annotations

import asyncio
import re

from dragoman import config
from dragoman.service import Service

SCRIPTED = "tests.engines_scripted.engines:Scripted"

ELSEWHERE = {
    # Of Prometheus itself, of `dragoman probe --textfile`.
    "up", "time", "dragoman_probe_success", "dragoman_probe_last_run_timestamp_seconds",
    "dragoman_probe_ear_voice_span_seconds", "dragoman_probe_answer_seconds",
}  # fmt: skip

_WORDS = frozenset(
    """sum min max avg by without rate increase histogram_quantile on ignoring group_left group_right and or unless
    offset bool time topk label_replace changes clamp_min clamp_max count vector absent""".split()
)
"""PromQL's own words, of those that are used here."""

_found: set[str] = set()


async def served() -> set[str]:
    """Names of all samples that ``/metrics`` may have, of a daemon that runs with engines of each stage; asked once."""
    if _found:
        return _found | ELSEWHERE
    scripted = {
        "recognizers": [f"{SCRIPTED}Recognizer"],
        "translators": [f"{SCRIPTED}Translator"],
        "synthesizers": [f"{SCRIPTED}Synthesizer"],
    }
    given = {
        "asterisk": {"url": "http://127.0.0.1:9", "password": "not used"},  # port 9, discard: nobody listens
        "http": {"port": 0},
        "media": {"vad": "energy"},
        "engines": scripted,
    }
    stop, daemon = asyncio.Event(), Service(config.validate(given, environ={}))
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(daemon.run(stop))
        while any(part.why == "starting" for part in daemon.health.parts):  # of Asterisk it says that there is none
            await asyncio.sleep(0)
        names = daemon.metrics.registry
        for family in names.collect():
            suffixes = {
                "counter": ("_total",),
                "histogram": ("_bucket", "_count", "_sum"),
                "info": ("_info",),
            }.get(family.type, ("",))
            _found.update(family.name + suffix for suffix in suffixes)
        stop.set()
    return _found | ELSEWHERE


def metrics_in(expression: str) -> set[str]:
    """Names of the metrics in a PromQL expression."""
    text = re.sub(r'"[^"]*"', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\$\w+", "", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    return {name for name in re.findall(r"[A-Za-z_:][\w:]*", text) if name not in _WORDS}
