"""Small networks with random weights, of the kinds that people train: y [batch, ...] of x [batch, ...] and t [batch].

`NETWORKS` and `REFUSED` map a name to a function that builds the module and to the shape of a sample.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.Module):
    def __init__(self, activation, dim=3, width=16, norm=None):
        super().__init__()
        norm = norm or (lambda: nn.Identity())
        self.net = nn.Sequential(
            nn.Linear(dim + 1, width), norm(), activation(), nn.Linear(width, width), norm(), activation(),
            nn.Linear(width, dim))

    def forward(self, x, t):
        return self.net(torch.cat([x, t[:, None]], dim=-1))


class Activations(nn.Module):
    """A layer for each of many activations."""

    KINDS = [nn.ELU, nn.CELU, nn.LeakyReLU, nn.ReLU, nn.Softplus, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Tanh,
             nn.Sigmoid, nn.PReLU, nn.ReLU6, nn.Softsign, nn.LogSigmoid, nn.Hardtanh, nn.Tanhshrink]

    def __init__(self, dim=3, width=6):
        super().__init__()
        self.first = nn.Linear(dim + 1, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in self.KINDS)
        self.kinds = nn.ModuleList(kind() for kind in self.KINDS)
        self.last = nn.Linear(width, dim)

    def forward(self, x, t):
        h = self.first(torch.cat([x, t[:, None]], dim=-1))
        for layer, kind in zip(self.layers, self.kinds):
            h = h + kind(layer(h))
        return self.last(F.glu(torch.cat([h, h * torch.exp(-h.abs())], dim=-1)))


def sinusoidal(t, dim, scale=1000.0):
    half = dim // 2
    freqs = torch.exp(torch.arange(half, device=t.device, dtype=t.dtype) * (-math.log(10000.0) / half))
    angles = scale * t[:, None] * freqs[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Modulated(nn.Module):
    """A DiT block: adaLN-zero modulation of attention and MLP (Peebles & Xie 2023)."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(approximate="tanh"), nn.Linear(2 * dim, dim))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))

    def attention(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(c)[:, None].chunk(6, dim=-1)
        x = x + gate1 * self.attention(self.norm1(x) * (1 + scale1) + shift1)
        return x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)


class Dit(nn.Module):
    def __init__(self, channels=2, size=4, patch=2, dim=12, heads=3):
        super().__init__()
        self.patch, self.side, self.channels = patch, size // patch, channels
        self.embed = nn.Conv2d(channels, dim, patch, stride=patch)
        self.position = nn.Parameter(torch.randn(1, self.side**2, dim) * 0.2)
        self.time = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.blocks = nn.ModuleList(Modulated(dim, heads) for _ in range(2))
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, patch * patch * channels)
        self.dim = dim

    def forward(self, x, t):
        h = self.embed(x).flatten(2).transpose(1, 2) + self.position
        c = self.time(sinusoidal(t, self.dim))
        for block in self.blocks:
            h = block(h, c)
        h = self.out(self.norm(h)).reshape(x.shape[0], self.side, self.side, self.patch, self.patch, self.channels)
        return torch.einsum("nhwpqc->nchpwq", h).reshape(x.shape)


class Conv1d(nn.Module):
    def __init__(self, channels=2, width=8):
        super().__init__()
        self.first = nn.Conv1d(channels, width, 3, padding=1, padding_mode="circular")
        self.time = nn.Linear(1, width)
        self.dilated = nn.Conv1d(width, width, 3, padding=2, dilation=2, groups=2)
        self.norm = nn.GroupNorm(4, width)
        self.down = nn.Conv1d(width, 2 * width, 4, stride=2, padding=1)
        self.inner = nn.InstanceNorm1d(2 * width, affine=True)
        self.up = nn.ConvTranspose1d(2 * width, width, 4, stride=2, padding=1)
        self.last = nn.Conv1d(width, channels, 1)

    def forward(self, x, t):
        h = self.first(x) + self.time(t[:, None])[:, :, None]
        h = h + F.silu(self.norm(self.dilated(F.silu(h))))
        return self.last(h + self.up(F.mish(self.inner(self.down(h)))))


class Lookup(nn.Module):
    """Time as an index into a table."""

    def __init__(self, dim=3, width=8, steps=10):
        super().__init__()
        self.steps = steps
        self.table = nn.Embedding(steps, width)
        self.first, self.last = nn.Linear(dim, width), nn.Linear(width, dim)

    def forward(self, x, t):
        index = (t * self.steps).long().clamp(0, self.steps - 1)
        return self.last(torch.tanh(self.first(x) + self.table(index)))


class Resize(nn.Module):
    """Up and down: nearest and bilinear, sizes from shapes, pooling, padding."""

    def __init__(self, channels=2, width=6):
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1, padding_mode="replicate")
        self.norm = nn.BatchNorm2d(width)
        self.inner = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect")
        self.last = nn.Conv2d(3 * width, channels, 3, padding=1)
        self.time = nn.Linear(1, width)

    def forward(self, x, t):
        h = F.relu6(self.norm(self.first(x)) + self.time(t[:, None])[:, :, None, None])
        low = F.gelu(self.inner(F.avg_pool2d(h, 2)))
        bilinear = F.interpolate(low, size=x.shape[-2:], mode="bilinear", align_corners=False)
        nearest = F.interpolate(low, scale_factor=2, mode="nearest")
        corners = F.interpolate(F.adaptive_avg_pool2d(low, 1) * low, size=x.shape[2:], mode="bilinear", align_corners=True)
        return self.last(torch.cat([bilinear, nearest, corners], dim=1))


class Attention(nn.Module):
    """nn.MultiheadAttention over tokens, sequence first or batch first."""

    def __init__(self, batch_first, tokens=4, channels=3, dim=8):
        super().__init__()
        self.first, self.last, self.time = nn.Linear(channels, dim), nn.Linear(dim, channels), nn.Linear(1, dim)
        self.position = nn.Parameter(torch.randn(tokens, dim) * 0.3)
        self.norm, self.attention = nn.LayerNorm(dim), nn.MultiheadAttention(dim, 2, batch_first=batch_first)
        self.batch_first = batch_first

    def forward(self, x, t):
        h = self.first(x) + self.position + self.time(t[:, None])[:, None]
        h = h if self.batch_first else h.transpose(0, 1)
        n = self.norm(h)
        h = h + self.attention(n, n, n, need_weights=False)[0]
        return self.last(h if self.batch_first else h.transpose(0, 1))


class Sdpa(nn.Module):
    """F.scaled_dot_product_attention with a causal mask and rotary positions."""

    def __init__(self, tokens=5, channels=2, heads=2, head=4):
        super().__init__()
        self.heads, self.head = heads, head
        dim = heads * head
        self.first, self.last, self.time = nn.Linear(channels, dim), nn.Linear(dim, channels), nn.Linear(1, dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)

    def rotate(self, q):
        half = self.head // 2
        position = torch.arange(q.shape[2], device=q.device, dtype=q.dtype)
        angle = position[:, None] * 100.0 ** (-torch.arange(half, device=q.device, dtype=q.dtype) / half)
        a, b = q[..., :half], q[..., half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)

    def forward(self, x, t):
        b, n = x.shape[:2]
        h = self.first(x) + self.time(t[:, None]).unsqueeze(1)
        normal = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-5)
        q, k, v = (p.view(b, n, self.heads, self.head).transpose(1, 2) for p in self.qkv(normal).chunk(3, -1))
        h = h + F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True).transpose(1, 2).flatten(2)
        return self.last(h)


class Shapes(nn.Module):
    """Arithmetic on shapes wherever a module may do it."""

    def __init__(self, channels=2, size=4):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 6))
        self.inner = nn.Linear(6, 6)
        self.first, self.last = nn.Linear(channels, 6), nn.Linear(6, channels)

    def forward(self, x, t):
        b, c, h, w = x.shape
        n = h * w
        tokens = x.permute(0, 2, 3, 1).reshape(b, n, c)
        tokens = self.first(tokens) + t.view(-1, 1, 1) * torch.ones(b, n, 1, dtype=x.dtype, device=x.device)
        tokens = torch.cat([self.token.expand(b, -1, -1), tokens], dim=1)
        ramp = torch.arange(n + 1, dtype=x.dtype, device=x.device) / (n + 1)
        tokens = tokens + ramp.view(1, -1, 1).repeat(b, 1, 6)
        mask = torch.tril(torch.ones(n + 1, n + 1, dtype=torch.bool, device=x.device))
        scores = torch.einsum("bid,bjd->bij", tokens, self.inner(tokens)) / math.sqrt(tokens.size(-1))
        tokens = scores.masked_fill(~mask, float("-inf")).softmax(-1) @ tokens
        left, right = tokens[:, 1:].unflatten(1, (h, w)).split([1, 5], dim=-1)
        image = torch.cat([right, left], dim=-1).roll(1, dims=2).flip(1)
        image = torch.where(image > 0, image, image * 0.5 + torch.zeros_like(image))
        pair = torch.stack([image[:, ::2], image[:, 1::2]], dim=2).view(b, h, w, -1)
        return self.last(pair).permute(0, 3, 1, 2).contiguous() + x.mean(dim=(2, 3), keepdim=True)


class Half(nn.Module):
    """A network whose weights are stored in another type than its inputs."""

    def __init__(self, dtype):
        super().__init__()
        self.inner, self.dtype = Mlp(nn.SiLU).to(dtype), dtype

    def forward(self, x, t):
        if x.dtype == torch.float64:
            return self.inner(x, t)
        return self.inner(x.to(self.dtype), t.to(self.dtype)).float()


class Wrapped(nn.Module):
    """A network of another library behind (x, t)."""

    def __init__(self, net, call):
        super().__init__()
        self.net, self.call = net, call

    def forward(self, x, t):
        return self.call(self.net, x, t)


def ddpm_unet():
    from denoising_diffusion_pytorch import Unet
    net = Unet(dim=4, dim_mults=(1, 2), channels=1, attn_dim_head=4, attn_heads=2)
    return Wrapped(net, lambda net, x, t: net(x, 1000 * t))


def torchcfm_unet():
    # Its group normalisation has 32 groups; with 4 the file stays small.
    from torchcfm.models.unet import nn as layers
    from torchcfm.models.unet import unet
    unet.normalization = lambda channels: layers.GroupNorm32(4, channels)
    net = unet.UNetModelWrapper(dim=(1, 8, 8), num_channels=8, num_res_blocks=1, channel_mult=(1, 2), num_heads=2,
                                attention_resolutions="4", use_scale_shift_norm=True)
    torch.manual_seed(1)
    for parameter in net.parameters():  # many start at zero
        nn.init.normal_(parameter, std=0.2)
    return Wrapped(net, lambda net, x, t: net(t, x))


def diffusers_unet():
    from diffusers import UNet2DModel
    net = UNet2DModel(sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 12),
                      norm_num_groups=4, attention_head_dim=4, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
                      up_block_types=("AttnUpBlock2D", "UpBlock2D"))
    return Wrapped(net, lambda net, x, t: net(x, 100 * t, return_dict=False)[0])


def diffusers_dit():
    from diffusers import DiTTransformer2DModel
    net = DiTTransformer2DModel(num_attention_heads=2, attention_head_dim=4, in_channels=2, out_channels=2, num_layers=2,
                                sample_size=4, patch_size=2, num_embeds_ada_norm=10)

    def call(net, x, t):
        label = torch.full((x.shape[0],), 3, dtype=torch.long, device=x.device)
        return net(x, timestep=100 * t, class_labels=label, return_dict=False)[0]
    return Wrapped(net, call)


NETWORKS = {
    "mlp-selu": (lambda: Mlp(nn.SELU), (3,)),
    "mlp-silu": (lambda: Mlp(nn.SiLU), (3,)),
    "mlp-gelu": (lambda: Mlp(nn.GELU), (3,)),
    "mlp-gelu-tanh": (lambda: Mlp(lambda: nn.GELU(approximate="tanh")), (3,)),
    "mlp-layernorm": (lambda: Mlp(nn.SiLU, norm=lambda: nn.LayerNorm(16)), (3,)),
    "mlp-rmsnorm": (lambda: Mlp(nn.SiLU, norm=lambda: nn.RMSNorm(16, eps=1e-5)), (3,)),
    "mlp-batchnorm": (lambda: Mlp(nn.SiLU, norm=lambda: nn.BatchNorm1d(16)), (3,)),
    "activations": (Activations, (3,)),
    "half": (lambda: Half(torch.float16), (3,)),
    "bfloat16": (lambda: Half(torch.bfloat16), (3,)),
    "lookup": (Lookup, (3,)),
    "conv1d": (Conv1d, (2, 8)),
    "resize": (Resize, (2, 8, 8)),
    "dit": (Dit, (2, 4, 4)),
    "mha": (lambda: Attention(True), (4, 3)),
    "mha-sequence-first": (lambda: Attention(False), (4, 3)),
    "sdpa": (Sdpa, (5, 2)),
    "shapes": (Shapes, (2, 4, 4)),
    "ddpm-unet": (ddpm_unet, (1, 8, 8)),
    "torchcfm-unet": (torchcfm_unet, (1, 8, 8)),
    "diffusers-unet": (diffusers_unet, (1, 8, 8)),
    "diffusers-dit": (diffusers_dit, (2, 4, 4)),
}


class OverBatch(nn.Module):
    """Something that makes a sample depend on the others of its batch."""

    def __init__(self, mix):
        super().__init__()
        self.mix, self.linear = mix, nn.Linear(3, 3)

    def forward(self, x, t):
        return self.mix(torch.tanh(self.linear(x) + t[:, None]))


class Branch(nn.Module):
    def forward(self, x, t):
        return torch.cond(x.sum() > 0, lambda x, t: x.sin() + t[:, None], lambda x, t: x.cos() - t[:, None], (x, t))


class Repeated(nn.Module):
    def forward(self, x, t):
        for _ in range(int(t.sum())):
            x = x.sin()
        return x


REFUSED = {
    "batchnorm-training": (lambda: Mlp(nn.SiLU, norm=lambda: nn.BatchNorm1d(16)), (3,)),
    "softmax-batch": (lambda: OverBatch(lambda h: h.softmax(dim=0)), (3,)),
    "mean-batch": (lambda: OverBatch(lambda h: h - h.mean(dim=0, keepdim=True)), (3,)),
    "deviation-batch": (lambda: OverBatch(lambda h: h / h.std(dim=0, keepdim=True)), (3,)),
    "gram-batch": (lambda: OverBatch(lambda h: (h @ h.T).softmax(-1) @ h), (3,)),
    "flip-batch": (lambda: OverBatch(lambda h: h + h.flip(0)), (3,)),
    "first-of-batch": (lambda: OverBatch(lambda h: h + h[:1]), (3,)),
    "sum-all": (lambda: OverBatch(lambda h: h * h.sum()), (3,)),
    "batch-size": (lambda: OverBatch(lambda h: h * h.shape[0]), (3,)),
    "cumsum-batch": (lambda: OverBatch(lambda h: h.cumsum(0)), (3,)),
    "branch": (Branch, (3,)),
    "repeated": (Repeated, (3,)),
}
