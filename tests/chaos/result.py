"""From a meeting to its ledger on disk, its picture, and a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.latency.script import LANGUAGE_OF, Script
from tests.chaos.hearing import Words, listen, ways
from tests.chaos.ledger import NEAR_S, Dropped, Fate, Gap, Page, judge, numbers_of, reasons, summary
from tests.chaos.meeting import Happened, Held
from tests.chaos.picture import draw
from tests.chaos.schedule import Part
from tests.chaos.witness import ran, waited

from dragoman.pipeline.captions import CaptionKind

REACH_S = 0.25
"""What the machine's standing still damages lies so near: buffers between phone and daemon, both ways."""


SAID = (CaptionKind.SPOKEN, CaptionKind.DROPPED)
"""What tells that a clause was to be heard."""

ENTER_S = 8.0
"""From a phone's first sound until Asterisk has it in the conference, where it begins anew: 3 s were seen, and 10 ms
from there until its tap was up."""

STEP_S = 1.0
"""By so much an event may be read behind the caption that it explains."""


def marks_of(held: Held, voice: str, target: str) -> Iterator[Gap | Dropped]:
    """What the captions of ``target`` say of words that this speaker's listeners miss."""
    for _, caption in held.captions:
        if caption.language != target or caption.speaker.lower() not in ("", voice):
            continue
        if caption.kind is CaptionKind.GAP:
            yield Gap(caption.start_unix, caption.end_unix)
        elif caption.kind is CaptionKind.DROPPED:
            yield Dropped(caption.start_unix, caption.end_unix, numbers_of(caption.source_text))
    yield from _to_read_only(held, target)


def _to_read_only(held: Held, target: str) -> Iterator[Dropped]:
    """Clauses whose translation was to be read only: the ladder had stepped down, which the listeners were told."""
    told = {c.clause for _, c in held.captions if c.language == target and c.kind in SAID}
    for read, caption in held.captions:
        if caption.kind is CaptionKind.CLAUSE and caption.language == target and caption.clause not in told:
            leg = caption.clause.rpartition("/")[0]
            steps = [
                event["action"]
                for at, event in held.events
                if at <= read + STEP_S and (event["component"], event["session"]) == (f"ladder:{target}", leg)
            ]
            if steps.count("step-down") > steps.count("step-up"):
                yield Dropped(caption.start_unix, caption.end_unix, numbers_of(caption.source_text))


def bad(held: Held, voice: str) -> Callable[[float], bool]:
    """When the line of this voice, Asterisk, or the way from there to the daemon may have damaged what passed."""
    spans = [
        (happened.begun - NEAR_S, _over(held, happened, voice) + NEAR_S)
        for happened in held.happened
        if happened.fault.part in (Part.ASTERISK, Part.PATH)
        or (happened.fault.part is Part.LINE and happened.fault.voice == voice)
    ]
    return lambda at: any(start <= at <= end for start, end in spans)


def _over(held: Held, happened: Happened, voice: str) -> float:
    """When it was over for this voice. An Asterisk that was killed works once his next call is up, and he in the
    conference: whether the daemon then is attached, is the daemon's part, and it has to tell."""
    if (happened.fault.part, happened.fault.what) != (Part.ASTERISK, "kill"):
        return happened.ended
    began = (call.spoke.clock.unix(0.0) for call in held.calls if call.voice == voice)
    return min([at + ENTER_S for at in began if at > happened.begun] + [happened.ended])


def pages_of(held: Held, words: Words) -> dict[tuple[str, str], Page]:
    """The ledger."""
    listener = {language: voice for voice, language in LANGUAGE_OF.items()}
    return {
        (voice, target): judge(
            voice,
            target,
            said=words.said[voice],
            tapped=words.tapped[voice],
            holes=words.holes[target],
            kept=lambda start, end: waited(held.looks, start, end),
            listening=words.listening[voice],
            sent=words.sent[voice, target],
            heard=words.heard[voice, target],
            marks=marks_of(held, voice, target),
            bad_in=bad(held, voice),
            bad_out=bad(held, listener[target]),
            froze=lambda start, end: any(
                begun < end + REACH_S and start - REACH_S < ended for begun, ended in held.frozen
            ),
        )
        for voice, target in ways()
    }


def conclude(seed: int, script: Script, held: Held, out: Path) -> int:
    """Judge, write, say why; returns the exit status."""
    words = listen(held)
    pages = pages_of(held, words)
    figures = summary(pages.values(), len(held.dropped))
    why = reasons(figures) + [f"a daemon ended by itself: {crash}" for crash in held.crashes]
    begun = min(sound.start for sounds in words.said.values() for sound in sounds) if any(words.said.values()) else 0.0
    result = {
        **figures,
        "reasons": why,
        "seed": seed,
        "seconds": round(script.seconds, 1),
        "faults": [
            {"at": round(h.begun - begun, 2), "well_again": round(h.ended - begun, 2), "what": str(h.fault)}
            for h in held.happened
        ],
        "dropped_calls": held.dropped,
    }
    (out / "ledger.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (out / "words.txt").write_text("\n".join(_lines(pages, held, words.holes, begun)) + "\n", "utf-8")
    draw(
        out / "timeline.png",
        f"seed {seed}: " + (", ".join(why) or "all good") + f"; {figures['heard']} of {figures['spoken']} words heard",
        pages,
        [(h.begun, h.ended, h.fault.part, str(h.fault).partition(": ")[2]) for h in held.happened],
        [(c.start_unix, c.end_unix, c.language) for _, c in held.captions if c.kind is CaptionKind.GAP],
        begun,
    )
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    for reason in why:
        print(f"not good: {reason}")
    print(f"in {out}: ledger.json, timeline.png, words.txt")
    return 1 if why else 0


def _lines(
    pages: dict[tuple[str, str], Page], held: Held, holes: Mapping[str, Sequence[tuple[float, float]]], begun: float
) -> Iterator[str]:
    """Everything in order of time, as text: what was said, what befell, what the captions marked."""
    rows: list[tuple[float, str]] = []
    for (voice, target), page in pages.items():
        for row in page.rows:
            if row.fate is not Fate.HEARD:
                where = "" if row.tapped else ", never at the daemon"
                where += f", sent at {row.sent - begun:.2f}" if row.sent is not None else ""
                rows.append((row.said, f"   {voice} -> {target}: {row.text} {row.fate}{where}"))
        for name in ("doubled", "out_of_order", "never_said", "damaged"):
            for sound in getattr(page, name):
                rows.append((sound.start, f"   {voice} -> {target}: {sound.text} heard, {name.replace('_', ' ')}"))
    for happened in held.happened:
        rows.append((happened.begun, f"-- {happened.fault}"))
        rows.append((happened.ended, f"-- well again: {happened.fault}"))
    rows += [(begun, f"-- the machine stood still for {(ended - begun) * 1000:.0f} ms") for begun, ended in held.frozen]
    for language, found in holes.items():
        for start, end in found:
            kept, busy = (seconds(held.looks, start, end) * 1000 for seconds in (waited, ran))
            why = f"the machine kept the daemon waiting for {kept:.0f} ms of it, {busy:.0f} ms it ran"
            rows.append((start, f"-- the booth in {language} sent nothing for {(end - start) * 1000:.0f} ms: {why}"))
    for read, caption in held.captions:
        if caption.kind in (CaptionKind.GAP, CaptionKind.DROPPED):
            span = f"{caption.start_unix - begun:.2f} to {caption.end_unix - begun:.2f}"
            told = f"{caption.speaker} {span}: {caption.source_text} ({caption.note})"
            rows.append((read, f"   caption in {caption.language}: {caption.kind} {told}"))
    for at, text in sorted(rows, key=lambda row: row[0]):
        yield f"{at - begun:8.2f}  {text}"
