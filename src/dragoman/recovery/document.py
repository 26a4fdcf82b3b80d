"""``docs/recovery.md``, made of the table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.ladder import Rung

HEAD = """# What happens when something breaks

Made by `python -m dragoman.recovery > docs/recovery.md` from the table in the code; a test holds this file to it.

Each kind of failure has one policy. What is done is counted in `dragoman_recoveries_total{kind, action}` and told, as
it happens, by `GET /api/events` (server-sent events): `session` (a leg, a room, or empty for the whole daemon),
`component`, `kind`, `action`, `status`, `lag_ms`, `detail`, `time`. Nothing that was said is in them. A slow watcher
loses the oldest.

"""

STATUS: Mapping[Status, str] = {
    Status.FAILED: "it does not work, and nothing else does its work",
    Status.DEGRADED: "something else does its work, or it works with less",
    Status.RECOVERING: "it is being brought back",
    Status.OK: "it works",
}

RUNGS: Mapping[Rung, str] = {
    Rung.CLONED: "the translation in the speaker's own voice (an engine that clones, and a voice profile)",
    Rung.STOCK: "the translation in another voice; where there is no profile, the ladder begins here",
    Rung.CAPTIONS: "the translation to read; no voice is asked for, but for a trial from time to time",
    Rung.ORIGINAL: "the speaker himself, at full level instead of ducked, at that language's booth",
}


class Described(Protocol):
    """A row of recovery.table."""

    @property
    def kind(self) -> Kind: ...  # noqa: D102  # told where it is defined
    @property
    def component(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def trigger(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def action(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def limits(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def noticed(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def actions(self) -> tuple[Action, ...]: ...  # noqa: D102  # told where it is defined
    @property
    def metric(self) -> str: ...  # noqa: D102  # told where it is defined
    @property
    def policy(self) -> str: ...  # noqa: D102  # told where it is defined


def document(table: Iterable[Described]) -> str:
    """The whole file."""
    rows = list(table)
    lines = [HEAD.rstrip("\n"), "", "| kind | what breaks | what listeners notice |", "|---|---|---|"]
    lines += [f"| [`{row.kind}`](#{row.kind}) | {row.component} | {row.noticed} |" for row in rows]
    lines += ["", "`status` says how the component stands after the action:", ""]
    lines += [f"- `{status}`: {meaning}." for status, meaning in STATUS.items()]
    for row in rows:
        counted = [f"`{action}`" for action in row.actions]
        lines += [
            "",
            f"## {row.kind}",
            "",
            f"- **Breaks:** {row.component}",
            f"- **Trigger:** {row.trigger}.",
            f"- **Action:** {row.action}.",
            f"- **Delays and limits:** {row.limits}.",
            f"- **Listeners notice:** {row.noticed}.",
            f"- **Counted:** {'; '.join(part for part in (', '.join(counted), row.metric) if part)}.",
            f"- **Decides:** {row.policy}.",
        ]
    lines += [
        "",
        "## The ladder",
        "",
        "Per speaker and language, the best rung that holds; `/api/rooms` shows each:",
        "",
    ]
    lines += [f"{number}. `{rung}`: {meaning}." for number, (rung, meaning) in enumerate(RUNGS.items(), 1)]
    return "\n".join(lines) + "\n"
