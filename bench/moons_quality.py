"""2-Wasserstein distance of flow models of the two moons to fresh data, by exact transport of N against N points.

    python moons_quality.py SUREFOOT MODEL.toml…        (needs numpy and POT: setup.sh DIR torch)

Every model is sampled with the sampler of its own file from the seeds 0, 1, 2 and compared with three sets of fresh
data; a row gives the mean over the nine pairs and their spread. The row "data" compares fresh sets with each other: what
N points cannot tell apart.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import ot

N = 4000
SETS = 3


def data(seed):
    """3 (p + u (1, 1)) - 1 with p on a half circle and u uniform on [0, 0.2], as TorchCFM draws it."""
    rng = np.random.default_rng(seed)
    s = np.pi * rng.random(N)
    upper = rng.random(N) < 0.5
    p = np.where(upper, [np.cos(s), np.sin(s)], [1 - np.cos(s), 0.5 - np.sin(s)]).T
    return 3 * (p + 0.2 * rng.random((N, 1))) - 1


def distance(a, b):
    return np.sqrt(ot.emd2([], [], ot.dist(a, b), numItermax=10_000_000))


def samples(surefoot, model, seed):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "samples.npy")
        command = [surefoot, "sample", model, "-n", str(N), "--seed", str(seed), "-o", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return np.load(file)


def row(name, values):
    print(f"{name:40} {np.mean(values):.4f} ({np.min(values):.4f} to {np.max(values):.4f})", flush=True)


def main(surefoot, models):
    fresh = [data(seed) for seed in range(SETS)]
    others = [data(100 + seed) for seed in range(SETS)]
    row("data", [distance(a, b) for a in others for b in fresh])
    for model in models:
        drawn = [samples(surefoot, model, seed) for seed in range(SETS)]
        row(model, [distance(a, b) for a in drawn for b in fresh])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
