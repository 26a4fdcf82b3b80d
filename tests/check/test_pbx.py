from __future__ import annotations

import pytest

from dragoman.check.finding import Verdict
from dragoman.check.pbx import MODULES, judge_modules, judge_url, judge_version


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("22.10.1", Verdict.OK),
        ("20.6.0~dfsg+~cs6.13.40431414-2build5", Verdict.WARN),
        ("certified/20.7-cert1", Verdict.OK),
        ("18.20.0", Verdict.FAIL),
        ("GIT-master-abc", Verdict.FAIL),
    ],
)
def test_versions(version: str, verdict: Verdict) -> None:
    assert judge_version(version).verdict is verdict


def test_a_missing_or_stopped_module_is_named_with_what_it_is_for() -> None:
    status = dict.fromkeys(MODULES, "Running")
    assert judge_modules(status).verdict is Verdict.OK
    status["chan_rtp.so"] = "Not Running"
    del status["codec_g722.so"]
    finding = judge_modules(status)
    assert finding.verdict is Verdict.FAIL
    assert "chan_rtp.so (ExternalMedia channels)" in finding.found and "codec_g722.so" in finding.found
    assert "res_ari.so" not in finding.found


@pytest.mark.parametrize("url", ["http://192.0.2.7:8088", "http://pbx.example:8088", "http://[2001:db8::1]:8088"])
def test_a_password_that_goes_over_a_network_in_clear_is_told(url: str) -> None:
    (finding,) = judge_url(url)
    assert finding.verdict is Verdict.WARN and url in finding.found


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8088", "http://localhost:8088", "http://[::1]:8088", "https://pbx.example:8089"]
)
def test_a_password_that_stays_here_or_is_encrypted_is_nothing_to_tell(url: str) -> None:
    assert judge_url(url) == []
