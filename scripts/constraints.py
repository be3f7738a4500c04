"""Writes the small constraint files of the tests, c(x) = 0 with x [batch, D] and c [batch, m] in f64.

    python scripts/constraints.py crates/core/tests/constraints

Needs the package onnx.
"""
import pathlib
import sys

import onnx.parser

HEADER = '<ir_version: 8, opset_import: ["" : 18]>\n'

# Name: D, m, body.
CONSTRAINTS = {
    "circle": (2, 1, """
        one = Constant <value = double[1] {1.0}> ()
        squares = Mul(x, x)
        axes = Constant <value = int64[1] {1}> ()
        sum = ReduceSum(squares, axes)
        c = Sub(sum, one)"""),
    "sphere": (3, 1, """
        level = Constant <value = double[1] {2.25}> ()
        squares = Mul(x, x)
        axes = Constant <value = int64[1] {1}> ()
        sum = ReduceSum(squares, axes)
        c = Sub(sum, level)"""),
    "torus": (3, 1, """
        parts = Constant <value = int64[2] {2, 1}> ()
        plane, height = Split <axis = 1> (x, parts)
        axes = Constant <value = int64[1] {1}> ()
        reach = ReduceL2(plane, axes)
        major = Constant <value = double[1] {2.0}> ()
        inner = Sub(reach, major)
        a = Mul(inner, inner)
        b = Mul(height, height)
        one = Constant <value = double[1] {1.0}> ()
        sum = Add(a, b)
        c = Sub(sum, one)"""),
    # The line (s, 0.3, -s), its third condition the sum of the others.
    "line": (3, 3, """
        weights = Constant <value = double[3,3] {0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0}> ()
        level = Constant <value = double[3] {0.3, 0.0, 0.3}> ()
        y = MatMul(x, weights)
        c = Sub(y, level)"""),
    # The circle of radius 0.8 at height 0.6, as a sphere cut by a plane, in units twelve decades apart.
    "latitude": (3, 2, """
        squares = Mul(x, x)
        axes = Constant <value = int64[1] {1}> ()
        sum = ReduceSum(squares, axes)
        one = Constant <value = double[1] {1.0}> ()
        round = Sub(sum, one)
        last = Constant <value = double[3,1] {0.0, 0.0, 1.0}> ()
        height = MatMul(x, last)
        level = Constant <value = double[1] {0.6}> ()
        flat = Sub(height, level)
        both = Concat <axis = 1> (round, flat)
        units = Constant <value = double[2] {1e6, 1e-6}> ()
        c = Mul(both, units)"""),
    # Two circles, of radius 1 and 2, in two planes.
    "clifford": (4, 2, """
        squares = Mul(x, x)
        weights = Constant <value = double[4,2] {1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0}> ()
        sums = MatMul(squares, weights)
        level = Constant <value = double[2] {1.0, 4.0}> ()
        c = Sub(sums, level)"""),
    "ellipse": (2, 1, """
        squares = Mul(x, x)
        weights = Constant <value = double[2,1] {0.25, 1.0}> ()
        sum = MatMul(squares, weights)
        one = Constant <value = double[1] {1.0}> ()
        c = Sub(sum, one)"""),
    # Not a manifold at its apex.
    "cone": (3, 1, """
        squares = Mul(x, x)
        weights = Constant <value = double[3,1] {1.0, 1.0, -1.0}> ()
        c = MatMul(squares, weights)"""),
    # Infinite or not a number unless x_1 > 0.
    "logarithm": (2, 1, """
        parts = Constant <value = int64[2] {1, 1}> ()
        first, rest = Split <axis = 1> (x, parts)
        c = Log(first)"""),
    # Touches zero without crossing it.
    "squared": (2, 1, """
        squares = Mul(x, x)
        axes = Constant <value = int64[1] {1}> ()
        sum = ReduceSum(squares, axes)
        one = Constant <value = double[1] {1.0}> ()
        apart = Sub(sum, one)
        c = Mul(apart, apart)"""),
    "nowhere": (2, 1, """
        squares = Mul(x, x)
        axes = Constant <value = int64[1] {1}> ()
        sum = ReduceSum(squares, axes)
        one = Constant <value = double[1] {1.0}> ()
        c = Add(sum, one)"""),
    "constant": (2, 1, """
        zero = Constant <value = double[2,1] {0.0, 0.0}> ()
        c = MatMul(x, zero)"""),
    "timed": (2, 2, "c = Mul(x, t)"),
}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for name, (dim, count, body) in CONSTRAINTS.items():
        inputs = f"double[batch,{dim}] x" + (", double[batch,1] t" if name == "timed" else "")
        model = onnx.parser.parse_model(f"{HEADER}{name} ({inputs}) => (double[batch,{count}] c) {{{body}\n}}")
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, folder / f"{name}.onnx")
