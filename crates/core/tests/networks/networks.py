#!/usr/bin/env python3
"""Reference values of whole networks: networks.npz, in f64, from PyTorch's functions.

    python networks.py      needs torch and numpy

For a case NAME: NAME.x, NAME.t, NAME.label where there is one, NAME.y and, for cotangents NAME.u, the gradients of
Σ u · y by x (NAME.x.u) and by every weight (NAME.w.WEIGHT holds its numbers, NAME.g.WEIGHT the gradient). Weights have
the names and the layout of surefoot: [in, out] for linear layers.
"""
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(11)


def random(*shape):
    return torch.randn(*shape, generator=generator)


def selu(x):
    """With ONNX's constants, which are PyTorch's in single precision."""
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    return gamma * torch.where(x > 0, x, alpha * torch.expm1(x))


class Layers:
    """Layers whose weights are drawn when they are first used."""

    def __init__(self):
        self.weights = {}

    def weight(self, name, *shape, scale=1.0, shift=0.0):
        assert name not in self.weights, name
        self.weights[name] = (shift + scale * random(*shape)).requires_grad_()
        return self.weights[name]

    def linear(self, name, x, out):
        size = x.shape[-1]
        weight = self.weight(name + ".weight", size, out, scale=size**-0.5)
        return F.linear(x, weight.T, self.weight(name + ".bias", out, scale=0.3))

    def conv(self, name, x, out, kernel, stride=(1, 1)):
        size = x.shape[1] * kernel**2
        weight = self.weight(name + ".weight", out, x.shape[1], kernel, kernel, scale=size**-0.5)
        bias = self.weight(name + ".bias", out, 1, 1, scale=0.3)
        return F.conv2d(x, weight, bias.flatten(), stride=stride, padding=kernel // 2)

    def group_norm(self, name, x, groups):
        channels = x.shape[1]
        weight = self.weight(name + ".weight", channels, 1, 1, scale=0.3, shift=1.0)
        bias = self.weight(name + ".bias", channels, 1, 1, scale=0.3)
        return F.group_norm(x, groups, weight.flatten(), bias.flatten())

    def time(self, t, frequencies, highest, width):
        # The geometric sequence from highest down to highest/10⁴.
        omega = highest * torch.logspace(0, -4, frequencies) if frequencies > 1 else torch.tensor([highest])
        waves = torch.cat([torch.sin(t[:, None] * omega), torch.cos(t[:, None] * omega)], 1)
        return self.linear("time.2", F.silu(self.linear("time.0", waves, width)), width)

    def classes(self, label, count, width):
        return F.embedding(label, self.weight("classes.weight", count + 1, width))

    def self_attention(self, name, x, heads):
        split = lambda a: a.unflatten(-1, (heads, -1)).transpose(1, 2)
        width = x.shape[-1]
        q, k, v = self.linear(name + ".qkv", x, 3 * width).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2)
        return self.linear(name + ".out", mixed, width)


def mlp(net, x, t, label, hidden, activation, fourier=None, classes=None, class_width=16):
    parts = [x.flatten(1), net.time(t, *fourier) if fourier else t[:, None]]
    if classes:
        parts.append(net.classes(label, classes, class_width))
    h = torch.cat(parts, 1)
    for i, width in enumerate(hidden):
        h = activation(net.linear(f"layers.{i}", h, width))
    return net.linear("out", h, x[0].numel()).reshape(x.shape)


def condition(net, t, label, frequencies, highest, width, classes):
    c = net.time(t, frequencies, highest, width)
    if classes:
        c = c + net.classes(label, classes, width)
    return F.silu(c)


def unet(net, x, t, label, channels, multipliers, blocks, groups, attention, heads, frequencies, highest, classes=None):
    c = condition(net, t, label, frequencies, highest, 4 * channels, classes)

    def block(name, x, width):
        h = net.conv(name + ".conv1", F.silu(net.group_norm(name + ".norm1", x, groups)), width, 3)
        h = net.group_norm(name + ".norm2", h, groups)
        scale, shift = net.linear(name + ".condition", c, 2 * width)[:, :, None, None].chunk(2, 1)
        h = net.conv(name + ".conv2", F.silu(h * (1 + scale) + shift), width, 3)
        return h + (x if x.shape[1] == width else net.conv(name + ".skip", x, width, 1))

    def attend(name, x):
        rows = net.group_norm(name + ".norm", x, groups).flatten(2).transpose(1, 2)
        return x + net.self_attention(name, rows, heads).transpose(1, 2).reshape(x.shape)

    def stage(name, x, width, level):
        h = block(name, x, width)
        return attend(name + ".attention", h) if level in attention else h

    h, kept, sizes = net.conv("stem", x, channels, 3), [], []
    for level, multiplier in enumerate(multipliers):
        for i in range(blocks):
            h = stage(f"down.{level}.{i}", h, multiplier * channels, level)
            kept.append(h)
        if level + 1 < len(multipliers):
            sizes.append(h.shape[2:])
            h = net.conv(f"down.{level}.coarser", h, multiplier * channels, 3, [1 if n % 2 else 2 for n in h.shape[2:]])
    last = len(multipliers) - 1
    h = block("middle.1", stage("middle.0", h, multipliers[-1] * channels, last), multipliers[-1] * channels)
    for level in reversed(range(len(multipliers))):
        for i in range(blocks):
            h = stage(f"up.{level}.{i}", torch.cat([h, kept.pop()], 1), multipliers[level] * channels, level)
        if level:
            h = F.interpolate(h, size=sizes.pop(), mode="nearest")
            h = net.conv(f"up.{level}.finer", h, multipliers[level - 1] * channels, 3)
    return net.conv("out", F.silu(net.group_norm("out.norm", h, groups)), x.shape[1], 3)


def transformer(net, x, t, label, patch, width, depth, heads, ratio, frequencies, highest, classes=None):
    c = condition(net, t, label, frequencies, highest, width, classes)[:, None]
    rows, columns = x.shape[2] // patch, x.shape[3] // patch
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    omega = torch.exp(-math.log(10000.0) * torch.arange(width // 4) / (width // 4))
    angles = [at.flatten()[:, None] * omega for at in (row, column)]
    positions = torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], 1)
    norm = lambda h: F.layer_norm(h, (width,), eps=1e-6)
    h = net.linear("embed", F.unfold(x, patch, stride=patch).transpose(1, 2), width) + positions
    for i in range(depth):
        name = f"blocks.{i}"
        scale1, shift1, gate1, scale2, shift2, gate2 = net.linear(name + ".modulation", c, 6 * width).chunk(6, -1)
        h = h + gate1 * net.self_attention(name + ".attention", norm(h) * (1 + scale1) + shift1, heads)
        inner = net.linear(name + ".mlp.0", norm(h) * (1 + scale2) + shift2, ratio * width)
        h = h + gate2 * net.linear(name + ".mlp.2", F.gelu(inner, approximate="tanh"), width)
    scale, shift = net.linear("out.modulation", c, 2 * width).chunk(2, -1)
    h = net.linear("out", norm(h) * (1 + scale) + shift, patch**2 * x.shape[1])
    return F.fold(h.transpose(1, 2), x.shape[2:], patch, stride=patch)


saved = {}


def case(name, shape, samples, function, **settings):
    net, x, t = Layers(), random(samples, *shape).requires_grad_(), torch.rand(samples, generator=generator)
    classes = settings.get("classes")
    # The last is no class.
    label = torch.arange(samples).remainder(classes + 1).flip(0) if classes else None
    y = function(net, x, t, label, **settings)
    u = random(*y.shape)
    (u * y).sum().backward()
    saved.update({f"{name}.x": x, f"{name}.t": t, f"{name}.y": y, f"{name}.u": u, f"{name}.x.u": x.grad})
    if classes:
        saved[f"{name}.label"] = label.to(torch.float64)
    for key, value in net.weights.items():
        saved[f"{name}.w.{key}"], saved[f"{name}.g.{key}"] = value, value.grad
    print(name, sum(value.numel() for value in net.weights.values()), "weights")


case("mlp", (3,), 3, mlp, hidden=[5, 4], activation=selu)
case("mlp-one", (1,), 1, mlp, hidden=[1], activation=torch.tanh)
case("mlp-linear", (2,), 2, mlp, hidden=[], activation=torch.tanh)
case("mlp-fourier", (2, 2), 4, mlp, hidden=[6], activation=F.silu, fourier=(3, 30.0, 5), classes=2, class_width=3)
case("unet", (2, 6, 6), 2, unet, channels=4, multipliers=[1, 2], blocks=1, groups=2, attention=[1], heads=2,
     frequencies=2, highest=20.0)
case("unet-odd", (1, 5, 4), 3, unet, channels=2, multipliers=[1, 1, 2], blocks=1, groups=1, attention=[0, 2], heads=1,
     frequencies=1, highest=3.0, classes=2)
case("unet-pixel", (1, 1, 1), 2, unet, channels=1, multipliers=[1, 2], blocks=2, groups=1, attention=[1], heads=1,
     frequencies=1, highest=2.0)
case("transformer", (2, 4, 6), 3, transformer, patch=2, width=8, depth=2, heads=2, ratio=2, frequencies=3, highest=20.0,
     classes=2)
case("transformer-pixel", (1, 1, 1), 2, transformer, patch=1, width=4, depth=1, heads=1, ratio=1, frequencies=1,
     highest=2.0)

arrays = {name: value.detach().numpy() for name, value in saved.items()}
np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), **arrays)
