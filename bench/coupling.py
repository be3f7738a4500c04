"""Minibatch optimal transport as a user of POT, TorchCFM or SciPy writes it; the rival of `benches/coupling.rs`.

    python coupling.py serve    read "METHOD N DIM FOLDER" lines; print the seconds of one run and the mean cost of a pair

FOLDER holds x.f64 and y.f64, N × DIM numbers each. Methods: `pot` (ot.dist, ot.emd, n pairs drawn from the plan),
`torchcfm` (OTPlanSampler("exact").sample_plan in f32, as TorchCFM 1.0.7 trains) and `scipy` (cdist,
linear_sum_assignment). `pot` and `scipy` say what the whole plan costs; `torchcfm` only draws pairs and says nan.
"""
import sys
import time

import numpy as np


def pot(x, y):
    import ot

    n = len(x)
    share = np.full(n, 1 / n)
    costs = ot.dist(x, y)
    plan = ot.emd(share, share, costs)
    np.divmod(np.random.choice(n * n, p=plan.ravel() / plan.sum(), size=n), n)
    return plan, costs


def torchcfm(x, y):
    import torch
    from torchcfm.optimal_transport import OTPlanSampler

    sampler = OTPlanSampler("exact")
    sampler.sample_plan(torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32))
    return None


def scipy(x, y):
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    costs = cdist(x, y, "sqeuclidean")
    rows, columns = linear_sum_assignment(costs)
    plan = np.zeros_like(costs)
    plan[rows, columns] = 1 / len(x)
    return plan, costs


METHODS = {"pot": pot, "torchcfm": torchcfm, "scipy": scipy}


def serve():
    warm = set()
    for line in sys.stdin:
        method, n, dim, folder = line.split(maxsplit=3)
        x, y = (np.fromfile(f"{folder.strip()}/{name}.f64").reshape(int(n), int(dim)) for name in "xy")
        if method not in warm:
            METHODS[method](x[:2], y[:2])
            warm.add(method)
        start = time.perf_counter()
        found = METHODS[method](x, y)
        seconds = time.perf_counter() - start
        print(seconds, float((found[0] * found[1]).sum()) if found else float("nan"), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] != ["serve"]:
        sys.exit(__doc__)
    serve()
