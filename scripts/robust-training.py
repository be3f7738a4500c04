#!/usr/bin/env python3
"""Runs the experiment of docs/robust-training.md again and prints its tables.

    cargo build --release -p surefoot-cli
    python3 scripts/robust-training.py -o robust-training

Every target of recipes/robust is trained with every seed in every variant: `plain`, `weighted` ([robust] weight =
"budget"), `penalised-1` and `penalised-10` ([robust] penalty = 1, 10), and the diffusions with `likelihood`
([objective] weight) for comparison. All are analysed under the same errors with the same random numbers. In brackets
the change against `plain`, paired by seed, with its 95 % interval, bold where that excludes 0. A run that is finished
is not repeated. Needs Python 3.9, nothing else.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import random
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VARIANTS = ["plain", "weighted", "penalised-1", "penalised-10"]
# The diffusions also with the weight of the likelihood, which is larger where there is little noise.
TARGETS = {"moons": VARIANTS + ["likelihood"], "sphere": VARIANTS + ["likelihood"], "product": VARIANTS}
ERRORS = [word for kind in ("constant", "random", "worst-l2") for word in ("--error", kind)] + ["--sizes", "0.05,0.2"]
SAMPLES = 1000
POINTS = 20000
# Two-sided 95 % points of Student's t by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def settings(variant):
    """What a variant adds to the recipe."""
    name, _, strength = variant.partition("-")
    added = {
        "plain": [],
        "weighted": ["robust.weight=budget"],
        "penalised": [f"robust.penalty={strength}"],
        "likelihood": ["objective.weight=likelihood"],
    }
    return [word for setting in added[name] for word in ("--set", setting)]


def on_sphere(rng, dim, radius):
    x = [rng.gauss(0.0, 1.0) for _ in range(dim)]
    length = math.sqrt(sum(v * v for v in x))
    return [radius * v / length for v in x]


def draw(target, rng):
    """A point of the data's law."""
    if target == "moons":
        s, upper = math.pi * rng.random(), rng.random() < 0.5
        return [math.cos(s), math.sin(s)] if upper else [1.0 - math.cos(s), 0.5 - math.sin(s)]
    if target == "sphere":
        return on_sphere(rng, 3, 1.0) + [0.0] * 5
    return on_sphere(rng, 3, 1.0) + on_sphere(rng, 2, 1.5) + on_sphere(rng, 2, 0.7) + [0.0] * 9


def distance(target, x):
    """Distance of a point to the support of the data."""
    length = lambda part: math.sqrt(sum(v * v for v in part))
    if target == "moons":
        def arc(px, py):
            if py >= 0.0:
                return abs(math.hypot(px, py) - 1.0)
            return min(math.hypot(px - 1.0, py), math.hypot(px + 1.0, py))
        return min(arc(x[0], x[1]), arc(1.0 - x[0], 0.5 - x[1]))
    if target == "sphere":
        return length([length(x[:3]) - 1.0] + x[3:])
    return length([length(x[:3]) - 1.0, length(x[3:5]) - 1.5, length(x[5:7]) - 0.7] + x[7:])


def write_npy(path, rows):
    """Rows of f64."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    body = b"".join(struct.pack(f"<{len(row)}d", *row) for row in rows)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


def read_npy(path):
    data = path.read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    header = data[10 : 10 + length].decode()
    shape = [int(n) for n in header.split("'shape': (")[1].split(")")[0].split(",") if n.strip()]
    kind = header.split("'descr': '")[1].split("'")[0]
    values = struct.unpack("<" + {"<f8": "d", "<f4": "f"}[kind] * (shape[0] * shape[1]), data[10 + length :])
    return [list(values[i * shape[1] : (i + 1) * shape[1]]) for i in range(shape[0])]


def sliced_w2(x, y, slices=64):
    """Root of the mean over random directions of the squared 2-Wasserstein distance of the projections."""
    rng, total = random.Random(0), 0.0
    for _ in range(slices):
        axis = on_sphere(rng, len(x[0]), 1.0)
        project = lambda rows: sorted(sum(a * v for a, v in zip(axis, row)) for row in rows)
        total += sum((a - b) ** 2 for a, b in zip(project(x), project(y))) / len(x)
    return math.sqrt(total / slices)


def run(words):
    found = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{' '.join(str(word) for word in words)}\n{found.stderr}")


def measure(program, out, target, variant, seed):
    """Trains and analyses one model; all figures in a dictionary."""
    folder = out / f"{target}-{variant}-{seed}"
    result = folder / "figures.json"
    if result.is_file():
        return json.loads(result.read_text())
    data = [] if target == "moons" else ["--set", f"data.kind={(out / (target + '.npy')).resolve()}"]
    recipe = ROOT / "recipes/robust" / f"{target}.toml"
    trained, analysed, samples = folder / "trained", folder / "analysed", folder / "samples.npy"
    folder.mkdir(parents=True, exist_ok=True)
    # What an interrupted run of this script left is trained anew.
    run([program, "train", recipe, "-q", "--threads", 1, "-o", trained, "--overwrite",
         "--set", f"training.seed={seed}"] + data + settings(variant))
    model = trained / "model.toml"
    # Another seed than that of the training, the same for all models.
    same = ["-q", "--threads", 1, "-n", SAMPLES, "--seed", 1000]
    run([program, "analyze", model, *same, "-k", 1, "--no-response", "-o", analysed, *ERRORS])
    run([program, "sample", model, *same, "-o", samples])
    summary, training = [json.loads((f).read_text()) for f in (analysed / "summary.json", trained / "training.json")]
    rows, rng = read_npy(samples), random.Random(7)
    figures = {
        "held-out loss": training["validation_loss"]["mean"][-1],
        "distance": sum(distance(target, row) for row in rows) / len(rows),
        "sliced W2": sliced_w2(rows, [draw(target, rng) for _ in rows]),
        "G_N": summary["gains"]["normal"]["q50"],
    }
    for error in summary["robustness"]:
        figures[f"{error['kind']} {error['size']}"] = error["off_w1"]
    if "time_weights" in training:
        figures["time_weights"] = training["time_weights"]
    result.write_text(json.dumps(figures))
    return figures


def interval(values):
    """Mean and half width of its 95 % interval."""
    n = len(values)
    mean = sum(values) / n
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    return mean, STUDENT[n - 1] * spread / math.sqrt(n)


def written(mean, half):
    """Both with the decimals of the half width's second digit."""
    decimals = max(0, 1 - math.floor(math.log10(half))) if half > 0 else 4
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}"


def signed(value):
    text = f"{value:+.1f}"
    return "0.0" if text[1:] == "0.0" else text.replace("-", "−")


def tables(found, target, variants, seeds):
    names = [name for name in found[target, "plain", seeds[0]] if name != "time_weights"]
    print(f"\n### {target}\n\n| figure | " + " | ".join(variants) + " |\n|---" + "|---" * len(variants) + "|")
    for name in names:
        of = lambda variant: [found[target, variant, seed][name] for seed in seeds]
        cells = [written(*interval(of("plain")))]
        for variant in variants[1:]:
            if variant == "likelihood" and name == "held-out loss":
                # Another weight, another loss.
                cells.append("–")
                continue
            # Paired by seed: the same first weights, pairs and noise.
            ratio, half = interval([math.log(a / b) for a, b in zip(of(variant), of("plain"))])
            percent = lambda log: signed(100.0 * math.expm1(log))
            change = f"{percent(ratio)} %, {percent(ratio - half)} to {percent(ratio + half)}"
            cells.append(f"{written(*interval(of(variant)))} ({'**' + change + '**' if abs(ratio) > half else change})")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--out", type=pathlib.Path, default=pathlib.Path("robust-training"))
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/surefoot")
    parser.add_argument("--jobs", type=int, default=2, help="models at a time, each on one thread")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--targets", default=",".join(TARGETS))
    options = parser.parse_args()
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    options.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for target in options.targets.split(","):
        points = options.out / f"{target}.npy"
        if target != "moons" and not points.is_file():
            rng = random.Random(target)
            write_npy(points, [draw(target, rng) for _ in range(POINTS)])
        variants = TARGETS[target]
        todo = [(target, variant, seed) for seed in seeds for variant in variants]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            figures = pool.map(lambda one: measure(options.program, options.out, *one), todo)
            for one, of_one in zip(todo, figures):
                found[one] = of_one
                print(*one, file=sys.stderr)
        tables(found, target, variants, seeds)


main()
