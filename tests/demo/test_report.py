from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from tests.demo.scene import EPOCH, SCENARIO, make_scene

from dragoman.demo.picture import draw
from dragoman.demo.report import captions, file_names, write_captions, write_recordings
from dragoman.demo.scenario import Scenario
from dragoman.demo.turns import Played
from dragoman.media.format import SAMPLE_RATE


async def test_what_is_left_behind(tmp_path: Path) -> None:
    scene = await make_scene()
    scene.lose(1, "ca")
    minutes, verdict = scene.minutes(), scene.judge()
    recordings = [scene.recording(person.name) for person in SCENARIO.people]
    played = [
        Played(i, SCENARIO.turns[i], scene.language(i), EPOCH + start, EPOCH + scene.end(i))
        for i, start in scene.starts.items()
    ]
    begin = EPOCH + 0.5

    write_recordings(tmp_path, SCENARIO, recordings, begin)
    pcm, rate = soundfile.read(tmp_path / "heard-ines.wav", dtype="int16")
    assert rate == SAMPLE_RATE
    np.testing.assert_array_equal(pcm, recordings[2].heard.pcm[SAMPLE_RATE // 2 :])

    write_captions(tmp_path / "captions.json", captions(SCENARIO, played, minutes, verdict, {"tick": {}}, begin))
    content = json.loads((tmp_path / "captions.json").read_text("utf-8"))
    assert (content["good"], content["translations_expected"], content["translations_heard"]) == (False, 12, 11)
    assert [finding["listener"] for finding in content["findings"]] == ["Jordi"]
    assert content["ear_voice_span_ms"]["wire"]["count"] == 10
    clauses = {clause["turn"]: clause for clause in content["clauses"]}
    assert sorted(clauses) == [0, 1, 2, 3, 4]
    catalan = clauses[1]["translations"][1]
    assert (catalan["language"], catalan["heard"]) == ("ca", [])
    assert [heard["listener"] for heard in clauses[1]["translations"][0]["heard"]] == ["Sally", "Robert"]
    assert clauses[0]["start_s"] == 0.5

    draw(tmp_path / "timeline.png", SCENARIO, played, minutes, recordings, verdict, (begin, EPOCH + scene.length))
    with Image.open(tmp_path / "timeline.png") as image:
        assert image.width >= 1600 and image.height >= 900


def test_names_make_different_files() -> None:
    people = [{"name": name, "language": lang} for name, lang in (("Inés", "es"), ("INES", "en"), ("李", "zh"))]
    speaker = {"name": "S", "language": "en", "voice": "flite:slt"}
    scenario = Scenario.model_validate({"people": [*people, speaker], "turns": [{"speaker": "S", "text": "Hi"}]})
    assert list(file_names(scenario).values()) == [
        "heard-ines.wav", "heard-ines-2.wav", "heard-someone.wav", "heard-s.wav",
    ]  # fmt: skip
