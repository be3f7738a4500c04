#!/usr/bin/env python3
"""Tangent spaces of a torus from 5,000 points: the table of docs/dimension.md.

    python3 scripts/torus-tangents.py -o torus-tangents

Draws points uniformly on the torus (R = 2, r = 1), without noise and with Gaussian noise of standard deviation 0.25, trains a
score model on each with `surefoot train`, asks `surefoot tangent` for the tangent spaces at the points themselves, by the whole
generation and by its last part, and prints the mean angles to the true tangent planes (at the nearest point of the torus) beside
those of local PCA on the same points.
In R^3 the largest angle between two planes is the angle between their normals.
Needs nothing but the standard library; --surefoot names the program.
"""

import argparse
import json
import math
import pathlib
import random
import subprocess
import sys

RECIPE = """# {count} points of a torus, noise {noise}, by denoising score matching.
name = "torus-{noise}"

[data]
kind = "points.csv"

[support]
kind = "torus"
major = 2.0
minor = 1.0

[process]
kind = "vp"
schedule = {{ kind = "cosine" }}
noise_level = 0.0
start = 0.98
end = {end}

[objective]
predicts = "noise"
spread = "{spread}"

[network]
kind = "mlp"
hidden = [{width}, {width}, {width}, {width}]
activation = "silu"
time = {{ kind = "fourier", highest = {highest} }}

[training]
updates = {updates}
batch = 512
learning_rate = 1e-3
decay = "cosine"
average = 0.999

[sampler]
method = "heun"
steps = {steps}
"""


def torus(count, noise, seed):
    """Points uniform in area, with noise in R^3."""
    draw, points = random.Random(seed), []
    while len(points) < count:
        around, across = draw.uniform(0, 2 * math.pi), draw.uniform(0, 2 * math.pi)
        ring = 2.0 + math.cos(across)
        if draw.uniform(0, 3.0) < ring:
            point = (ring * math.cos(around), ring * math.sin(around), math.sin(across))
            points.append([x + noise * draw.gauss(0, 1) for x in point])
    return points


def run(command):
    command = [str(word) for word in command]
    print(" ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def angles(options, noise):
    """Quantiles of the angles in degrees, by estimator."""
    folder = pathlib.Path(options.out) / f"noise-{noise:g}"
    folder.mkdir(parents=True, exist_ok=True)
    points = folder / "points.csv"
    rows = torus(options.count, noise, options.seed)
    points.write_text("".join(",".join(map(repr, row)) + "\n" for row in rows))
    words = {name: getattr(options, name) for name in ("count", "width", "updates", "steps", "spread", "highest")}
    (folder / "recipe.toml").write_text(RECIPE.format(noise=noise, end=options.end, **words))
    if not (folder / "trained" / "model.toml").exists():
        run([options.surefoot, "train", folder / "recipe.toml", "-o", folder / "trained", "--set", f"training.seed={options.seed}"])
    asked = [options.surefoot, "tangent", folder / "trained" / "model.toml", "--at", points, "-d", "2", "--format", "json"]
    asked += ["-n", options.asked] if options.asked else []
    data = ["--reference", points, "--neighbours", options.neighbours]
    whole = json.loads(run(asked + data + ["-o", folder / "tangent.npz"]))
    late = json.loads(run(asked + ["--from", options.start, "-o", folder / "late.npz"]))
    own, *pca = whole["angles"]
    rows = [(f"the whole generation, {options.steps} steps", own), (f"from u = {options.start} on", late["angles"][0])]
    return [(how, angles["angle_deg"]) for how, angles in rows + [(found["how"], found) for found in pca]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surefoot", default="target/release/surefoot")
    parser.add_argument("--count", type=int, default=5000, help="training points")
    parser.add_argument("-n", "--asked", type=int, help="leading points that are asked; all where left out")
    parser.add_argument("--noises", default="0,0.25", help="standard deviations of the noise")
    parser.add_argument("--neighbours", default="5,100", help="neighbours of the local PCA")
    parser.add_argument("--width", type=int, default=128, help="of the hidden layers")
    parser.add_argument("--updates", type=int, default=20000)
    parser.add_argument("--steps", type=int, default=100, help="of the sampler")
    parser.add_argument("--spread", default="uniform", help="of the training's times")
    parser.add_argument("--highest", default="30.0", help="highest frequency of the time's waves")
    parser.add_argument("--end", default="0.003", help="model time at which the generation ends")
    parser.add_argument("--from", dest="start", default="0.1", help="model time from which the last part is followed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="torus-tangents", help="folder")
    options = parser.parse_args()

    noises = [float(word) for word in options.noises.split(",")]
    found = [angles(options, noise) for noise in noises]
    print("| mean angle of the planes (95 % of the points within) | " + " | ".join(f"noise {n:g}" for n in noises) + " |")
    print("|" + "---|" * (len(noises) + 1))
    for rows in zip(*found):
        cells = [f"{q['mean']:.2f}° ({q['q95']:.2f}°)" for _, q in rows]
        print(f"| {rows[0][0]} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
