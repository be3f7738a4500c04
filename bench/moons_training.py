"""Trains TorchCFM's flow from 8 Gaussians to the two moons, as its tutorial does, and writes a model that surefoot reads.

    python moons_training.py FOLDER METHOD DATA SEED…        (needs torch, torchcfm, POT, onnx: setup.sh DIR torch)

METHOD is cfm or otcfm. DATA is even, TorchCFM's own batches, which hold 128 points at even distances on either moon; or
independent, as surefoot draws them and as the methods assume: every point is drawn by itself. Writes
FOLDER/METHOD-DATA-SEED.onnx and .toml: the network, the budget and the file of models/moons-METHOD, from other seeds. What
figures differ by between such trainings is what a single one of them leaves open.
"""

import math
import pathlib
import sys

import numpy as np
import torch
from torchcfm.conditional_flow_matching import ConditionalFlowMatcher, ExactOptimalTransportConditionalFlowMatcher
from torchcfm.models.models import MLP
from torchcfm.utils import sample_8gaussians, sample_moons

MATCHERS = {"cfm": ConditionalFlowMatcher, "otcfm": ExactOptimalTransportConditionalFlowMatcher}
UPDATES, BATCH, SIGMA, RATE = 12_000, 256, 0.1, 1e-3
MODELS = pathlib.Path(__file__).resolve().parent.parent / "models"


def independent_8gaussians(n):
    angle = torch.randint(8, (n,)) * (math.pi / 4)
    return 5 * torch.stack([angle.cos(), angle.sin()], 1) + 0.1**0.25 * torch.randn(n, 2)


def independent_moons(n):
    s, upper = math.pi * torch.rand(n), torch.rand(n) < 0.5
    on = torch.where(upper, torch.stack([s.cos(), s.sin()]), torch.stack([1 - s.cos(), 0.5 - s.sin()])).T
    return 3 * (on + 0.2 * torch.rand(n, 1)) - 1


DRAWS = {"even": (sample_8gaussians, sample_moons), "independent": (independent_8gaussians, independent_moons)}


class Velocity(torch.nn.Module):
    """v(x, t) of the network of [x, t]."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, t):
        return self.net(torch.cat([x, t[:, None]], -1))


def train(method, data, seed):
    torch.manual_seed(seed)
    np.random.seed(seed)
    net = Velocity(MLP(dim=2, time_varying=True))
    adam = torch.optim.Adam(net.parameters(), RATE)
    matcher, (source, target) = MATCHERS[method](sigma=SIGMA), DRAWS[data]
    for _ in range(UPDATES):
        t, x, u = matcher.sample_location_and_conditional_flow(source(BATCH), target(BATCH))
        loss = torch.mean((net(x, t) - u) ** 2)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return net.eval(), loss.item()


def write(net, folder, method, name):
    x, t = torch.zeros(3, 2), torch.zeros(3)
    batch = {"x": {0: "batch"}, "t": {0: "batch"}, "v": {0: "batch"}}
    torch.onnx.export(net, (x, t), folder / f"{name}.onnx", input_names=["x", "t"], output_names=["v"], dynamic_axes=batch, dynamo=False)
    model = (MODELS / f"moons-{method}.toml").read_text()
    (folder / f"{name}.toml").write_text(model.replace(f"moons-{method}.onnx", f"{name}.onnx"))


def main(folder, method, data, *seeds):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for seed in map(int, seeds):
        name = f"{method}-{data}-{seed}"
        net, loss = train(method, data, seed)
        write(net, folder, method, name)
        print(f"{name}: loss of the last batch {loss:.4f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
