"""Builds pocketsphinx's decoders for a worker; the only module that imports pocketsphinx."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pocketsphinx

from dragoman.engines.asr.decoding import Judge, Listener
from dragoman.engines.asr.messages import Setup

MODEL = Path(pocketsphinx.__file__).parent / "model" / "en-us"
"""The model that comes with the package: 5000-senone PTM acoustic model, 3-gram of English, phone 3-gram (BSD)."""


def judge(setup: Setup) -> Judge:
    """The decoders a stream needs, loaded."""
    closed = None
    if setup.jsgf is not None:
        closed = Listener(_grammar_decoder(setup.jsgf, setup.dictionary), grammar=True, written=setup.written)
    if setup.open_model:
        # Measured: without the flat-lexicon pass the final comes in 13 instead of 85 ms, and is no worse.
        rival = Listener(pocketsphinx.Decoder(loglevel="FATAL", fwdflat=False), grammar=False)
    else:
        rival = Listener(_phone_decoder(), grammar=True)
    return Judge(closed, rival, rival_speaks=setup.open_model, bias=setup.bias)


def _grammar_decoder(jsgf: str, dictionary: str) -> pocketsphinx.Decoder:
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as file:  # a dictionary can only be given as a file
        file.write(dictionary)
        file.flush()
        # The best path of a grammar is known without a lattice, and building one takes 70 ms.
        decoder = pocketsphinx.Decoder(
            loglevel="FATAL", lm=None, dict=file.name, bestpath=False, beam=1e-80, pbeam=1e-80, wbeam=1e-60
        )
        decoder.add_jsgf_string("list", jsgf)
        decoder.activate_search("list")
    return decoder


def _phone_decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(
        loglevel="FATAL",
        lm=None,
        allphone=str(MODEL / "en-us-phone.lm.bin"),
        bestpath=False,
        fwdflat=False,
        lw=2.0,  # as the pocketsphinx tutorial has it for phones; a word model's 6.5 lets n-grams overrule the sound
        beam=1e-20,
        pbeam=1e-20,
    )
