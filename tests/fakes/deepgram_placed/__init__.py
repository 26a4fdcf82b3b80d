"""A second fake of Deepgram's live API, written apart from the first: one that knows where each sample belongs.

The first fake hears words by their sound and keeps to the protocol's letter. This one is told what was said and when;
the audio carries its own place on the leg's timeline, so that it hears exactly what was sent, whole or cut. It joins
figures as ``smart_format`` does, tells times that differ from one result to the next, cuts its ranges anywhere, and
ends connections in the middle of a word, with a last final or without.

In a test::

    said = script(Random(1), 40, figures=True)
    async with PlacedDeepgram(said, Habits(smart_format=True), seed=1) as fake:
        await speaker.say(placed(said))
"""

from tests.fakes.deepgram_placed.audio import Spoken, placed
from tests.fakes.deepgram_placed.figures import formatted, script
from tests.fakes.deepgram_placed.habits import Habits
from tests.fakes.deepgram_placed.server import PlacedDeepgram

__all__ = ["Habits", "PlacedDeepgram", "Spoken", "formatted", "placed", "script"]
