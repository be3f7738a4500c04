#!/usr/bin/env python3
"""Prints the learning errors of runs of `surefoot perturb` or `analyze` as the Markdown table of docs/learning-errors.md.

usage: learning-errors.py RUN/summary.json…
"""

import json
import sys

HEAD = [
    "model",
    "in place of it",
    "size ε",
    "measured",
    "first order",
    "missed",
    "bound ∫ g_N‖e‖ du",
    "bound √m ε G_N",
    "used",
    "beyond",
    "jumped",
]


def digits(value):
    """Three significant digits."""
    return f"{value:#.3g}".rstrip(".") if 1e-4 <= abs(value) < 1000 or value == 0 else f"{value:.2e}"


def median(q):
    return f"{digits(q['q50'])} ({digits(q['q50_low'])} to {digits(q['q50_high'])})" if q else "–"


def middle(q):
    return digits(q["q50"]) if q else "–"


def percent(share):
    return "–" if share is None else f"{100 * share:.1f} %"


def missed(estimate):
    if estimate is None:
        return "–"
    value, low, high = (digits(100 * estimate[key]) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high}) %"


def row(model, error):
    off = error.get("off")
    if off is None:
        sys.exit(f"{error['kind']}: a run without a support has no shift off it")
    used = off.get("used")
    return [
        model,
        error["other"],
        digits(error["size"]),
        median(off["shift"]["measured"]),
        median(off["shift"]["predicted"]),
        missed(off["shift"].get("missed")),
        middle(off.get("bound")),
        middle(off.get("bound_inf")),
        percent(used and used["q50"]),
        percent(off.get("beyond")),
        percent(off["jumped"]),
    ]


def main(files):
    if not files:
        sys.exit(__doc__.strip())
    print("| " + " | ".join(HEAD) + " |")
    print("|---|" + "---|" * (len(HEAD) - 1))
    for file in files:
        with open(file, encoding="utf-8") as text:
            summary = json.load(text)
        for error in summary.get("learning_errors", []):
            print("| " + " | ".join(row(summary["provenance"]["model"], error)) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
