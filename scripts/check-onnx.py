#!/usr/bin/env python3
"""Runs derivatives written by `surefoot export-derivative` in other runtimes, and compares.

    scripts/check-onnx.py [--binary target/release/surefoot] [MODEL.onnx ...]

Every model (default: models/*.onnx) needs reference arrays MODEL.npz beside it (models/README.md). The files are checked
by onnx.checker, run by onnxruntime and by the reference evaluator of onnx, in f32 and f64, and compared with the
reference arrays; the second-order files are compared with differences of the tangents and, by symmetry and pairing,
with each other. The script makes its own Python environment in the folder named by --environment.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["numpy", "onnx", "onnxruntime"]
TOLERANCE = {"f32": 2e-5, "f64": 1e-6}


def inside(environment):
    """Starts this script again in an environment that has the packages."""
    python = environment / "bin" / "python"
    if not python.exists():
        print(f"making {environment}", flush=True)
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(python, [str(python), *sys.argv, "--inside"])


def deviation(got, expected):
    import numpy as np

    largest = np.abs(expected).max()
    return float(np.abs(got - expected).max() / (largest if largest > 0 else 1.0))


def runners(path):
    """The other runtimes, each as a function of the inputs; those that lack a kernel for the types are named."""
    import onnx
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnx.checker.check_model(str(path), full_check=True)
    found = {}
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found["onnxruntime"] = lambda feeds: session.run(None, feeds)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented as error:
        print(f"    onnxruntime lacks a kernel: {str(error).splitlines()[0][-100:]}")
    if path.stat().st_size < 4 << 20:
        evaluator = ReferenceEvaluator(str(path))
        found["reference"] = lambda feeds: evaluator.run(None, feeds)
    return found


class Failed(Exception):
    pass


def compare(label, got, expected, tolerance):
    difference = deviation(got, expected)
    print(f"    {label:40} {difference:.2e}, allowed {tolerance:.0e}")
    if not difference <= tolerance:
        raise Failed(label)


def check(binary, model, folder):
    import numpy as np

    arrays = np.load(model.with_suffix(".npz"))
    x, t, v, u = (arrays[name].astype(np.float64) for name in ("x", "t", "tangents", "cotangents"))
    n, k, m = len(x), v.shape[1], u.shape[1]
    pairs = min(k, m)
    t = np.broadcast_to(t, (n,)) if t.ndim <= 1 else t

    def run(options, precision, feeds):
        path = folder / "derivative.onnx"
        command = [binary, "export-derivative", model, *options, "--precision", precision, "-o", path, "-q"]
        subprocess.run([str(part) for part in command], check=True)
        element = np.float32 if precision == "f32" else np.float64
        feeds = {name: np.ascontiguousarray(array, dtype=element) for name, array in feeds.items()}
        return {name: runner(feeds) for name, runner in runners(path).items()}

    for precision, tolerance in TOLERANCE.items():
        print(f"  {precision}")
        for name, (y,) in run(["--value"], precision, dict(x=x, t=t)).items():
            compare(f"{name} value", y, arrays["y"], tolerance)
        for name, (y, jv) in run(["--jvp", k], precision, dict(x=x, t=t, v=v)).items():
            compare(f"{name} jvp: value", y, arrays["y"], tolerance)
            compare(f"{name} jvp", jv, arrays["jvp"], tolerance)
        for name, (y, uj) in run(["--vjp", m], precision, dict(x=x, t=t, u=u)).items():
            compare(f"{name} vjp", uj, arrays["vjp"], tolerance)
    # Second order in f32, which every runtime has: against differences of tangents in the best precision at hand.
    u, v = u[:, :pairs], v[:, :pairs]
    second = run(["--second", pairs], "f32", dict(x=x, t=t, u=u, v=v))
    swapped = run(["--second", pairs], "f32", dict(x=x, t=t, u=v, v=u))
    mixed = run(["--jvp-vjp", pairs], "f32", dict(x=x, t=t, v=v, u=u))
    for name in second:
        compare(f"{name} second: symmetry", second[name][1], swapped[name][1], 1e-4)
        along = (second[name][1] * u).reshape(n, pairs, -1).sum(-1)
        # ⟨u, d²f[u, v]⟩ = ⟨u, (d²f[v, ·])ᵀ u⟩
        paired = (mixed[name][2] * u).reshape(n, pairs, -1).sum(-1)
        compare(f"{name} second: pairing", paired, along, 1e-4)
    differences = {}
    step = 1e-6  # small, as differences across the kinks of a slope say nothing
    for sign in (1, -1):
        shifted = [x + sign * step * v[:, j] for j in range(pairs)]
        for j, at in enumerate(shifted):
            for name, (_, ju) in run(["--jvp", 1], "f64", dict(x=at, t=t, v=u[:, j : j + 1])).items():
                differences.setdefault(name, np.zeros_like(u, dtype=np.float64))
                differences[name][:, j] += sign * ju[:, 0] / (2 * step)
    for name in differences:
        if name in second:
            compare(f"{name} second: differences", second[name][1], differences[name], 1e-4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/surefoot")
    parser.add_argument("--environment", type=pathlib.Path, default=ROOT / "target/onnx-environment")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        inside(options.environment)
    failed = []
    for model in options.models or sorted((ROOT / "models").glob("*.onnx")):
        print(model)
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(options.binary.resolve(), model, pathlib.Path(folder))
            except Failed as error:
                failed.append(f"{model}: {error}")
    if failed:
        sys.exit("FAILED: " + "; ".join(failed))
    print("all derivatives agree")


if __name__ == "__main__":
    main()
