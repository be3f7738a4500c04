"""What a competent user of PyTorch or JAX would write for surefoot's training steps.

    python training_rivals.py list              the jobs that this Python can run
    python training_rivals.py run JOB [-n N]    run a job N times; prints seconds a step and the first loss
    python training_rivals.py gradients JOB     print PyTorch's gradients in f64: name, Σ g cos(i/10) and Σ g², one weight a line
    python training_rivals.py serve             read jobs on stdin, one a line; print "SECONDS LOSS" of one warm run each

A job is LIBRARY-NETWORK-BATCH. `mlp` is TorchCFM's MLP 3-64-64-64-2 with SELU (data/w1.onnx), a step of it value, gradient and Adam;
`w2` (data/w2.onnx) and `ddpm` (models/mnist-ddpm.onnx) are U-Nets, a step of them value and gradient by all weights. The loss is the
mean of squared errors over elements and samples, on the inputs of `inputs`; LOSS is that at the weights of the file.
"""
import argparse
import math
import pathlib
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
FILES = {"mlp": HERE / "data/w1.onnx", "w2": HERE / "data/w2.onnx", "ddpm": HERE / "../models/mnist-ddpm.onnx"}
REAL = np.float32
STEPS = {"mlp": 200, "w2": 1, "ddpm": 1}


def weights(name):
    import onnx
    from onnx import numpy_helper

    found = {i.name: numpy_helper.to_array(i) for i in onnx.load(FILES[name]).graph.initializer}
    return {k: v.astype(REAL) if v.dtype == np.float32 else v for k, v in found.items()}


def inputs(name, batch):
    """x, t and target, the same numbers as in crates/graph/benches/training.rs."""
    shape = (batch, 2) if name == "mlp" else (batch, 1, 28, 28)
    i = np.arange(math.prod(shape), dtype=np.float64)
    t = np.modf(0.05 + 0.618 * np.arange(batch))[0] * (1000 if name == "ddpm" else 1)
    return [a.astype(REAL) for a in (np.sin(0.37 * i).reshape(shape), t, np.cos(0.23 * i).reshape(shape))]


# ---------------------------------------------------------------- PyTorch

def torch_job(name, batch):
    import torch

    x, t, target = map(torch.from_numpy, inputs(name, batch))
    model, named = NETWORKS[name]()
    parameters = list(named.values())
    adam = torch.optim.Adam(parameters, lr=1e-6) if name == "mlp" else None

    def step():
        for p in parameters:
            p.grad = None
        loss = torch.mean((model(x, t) - target) ** 2)
        loss.backward()
        if adam:
            adam.step()
        return loss.item()

    return step


def torch_gradients(name, batch):
    """Gradients of the mean squared error in f64 by the names of the file."""
    import torch

    global REAL
    REAL = np.float64
    torch.set_default_dtype(torch.float64)
    model, named = NETWORKS[name]()
    x, t, target = map(torch.from_numpy, inputs(name, batch))
    loss = torch.mean((model(x, t) - target) ** 2)
    loss.backward()
    print("loss", loss.item())
    memory = {f"n.{layer}.mem_kv": names for layer, names in MEMORY.items()}
    parts = []
    for key, value in named.items():
        parts += zip(memory[key], value.grad) if key in memory else [(key, value.grad)]
    for key, grad in parts:
        g = grad.numpy().ravel()
        print(key, repr(float(g @ np.cos(0.1 * np.arange(g.size)))), repr(float(g @ g)))


def torch_mlp():
    import torch
    from torchcfm.models.models import MLP

    net = MLP(dim=2, time_varying=True)
    with torch.no_grad():
        for key, value in net.state_dict().items():
            value.copy_(torch.from_numpy(weights("mlp")[f"m.{key}"]))
    return lambda x, t: net(torch.cat([x, t[:, None]], -1)), {f"m.{k}": v for k, v in net.named_parameters()}


# The names that the file has for keys and values of the memory of every attention layer.
MEMORY = {layer: (f"unsqueeze_{2 * i}", f"unsqueeze_{2 * i + 1}") for i, layer in enumerate(
    ("downs.0.2", "downs.1.2", "downs.2.2", "mid_attn", "ups.0.2", "ups.1.2", "ups.2.2"), 1)}


def torch_ddpm():
    import torch
    from denoising_diffusion_pytorch import Unet

    net = Unet(dim=32, dim_mults=(1, 2, 4), channels=1)
    found = weights("ddpm")
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if f"n.{key}" in found:
                value.copy_(torch.from_numpy(found[f"n.{key}"]))
    freq = torch.from_numpy(found["unsqueeze_1"][0])

    class Embedding(torch.nn.Module):
        """The embedding of the times with the frequencies of the file, which are rounded to single precision."""

        def forward(self, t):
            angle = t[:, None] * freq
            return torch.cat([angle.sin(), angle.cos()], -1)

    net.time_mlp[0] = Embedding()
    with torch.no_grad():
        for layer, names in MEMORY.items():
            for part, name in zip(net.get_parameter(f"{layer}.mem_kv"), names):
                part.copy_(torch.from_numpy(found[name][0]))
    return net, {f"n.{k}": v for k, v in net.named_parameters()}


def torch_w2():
    import rivals
    import torch

    F = torch.nn.functional
    found = weights("w2")
    w = {k: torch.from_numpy(v).requires_grad_() for k, v in found.items() if k.endswith((".weight", ".bias"))}
    # Scales and shifts of the normalisations, in the order in which they are used.
    affine_names = iter([k for k, v in found.items() if v.ndim == 3])
    unet = rivals.read_unet({})

    def affine():
        names = [next(affine_names), next(affine_names)]
        for name in names:
            w[name] = torch.from_numpy(found[name].ravel()).requires_grad_()
        return [w[name] for name in names]

    pairs = {id(m): {k: affine() for k in ("n", "n1", "n2") if k in m} for m in blocks(unet)}
    last = affine()

    def conv(h, name, stride=1):
        kernel = w[f"{name}.weight"]
        return F.conv2d(h, kernel, w[f"{name}.bias"], stride, kernel.shape[-1] // 2)

    def dense(h, name):
        return F.linear(h, w[f"{name}.weight"], w[f"{name}.bias"])

    def group_norm(h, pair):
        return F.group_norm(h, 8, *pair, 1e-5)

    def res(h, emb, m):
        n = pairs[id(m)]
        y = conv(F.silu(group_norm(h, n["n1"])), m["c1"]) + dense(F.silu(emb), m["te"])[:, :, None, None]
        y = conv(F.silu(group_norm(y, n["n2"])), m["c2"])
        return y + (conv(h, m["sk"]) if m["sk"] else h)

    def attention(h, m):
        b, c, hh, ww = h.shape
        q, k, v = conv(group_norm(h, pairs[id(m)]["n"]), m["qkv"]).reshape(b, 3, c, hh * ww).unbind(1)
        a = torch.softmax(torch.einsum("bci,bcj->bij", q, k) / math.sqrt(c), -1)
        return h + conv(torch.einsum("bij,bcj->bci", a, v).reshape(b, c, hh, ww), m["o"])

    freq = torch.from_numpy(found["unsqueeze_1"][0])

    def forward(x, t):
        emb = torch.cat([torch.cos(t[:, None] * freq), torch.sin(t[:, None] * freq)], -1)
        emb = dense(F.silu(dense(emb, "t1")), "t2")
        h = conv(x, "ci")
        skips = [h]
        for kind, m in unet["down"]:
            if kind == "push":
                skips.append(h)
            else:
                h = res(h, emb, m) if kind == "res" else attention(h, m) if kind == "att" else conv(h, m, 2)
        h = res(attention(res(h, emb, unet["mid"][0]), unet["mid"][1]), emb, unet["mid"][2])
        for kind, m in unet["up"]:
            if kind == "res":
                h = res(torch.cat([h, skips.pop()], 1), emb, m)
            elif kind == "att":
                h = attention(h, m)
            else:
                h = conv(F.interpolate(h, scale_factor=2, mode="nearest"), m)
        return conv(F.silu(group_norm(h, last)), "co")

    return forward, w


def blocks(unet):
    """The residual and attention blocks in their order."""
    down, up = ([m for _, m in unet[side] if isinstance(m, dict)] for side in ("down", "up"))
    return down + unet["mid"] + up


NETWORKS = {"mlp": torch_mlp, "w2": torch_w2, "ddpm": torch_ddpm}


# ---------------------------------------------------------------- JAX

def jax_job(name, batch):
    import jax
    import jax.numpy as jnp

    w = weights(name)
    params = [(jnp.asarray(w[f"m.net.{i}.weight"].T.copy()), jnp.asarray(w[f"m.net.{i}.bias"])) for i in (0, 2, 4, 6)]
    x, t, target = map(jnp.asarray, inputs(name, batch))

    def loss(params):
        h = jnp.concatenate([x, t[:, None]], -1)
        for weight, bias in params[:-1]:
            h = jax.nn.selu(h @ weight + bias)
        return jnp.mean((h @ params[-1][0] + params[-1][1] - target) ** 2)

    def step(params, m, v, i):
        value, g = jax.value_and_grad(loss)(params)
        b1, b2, lr, eps = 0.9, 0.999, 1e-6, 1e-8
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
        i = i + 1
        move = lambda p, m, v: p - lr * (m / (1 - b1 ** i)) / (jnp.sqrt(v / (1 - b2 ** i)) + eps)
        return jax.tree.map(move, params, m, v), m, v, i, value

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = [params, zeros(), zeros(), jnp.float32(0)]

    def run():
        *state[:], value = step(*state)
        return float(value)

    return run


# ---------------------------------------------------------------- command line

def jobs():
    found = {}
    try:
        import torch  # noqa: F401
        import torchcfm  # noqa: F401
        found["torch-mlp"] = torch_job
        import onnx  # noqa: F401
        found["torch-w2"] = torch_job
        import denoising_diffusion_pytorch  # noqa: F401
        found["torch-ddpm"] = torch_job
    except ImportError:
        pass
    try:
        import jax  # noqa: F401
        found["jax-mlp"] = jax_job
    except ImportError:
        pass
    return found


def measure(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def prepare(job):
    library, name, batch = job.split("-")
    step = jobs()[f"{library}-{name}"](name, int(batch))
    loss = step()
    measure(step, STEPS[name])
    return step, STEPS[name], loss


def serve():
    warm = {}
    for line in sys.stdin:
        job = line.strip()
        if job not in warm:
            warm[job] = prepare(job)
        step, count, loss = warm[job]
        print(measure(step, count), loss, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["list", "run", "serve", "gradients"])
    parser.add_argument("job", nargs="?")
    parser.add_argument("-n", type=int, default=3)
    args = parser.parse_args()
    if args.command == "list":
        print("\n".join(jobs()))
    elif args.command == "serve":
        serve()
    elif args.job is None:
        parser.error(f"{args.command} needs a job")
    elif args.command == "gradients":
        torch_gradients(args.job.split("-")[1], int(args.job.split("-")[2]))
    else:
        step, count, loss = prepare(args.job)
        print(*(f"{measure(step, count):.6f}" for _ in range(args.n)), f"loss {loss:.6f}")


if __name__ == "__main__":
    main()
