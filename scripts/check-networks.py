#!/usr/bin/env python3
"""Runs networks to be trained, written as ONNX files by surefoot, in onnxruntime, and compares with PyTorch's values.

    scripts/check-networks.py FOLDER        needs numpy, onnx, onnxruntime

FOLDER holds what the example `write_networks FOLDER` of crates/core writes. The files are checked by
onnx.checker; the weights of crates/core/tests/networks/networks.npz take the place of theirs, by name; the values are
compared with those of the same file.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

ROOT = pathlib.Path(__file__).resolve().parent.parent


def runners(model):
    """The runtimes that have kernels for the types."""
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        yield "onnxruntime", lambda feeds: session.run(None, feeds)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        pass
    yield "reference evaluator", lambda feeds: ReferenceEvaluator(model).run(None, feeds)


def allowed(model, precision):
    """ONNX defines Gelu by a hyperbolic tangent with 2/π and 0.044715 in single precision, in f64, too."""
    if precision == "f32":
        return 2e-5
    return 1e-8 if any(node.op_type == "Gelu" for node in model.graph.node) else 1e-12


def main():
    folder, arrays = pathlib.Path(sys.argv[1]), np.load(ROOT / "crates/core/tests/networks/networks.npz")
    failed = []
    for path in sorted(folder.glob("*.onnx")):
        name, precision, _ = path.name.split(".")
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
        if precision == "simple":
            continue
        element = np.float32 if precision == "f32" else np.float64
        weights = {key[len(name) + 3:]: arrays[key] for key in arrays if key.startswith(f"{name}.w.")}
        for tensor in model.graph.initializer:
            if tensor.name in weights:
                value = weights.pop(tensor.name)
                assert list(value.shape) == list(tensor.dims), tensor.name
                tensor.CopyFrom(onnx.numpy_helper.from_array(value.astype(element), tensor.name))
        assert not weights, f"{path.name}: no initializer {sorted(weights)}"
        inputs = [i.name for i in model.graph.input]
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:]]
        feeds = {key: arrays[f"{name}.{key}"].astype(element) for key in inputs}
        feeds["x"] = feeds["x"].reshape(-1, *shape)
        expected = arrays[f"{name}.y"]
        most = allowed(model, precision)
        for runtime, run in runners(model):
            difference = np.abs(run(feeds)[0].reshape(expected.shape) - expected).max() / np.abs(expected).max()
            print(f"{name:18} {precision} {runtime:20} {inputs}: {difference:.1e}, allowed {most:.0e}")
            if not difference <= most:
                failed.append(path.name)
    sys.exit(f"FAILED: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
