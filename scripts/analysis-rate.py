#!/usr/bin/env python3
"""How fast a whole analysis was: its rate beside the peak of this machine's matrix products.

    python3 scripts/analysis-rate.py analyzed/summary.json models/mnist-ddpm.onnx --peak 112

Counts the products of linear layers alone, convolutions as plain sums: those of a value for every field evaluation, and those of
a tangent for every Jacobian-vector and vector-Jacobian product (`surefoot inspect`). --peak takes what
`cargo bench --workspace --bench vectors` measures, GFLOP/s. Needs nothing but the standard library.
"""

import argparse
import json
import pathlib
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summary", help="summary.json of an analysis")
    parser.add_argument("network", help="the .onnx file of its model")
    parser.add_argument("--peak", type=float, help="peak in GFLOP/s")
    parser.add_argument("--surefoot", default="target/release/surefoot")
    options = parser.parse_args()
    inspected = subprocess.run(
        [options.surefoot, "inspect", options.network, "--format", "json"], stdout=subprocess.PIPE, text=True, check=True
    )
    network = json.loads(inspected.stdout)
    work = json.loads(pathlib.Path(options.summary).read_text())["provenance"]
    derivatives = work["jvps"] + work["vjps"]
    operations = network["value_flops"] * work["field_evaluations"] + network["tangent_flops"] * derivatives
    rate = 1e-9 * operations / work["seconds"]
    print(
        f"{work['field_evaluations']} values, {work['jvps']} JVPs and {work['vjps']} VJPs in {work['seconds']:.0f} s on "
        f"{work['threads']} threads: {1e-12 * operations:.1f} TFLOP, {rate:.1f} GFLOP/s"
        + (f", {100 * rate / options.peak:.0f} % of the peak" if options.peak else "")
    )


if __name__ == "__main__":
    main()
