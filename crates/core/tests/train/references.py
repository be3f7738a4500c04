"""Writes references.json: values of TorchCFM 1.0.7, POT 0.9.7 and PyTorch 2 that the tests in this folder compare with.

    python references.py        needs torch, torchcfm and POT
"""
import json
import pathlib

import numpy as np
import ot
import torch
from torchcfm import conditional_flow_matching as cfm

torch.set_default_dtype(torch.float64)


def pairs():
    """x_t and u_t of every path on the same draws."""
    rng = np.random.default_rng(1)
    times = [0.001, 0.2, 0.5, 0.83, 0.999]
    x0, x1, noise = (torch.tensor(rng.standard_normal((len(times), 2))) for _ in range(3))
    t = torch.tensor(times)
    out = {"times": times, "source": x0.tolist(), "data": x1.tolist(), "noise": noise.tolist(), "paths": {}}
    for name, matcher in {
        "cfm": cfm.ConditionalFlowMatcher(sigma=0.1),
        "sb-cfm": cfm.SchrodingerBridgeConditionalFlowMatcher(sigma=0.7),
        "target": cfm.TargetConditionalFlowMatcher(sigma=0.1),
        "variance-preserving": cfm.VariancePreservingConditionalFlowMatcher(sigma=0.1),
    }.items():
        state = matcher.sample_xt(x0, x1, t, noise)
        velocity = matcher.compute_conditional_flow(x0, x1, t, state)
        out["paths"][name] = {"sigma": matcher.sigma, "state": state.tolist(), "velocity": velocity.tolist()}
    return out


def transport():
    """Exact and entropic transport of two samples of 40 points in the plane."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((40, 2)), 0.5 * rng.standard_normal((40, 2)) + [1, -1]
    share = np.full(40, 1 / 40)
    costs = ot.dist(x, y)
    entropic = {}
    for reg in (0.5, 5.0):
        plan = ot.sinkhorn(share, share, costs, reg, method="sinkhorn_log", numItermax=200_000, stopThr=1e-13)
        entropic[str(reg)] = {"cost": float((plan * costs).sum()), "rows": plan[:3].tolist()}
    return {"x": x.tolist(), "y": y.tolist(), "cost": float(ot.emd2(share, share, costs)), "entropic": entropic}


def gradient(step, size):
    return np.sin(0.7 * np.arange(size) + 1.3 * step) * 10.0 ** (np.arange(size) % 5 - 2)


def adam():
    """Weights after every step of AdamW on f32, the gradients a formula that the test repeats."""
    size, torch_steps = 7, []
    w = torch.nn.Parameter(torch.linspace(-1, 1, size, dtype=torch.float32))
    optimiser = torch.optim.AdamW([w], lr=0.01, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1, foreach=False)
    norms = []
    for step in range(20):
        w.grad = torch.tensor(gradient(step, size), dtype=torch.float32)
        norms.append(float(torch.nn.utils.clip_grad_norm_([w], 50.0)))
        optimiser.step()
        torch_steps.append(w.detach().double().tolist())
    return {"weights": torch_steps, "norms": norms}


def main():
    out = {"pairs": pairs(), "transport": transport(), "adam": adam()}
    path = pathlib.Path(__file__).with_name("references.json")
    path.write_text(json.dumps(out) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
