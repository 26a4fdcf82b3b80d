"""A fake of Deepgram's live API (``/v1/listen``), true to its documentation.

In a test::

    async with FakeDeepgram(ToneWords(), seed=1) as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})

For a daemon::

    python -m tests.fakes.deepgram --port 9100 --hearing tone --seed 1 --latency 250/300 --final 247/298

``fake.connections`` tells what each connection was sent. Faults per connection: ``scripted(Faults(...), ...)`` or, by a
seed, ``chaos(seed)``.
"""

from tests.fakes.deepgram.faults import Faults, chaos, scripted
from tests.fakes.deepgram.hearing import Line, ScriptedWords, ToneWords
from tests.fakes.deepgram.server import FakeDeepgram

__all__ = ["FakeDeepgram", "Faults", "Line", "ScriptedWords", "ToneWords", "chaos", "scripted"]
