"""Builds pocketsphinx's decoders for a worker; the only module that imports pocketsphinx."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pocketsphinx

from dragoman.engines.asr.decoding import Judge, Listener
from dragoman.engines.asr.messages import Setup

MODEL = Path(pocketsphinx.__file__).parent / "model" / "en-us"
"""The model that comes with the package: 5000-senone PTM acoustic model, 3-gram of English, phone 3-gram (BSD)."""


CEPSTRAL_MEAN = "55.5,2.8,0.1,22.9,-11.3,-4.9,-4.1,-9.7,-0.7,-5.5,4.0,-3.5,2.2"
"""What a decoder takes for the mean of a speaker it has not heard yet: the average of nine synthetic voices at
-20 dBFS. With it the first sentence of a call is understood as well as later ones; the package's own start, 40,3,-1, is
that of quieter audio (with it, 1 of 65 first sentences was not found and the scores of a tenth were out of bounds)."""


def judge(setup: Setup) -> Judge:
    """The decoders a stream needs, loaded."""
    closed = None
    if setup.jsgf is not None:
        closed = Listener(_grammar_decoder(setup.jsgf, setup.dictionary), grammar=True, written=setup.written)
    if setup.open_model:
        # Measured: without the flat-lexicon pass the final comes in 13 instead of 85 ms, and is no worse.
        rival = Listener(_decoder(fwdflat=False), grammar=False)
    else:
        rival = Listener(_phone_decoder(), grammar=True)
    return Judge(closed, rival, rival_speaks=setup.open_model, bias=setup.bias)


def _decoder(**options: object) -> pocketsphinx.Decoder:
    decoder = pocketsphinx.Decoder(loglevel="FATAL", **options)
    decoder.set_cmn(CEPSTRAL_MEAN)
    return decoder


def _grammar_decoder(jsgf: str, dictionary: str) -> pocketsphinx.Decoder:
    """Knows the list, and is in no hurry to give a sentence up.

    Its beams are wider than the package's (1e-48, 7e-29), with which 7 % of sentences got lost on the way: 1 % with
    these, for a half more work (real time factor 0.07). The best path of a grammar is known without a lattice, and
    building one takes 70 ms.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as file:  # a dictionary can only be given as a file
        file.write(dictionary)
        file.flush()
        decoder = _decoder(lm=None, dict=file.name, bestpath=False, beam=1e-80, pbeam=1e-80, wbeam=1e-60)
        decoder.add_jsgf_string("list", jsgf)
        decoder.activate_search("list")
    return decoder


def _phone_decoder() -> pocketsphinx.Decoder:
    return _decoder(
        lm=None,
        allphone=str(MODEL / "en-us-phone.lm.bin"),
        bestpath=False,
        fwdflat=False,
        lw=2.0,  # as the pocketsphinx tutorial has it for phones; a word model's 6.5 lets n-grams overrule the sound
        beam=1e-20,
        pbeam=1e-20,
    )
