#!/usr/bin/env python3
"""Reference values of single layers: layers.npz, in f64, from PyTorch.

    python layers.py        needs torch and numpy

For a case NAME: NAME.x, NAME.y and, for cotangents NAME.u, the gradients of Σ u · y by x (NAME.x.u) and by every weight
(NAME.w.WEIGHT holds its numbers, NAME.g.WEIGHT the gradient). Weights lie as surefoot has them: [in, out] for linear
layers.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)
saved = {}


def random(*shape):
    return torch.randn(*shape, generator=generator)


def selu(x):
    """With ONNX's constants, which are PyTorch's in single precision."""
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    return gamma * torch.where(x > 0, x, alpha * torch.expm1(x))


def case(name, x, layer, **weights):
    """Saves a case; a weight is the numbers as surefoot has them, from which the layer makes PyTorch's."""
    x = x.clone().requires_grad_()
    weights = {key: value.clone().requires_grad_() for key, value in weights.items()}
    y = layer(x, **weights)
    u = random(*y.shape)
    (u * y).sum().backward()
    saved.update({f"{name}.x": x, f"{name}.y": y, f"{name}.u": u, f"{name}.x.u": x.grad})
    for key, value in weights.items():
        saved[f"{name}.w.{key}"] = value
        saved[f"{name}.g.{key}"] = value.grad


def linear(x, weight, bias=None):
    return F.linear(x, weight.T, bias)


case("linear", random(3, 4), linear, weight=random(4, 5), bias=random(5))
case("linear-one", random(1, 1), linear, weight=random(1, 1), bias=random(1))
case("linear-positions", random(2, 3, 4), linear, weight=random(4, 2))

for name, shape, channels, kernel, stride, padding in [
    ("convolution", (2, 3, 5, 6), 4, 3, (1, 1), 1),
    ("convolution-stride", (2, 2, 7, 6), 3, 3, (2, 2), 1),
    ("convolution-unequal", (1, 1, 5, 8), 2, 4, (1, 2), 0),
    ("convolution-pixel", (3, 1, 1, 1), 1, 3, (1, 1), 1),
    ("convolution-point", (2, 3, 2, 3), 2, 1, (1, 1), 0),
]:
    case(name, random(*shape),
         lambda x, weight, bias: F.conv2d(x, weight, bias.flatten(), stride=stride, padding=padding),
         weight=random(channels, shape[1], kernel, kernel), bias=random(channels, 1, 1))

for name, shape, groups in [("group-norm", (2, 6, 3, 2), 3), ("group-norm-one", (2, 4, 3, 3), 1),
                            ("group-norm-single", (2, 3, 4, 1), 3), ("group-norm-positions", (2, 4, 5), 2)]:
    case(name, 2 + 3 * random(*shape),
         lambda x, weight, bias: F.group_norm(x, groups, weight.flatten(), bias.flatten()),
         weight=random(shape[1], *[1] * (len(shape) - 2)), bias=random(shape[1], *[1] * (len(shape) - 2)))
case("layer-norm", 1 + random(2, 3, 5), lambda x, weight, bias: F.layer_norm(x, (5,), weight, bias),
     weight=random(5), bias=random(5))
case("layer-norm-plain", random(3, 4), lambda x: F.layer_norm(x, (4,), eps=1e-6))

for name, function in [("selu", selu), ("silu", F.silu), ("gelu", F.gelu), ("tanh", torch.tanh), ("relu", F.relu),
                       ("gelu-tanh", lambda x: F.gelu(x, approximate="tanh"))]:
    case(name, random(2, 9), function)


def heads(x, count):
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def attention(q, k, v, count):
    mixed = F.scaled_dot_product_attention(heads(q, count), heads(k, count), heads(v, count))
    return mixed.transpose(1, 2).flatten(2)


# Queries are the first two positions, keys and values the first and last features of the others.
case("attention", random(2, 5, 12),
     lambda x: attention(x[:, :2, :6], x[:, 2:, :6], x[:, 2:, 6:], 3))
case("attention-one", random(2, 1, 2), lambda x: attention(x[..., :1], x[..., :1], x[..., 1:], 1))


def self_attention(x, **w):
    q, k, v = linear(x, w["qkv_weight"], w["qkv_bias"]).chunk(3, -1)
    return linear(attention(q, k, v, 2), w["out_weight"], w["out_bias"])


case("self-attention", random(3, 4, 6), self_attention, qkv_weight=random(6, 18), qkv_bias=random(18),
     out_weight=random(6, 6), out_bias=random(6))

case("upsample", random(2, 3, 2, 3), lambda x: F.interpolate(x, scale_factor=(2, 2), mode="nearest"))
case("upsample-width", random(1, 1, 3, 1), lambda x: F.interpolate(x, scale_factor=(1, 3), mode="nearest"))
case("patchify", random(2, 3, 4, 6), lambda x: F.unfold(x, 2, stride=2).transpose(1, 2))
case("unpatchify", random(2, 6, 12), lambda x: F.fold(x.transpose(1, 2), (4, 6), 2, stride=2))

arrays = {name: value.detach().numpy() for name, value in saved.items()}
np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), **arrays)
print(len(arrays), "arrays")
