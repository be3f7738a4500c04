"""A flow-matching model of the states of two coupled oscillators with a given energy.

    python train.py FOLDER [STEPS]

A state is x = (q1, q2, p1, p2) with the energy H = (p1^2 + p2^2 + q1^2 + q2^2 + q1^2 q2^2) / 2. The states with H = 1 form
a surface of dimension 3 in R^4. Their microcanonical law is drawn exactly: the momenta of two degrees of freedom take
the same area for every position, so positions are uniform where the potential is at most 1, and momenta uniform on
the circle that the rest of the energy leaves. Writes

    oscillators.onnx          velocity v(x, t) of the flow from N(0, I) to these states
    oscillators-energy.onnx   c(x) = H(x) - 1
"""
import pathlib
import sys
import warnings

import torch
from torch import nn

ENERGY = 1.0
WIDTH = 128
BATCH = 512


def potential(q):
    return (q.square().sum(-1) + q.square().prod(-1)) / 2


def states(count, generator):
    """Exact draws of the microcanonical law, [count, 4]."""
    found = torch.empty(0, 2, dtype=torch.float64)
    reach = (2 * ENERGY) ** 0.5
    while len(found) < count:
        q = (2 * torch.rand(4 * count, 2, generator=generator, dtype=torch.float64) - 1) * reach
        found = torch.cat([found, q[potential(q) < ENERGY]])
    q = found[:count]
    angle = 2 * torch.pi * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    p = (2 * (ENERGY - potential(q)))[:, None].sqrt() * torch.cat([angle.cos(), angle.sin()], 1)
    return torch.cat([q, p], 1)


class Energy(nn.Module):
    def forward(self, x):
        kinetic = x[:, 2:].square().sum(1, keepdim=True) / 2
        q = x[:, :2].square()
        return kinetic + (q.sum(1, keepdim=True) + q[:, :1] * q[:, 1:]) / 2 - ENERGY


class Velocity(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, WIDTH), nn.SiLU(),
            nn.Linear(WIDTH, WIDTH), nn.SiLU(),
            nn.Linear(WIDTH, WIDTH), nn.SiLU(),
            nn.Linear(WIDTH, 4),
        )

    def forward(self, x, t):
        return self.layers(torch.cat([x, t[:, None]], 1))


def train(steps, generator):
    """Conditional flow matching along straight lines from noise to states (Lipman et al. 2023)."""
    network = Velocity()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        x1 = states(BATCH, generator).float()
        x0 = torch.randn(BATCH, 4, generator=generator)
        t = torch.rand(BATCH, generator=generator)
        x = torch.lerp(x0, x1, t[:, None])
        loss = (network(x, t) - (x1 - x0)).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 2000 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return network


def generate(network, count, generator, steps=100):
    x = torch.randn(count, 4, generator=generator)
    with torch.no_grad():
        for n in range(steps):
            x = x + network(x, torch.full((count,), n / steps)) / steps
    return x.double()


def export(module, arguments, names, file):
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, arguments, file, input_names=names[:-1], output_names=names[-1:], dynamo=True, opset_version=18,
            external_data=False, dynamic_shapes=tuple({0: batch} for _ in arguments), verbose=False,
        )
    strip(file)


def strip(file):
    """Leaves out notes that name files of this machine."""
    import onnx

    model = onnx.load(file)
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    onnx.save(model, file)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 30_000
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = train(steps, generator)
    energy = Energy()(generate(network, 10_000, generator)).abs()
    print(f"|H - 1| of generated states: median {energy.median():.4f}, 95 % {energy.quantile(0.95):.4f}")
    export(network.eval(), (torch.zeros(3, 4), torch.zeros(3)), ["x", "t", "v"], folder / "oscillators.onnx")
    export(Energy().double(), (torch.zeros(3, 4, dtype=torch.float64),), ["x", "c"], folder / "oscillators-energy.onnx")
