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
SINGLE = 2e-5
EXACT = 1e-12


def runners(model):
    """The runtimes that have kernels for the types, each with what is allowed for f64."""
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        # onnxruntime spells Gelu out with constants in single precision.
        gelu = any(node.op_type == "Gelu" for node in model.graph.node)
        yield "onnxruntime", 1e-8 if gelu else EXACT, lambda feeds: session.run(None, feeds)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        pass
    yield "reference evaluator", EXACT, lambda feeds: ReferenceEvaluator(model).run(None, feeds)


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
        for runtime, exact, run in runners(model):
            allowed = SINGLE if precision == "f32" else exact
            difference = np.abs(run(feeds)[0].reshape(expected.shape) - expected).max() / np.abs(expected).max()
            print(f"{name:18} {precision} {runtime:20} {inputs}: {difference:.1e}, allowed {allowed:.0e}")
            if not difference <= allowed:
                failed.append(path.name)
    sys.exit(f"FAILED: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
