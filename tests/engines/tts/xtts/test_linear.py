"""Linear layers packed for the CPU: what plain ones give, and left out with a line in the log where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog.testing

torch = pytest.importorskip("torch")

from dragoman.engines.tts.xtts import linear  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.linear import Linear, packs  # noqa: E402


@pytest.fixture(autouse=True)
def untried() -> Iterator[None]:
    packs.cache_clear()
    yield
    packs.cache_clear()


def layer(width: int = 64, out: int = 192, dtype: Any = torch.float32) -> tuple[Linear, Any, Any]:
    numbers = torch.Generator().manual_seed(width)
    weight, bias = torch.randn(width, out, generator=numbers), torch.randn(out, generator=numbers)
    return Linear(weight, bias, "cpu", dtype), weight, bias


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (4,), (17,), (1, 40), (3, 11)], ids=str)
@pytest.mark.parametrize(("width", "out"), [(64, 192), (1024, 96), (5, 7)])
def test_it_gives_what_the_plain_layer_gives(shape: tuple[int, ...], width: int, out: int) -> None:
    made, weight, bias = layer(width, out)
    x = torch.randn(*shape, width)
    assert made._packed is not None
    assert torch.allclose(made(x), x @ weight + bias, rtol=1e-5, atol=1e-4)
    assert made(x).shape == (*shape, out)


def test_it_keeps_a_copy_of_what_the_loader_has_mapped_from_a_file() -> None:
    made, weight, bias = layer()
    x = torch.randn(2, 64)
    before = made(x)
    weight.zero_()
    bias.zero_()
    assert torch.equal(made(x), before)


def test_half_precision_is_not_packed() -> None:
    made, weight, bias = layer(dtype=torch.bfloat16)
    assert made._packed is None
    x = torch.randn(3, 64)
    assert torch.allclose(made(x.bfloat16()).float(), x @ weight + bias, atol=0.5)


@pytest.mark.parametrize("wrong", ["it is not there", "it gives something else", "it gives numbers that are none"])
def test_where_it_does_not_do_what_it_should_layers_stay_plain_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    def times(rows: Any, weight: Any, bias: Any) -> Any:
        if wrong == "it is not there":
            raise NotImplementedError("no such operator")
        return torch.zeros(len(rows), len(bias)) / (0 if wrong == "it gives numbers that are none" else 1)

    monkeypatch.setattr(linear, "_times", times)
    with structlog.testing.capture_logs() as logs:
        made, weight, bias = layer()
        layer()
    x = torch.randn(2, 64)
    assert made._packed is None and torch.allclose(made(x), x @ weight + bias, atol=1e-4)
    assert [entry["event"] for entry in logs] == ["linear layers are not packed"]
