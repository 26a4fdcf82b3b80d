"""A translator to Pig Latin."""

import re

from dragoman.engines.base import EngineInfo, Stage, Translation
from dragoman.engines.options import Options
from dragoman.errors import EngineRejected


class PigLatin:
    def __init__(self, options):
        reader = Options("piglatin", options)
        self._target = reader.text("target", "la")  # whoever chose this language hears it
        reader.done()  # refuses an option that nobody asked for
        pair = f"en-{self._target}"
        self.info = EngineInfo("piglatin", Stage.MT, (pair,), False, "Apache-2.0", True, "Showing how it is done.")

    def supports(self, source, target):
        return (source, target) == ("en", self._target)

    async def start(self, languages=()):
        pass  # nothing to load

    async def translate(self, request):
        if not self.supports(request.source, request.target) or not request.text.strip():
            raise EngineRejected("piglatin", f"not this text from {request.source} to {request.target}")
        return Translation(re.sub(r"\b([^\W\d_aeiou]*)([^\W\d_]+)", r"\2\1ay", request.text.lower()), "piglatin")

    async def close(self):
        pass  # nothing to free
