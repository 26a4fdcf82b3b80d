"""Encoders in a few hundred bytes: the mean over time of the features, through a random matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dragoman.voices.mel import BANDS
from dragoman.voices.small import FRONT_END


def write_encoder(path: Path, outputs: dict[str, int], **about: str) -> Path:
    """An encoder of these outputs and their widths; ``about``: its metadata."""
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("ReduceMean", ["mel"], ["mean"], axes=[1], keepdims=0)]
    matrices = []
    for name, width in outputs.items():
        matrix = rng.standard_normal((BANDS, width)).astype(np.float32)
        matrices.append(numpy_helper.from_array(matrix, f"{name}_matrix"))
        nodes.append(helper.make_node("MatMul", ["mean", f"{name}_matrix"], [name]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["batch", "time", BANDS])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name, width in outputs.items()],
        matrices,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"front_end": FRONT_END, **about})
    path.write_bytes(model.SerializeToString())
    return path


def write_style(path: Path, **about: str) -> Path:
    return write_encoder(path, {"style": 64, "prosody": 4}, **{"name": "gst64-tiny", **about})


def write_identity(path: Path, **about: str) -> Path:
    return write_encoder(path, {"identity": 32}, **{"name": "identity-tiny", "threshold": "0.5", **about})
