"""What a competent user of JAX or PyTorch would write for surefoot's benchmark workloads.

    python rivals.py list                       the jobs, without those whose network is not in data/
    python rivals.py run JOB [-n REPEATS]       run a job; prints one JSON object
    python rivals.py serve                      read jobs on stdin, one a line: JOB, or JOB DIR; print seconds of one warm run each
    python rivals.py inputs DIR                 write the inputs of every workload as .npy files

`serve` lets another program alternate its own runs with a rival's, so that noise hits both alike; with a DIR it also
writes the end state x and the log growth of that run there, as JOB.x.npy and JOB.log_r.npy in f64.
Workloads (README.md has the definitions): w1, w1b, w2, w3. All inputs come from fixed seeds;
the networks are the ONNX files in data/. The gemm jobs multiply two 2048 x 2048 matrices in f32: the machine's peak.
"""
import argparse
import json
import math
import pathlib
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"


def weights(name):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(DATA / f"{name}.onnx").graph
    return {i.name: numpy_helper.to_array(i) for i in graph.initializer}


def mlp_weights(name):
    w = weights(name)
    return [(w[f"m.net.{i}.weight"].T.copy(), w[f"m.net.{i}.bias"]) for i in (0, 2, 4, 6)]


def inputs(name):
    rng = np.random.default_rng(7)
    if name == "w1":
        return rng.standard_normal((40_000, 2)).astype(np.float32)
    if name == "w1b":
        return rng.standard_normal((256, 64)).astype(np.float32)
    if name == "w2":
        return rng.standard_normal((1, 28, 28, 1)).astype(np.float32)
    return 3 * rng.standard_normal((40_000, 2))


def start_frame(dim, k):
    """Orthonormal D x k start frame, the same for every engine."""
    q, r = np.linalg.qr(np.random.default_rng(11).standard_normal((dim, k)))
    return q * np.sign(np.diag(r))


def curve_nodes(count=512):
    a = np.arange(count) / count * 2 * np.pi
    return np.stack([(2 + np.cos(3 * a)) * np.cos(2 * a), (2 + np.cos(3 * a)) * np.sin(2 * a)], 1) * 0.7


SIGMAS = np.geomspace(3.0, 0.05, 51)
GEMM = 2048


def write_inputs(folder):
    """x and start frame (vectors as rows) of every workload; nodes and noise levels of w3."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, k in (("w1", 2), ("w1b", 64), ("w2", 32), ("w3", 2)):
        x = inputs(name).reshape(len(inputs(name)), -1)
        np.save(folder / f"{name}.x.npy", x.astype(np.float64))
        np.save(folder / f"{name}.frame.npy", np.ascontiguousarray(start_frame(x.shape[1], k).T))
    np.save(folder / "w3.nodes.npy", curve_nodes())
    np.save(folder / "w3.sigmas.npy", SIGMAS)


def gemm_operands():
    return np.random.default_rng(13).standard_normal((2, GEMM, GEMM)).astype(np.float32)


def numpy_jobs():
    def gemm():
        a, b = gemm_operands()
        out = np.empty_like(a)
        return lambda: np.matmul(a, b, out=out)

    return {"numpy-gemm": gemm}


# ---------------------------------------------------------------- JAX

def jax_jobs():
    import jax
    import jax.numpy as jnp
    from jax import lax

    jax.config.update("jax_enable_x64", True)

    def gram_schmidt_2(v):
        a, b = v
        r1 = jnp.linalg.norm(a, axis=-1, keepdims=True)
        a = a / r1
        b = b - jnp.sum(a * b, -1, keepdims=True) * a
        r2 = jnp.linalg.norm(b, axis=-1, keepdims=True)
        return jnp.stack([a, b / r2]), jnp.log(jnp.concatenate([r1, r2], -1))

    def qr(v):
        q, r = jnp.linalg.qr(jnp.moveaxis(v, 0, -1))
        d = jnp.diagonal(r, axis1=-2, axis2=-1)
        return jnp.moveaxis(q * jnp.sign(d)[..., None, :], -1, 0), jnp.log(jnp.abs(d))

    def sweep(drift, x, frame, steps, orthonormalise, linearize):
        """Euler steps of state and tangents; drift(params, x, t)."""
        dt = np.float32(1 / steps)

        @jax.jit
        def run(params, x, frame):
            def step(carry, i):
                x, v, log_r = carry
                f = lambda y: drift(params, y, i * dt)
                if linearize:
                    value, lin = jax.linearize(f, x)
                    jv = jax.vmap(lin)(v)
                else:
                    value, jv = jax.vmap(lambda u: jax.jvp(f, (x,), (u,)), out_axes=(None, 0))(v)
                v, log_diag = orthonormalise(v + dt * jv)
                return (x + dt * value, v, log_r + log_diag), None

            zero = jnp.zeros(orthonormalise(frame)[1].shape, x.dtype)
            return lax.scan(step, (x, frame, zero), jnp.arange(steps, dtype=jnp.float32))[0]

        return lambda params: run(params, x, frame)

    def mlp(act):
        def drift(params, x, t):
            h = jnp.concatenate([x, jnp.full(x.shape[:-1] + (1,), t, x.dtype)], -1)
            for w, b in params[:-1]:
                h = act(h @ w + b)
            return h @ params[-1][0] + params[-1][1]
        return drift

    def mlp_job(name, act, k, steps, orthonormalise, linearize):
        params = [(jnp.asarray(w), jnp.asarray(b)) for w, b in mlp_weights(name)]
        x = jnp.asarray(inputs(name))
        frame = jnp.asarray(start_frame(x.shape[1], k).T[:, None, :].repeat(len(x), 1).astype(np.float32))
        run = sweep(mlp(act), x, frame, steps, orthonormalise, linearize)
        return lambda: run(params)

    def unet_job(linearize):
        w = {k: jnp.asarray(v) for k, v in weights("w2").items()}

        def conv(h, name, stride=1):
            kernel = w[f"{name}.weight"].transpose(2, 3, 1, 0)
            pad = [(kernel.shape[0] // 2,) * 2] * 2
            dims = ("NHWC", "HWIO", "NHWC")
            return lax.conv_general_dilated(h, kernel, (stride,) * 2, pad, dimension_numbers=dims) + w[f"{name}.bias"]

        def dense(h, name):
            return h @ w[f"{name}.weight"].T + w[f"{name}.bias"]

        def group_norm(h, scale, shift):
            b, hh, ww, c = h.shape
            y = h.reshape(b, hh * ww, 8, c // 8)
            mean = y.mean((1, 3), keepdims=True)
            var = ((y - mean) ** 2).mean((1, 3), keepdims=True)
            return ((y - mean) * lax.rsqrt(var + 1e-5)).reshape(h.shape) * scale + shift

        silu = jax.nn.silu
        unet = read_unet(weights("w2"))

        def affine(pair):
            return tuple(jnp.asarray(a) for a in pair)

        def res(h, emb, m):
            y = conv(silu(group_norm(h, *affine(m["n1"]))), m["c1"]) + dense(silu(emb), m["te"])
            y = conv(silu(group_norm(y, *affine(m["n2"]))), m["c2"])
            return y + (conv(h, m["sk"]) if m["sk"] else h)

        def attention(h, m):
            b, hh, ww, c = h.shape
            q, k, v = jnp.moveaxis(conv(group_norm(h, *affine(m["n"])), m["qkv"]).reshape(b, hh * ww, 3, c), 2, 0)
            a = jax.nn.softmax(jnp.einsum("bic,bjc->bij", q, k) / math.sqrt(c), -1)
            return h + conv(jnp.einsum("bij,bjc->bic", a, v).reshape(b, hh, ww, c), m["o"])

        def drift(_, x, t):
            freq = jnp.exp(-math.log(10_000) * jnp.arange(16, dtype=jnp.float32) / 16)
            emb = jnp.concatenate([jnp.cos(t * freq), jnp.sin(t * freq)])
            emb = dense(silu(dense(emb, "t1")), "t2")
            h = conv(x, "ci")
            skips = [h]
            for kind, m in unet["down"]:
                h = {"res": lambda: res(h, emb, m), "att": lambda: attention(h, m),
                     "down": lambda: conv(h, m, 2), "push": lambda: h}[kind]()
                if kind == "push":
                    skips.append(h)
            h = res(attention(res(h, emb, unet["mid"][0]), unet["mid"][1]), emb, unet["mid"][2])
            for kind, m in unet["up"]:
                if kind == "res":
                    h = res(jnp.concatenate([h, skips.pop()], -1), emb, m)
                elif kind == "att":
                    h = attention(h, m)
                else:
                    h = conv(jnp.repeat(jnp.repeat(h, 2, 1), 2, 2), m)
            return conv(silu(group_norm(h, *affine(unet["no"]))), "co")

        def orthonormalise(v):
            q, r = jnp.linalg.qr(v.reshape(32, 784).T)
            d = jnp.diagonal(r)
            return (q * jnp.sign(d)).T.reshape(v.shape), jnp.log(jnp.abs(d))

        x = jnp.asarray(inputs("w2"))
        frame = jnp.asarray(start_frame(784, 32).T.reshape(32, 1, 28, 28, 1).astype(np.float32))
        run = sweep(drift, x, frame, 5, orthonormalise, linearize)
        return lambda: run(None)

    def score_job(dtype):
        nodes, sigma = jnp.asarray(curve_nodes(), dtype), jnp.asarray(SIGMAS, dtype)
        features = jnp.stack([nodes[:, 0], nodes[:, 1], nodes[:, 0] ** 2, nodes[:, 0] * nodes[:, 1], nodes[:, 1] ** 2], -1)
        x = jnp.asarray(inputs("w3"), dtype)
        frame = jnp.broadcast_to(jnp.asarray(start_frame(2, 2).T, dtype)[:, None, :], (2, len(x), 2))

        @jax.jit
        def run(x, frame):
            def step(carry, i):
                x, v, log_r = carry
                s = sigma[i]
                h = s * (s - sigma[i + 1])
                d0, d1 = x[:, :1] - nodes[None, :, 0], x[:, 1:] - nodes[None, :, 1]
                logits = -(d0 * d0 + d1 * d1) / (2 * s * s)
                e = jnp.exp(logits - logits.max(-1, keepdims=True))
                m = (e @ features) / e.sum(-1, keepdims=True)
                mean = m[:, :2]
                cov = jnp.stack([m[:, 2] - m[:, 0] ** 2, m[:, 3] - m[:, 0] * m[:, 1],
                                 m[:, 3] - m[:, 0] * m[:, 1], m[:, 4] - m[:, 1] ** 2], -1).reshape(-1, 2, 2)
                jac = cov / s**4 - jnp.eye(2, dtype=dtype) / s**2
                v, log_diag = gram_schmidt_2(v + h * jnp.einsum("bij,kbj->kbi", jac, v))
                return (x + h * (mean - x) / s**2, v, log_r + log_diag), None
            return lax.scan(step, (x, frame, jnp.zeros((len(x), 2), dtype)), jnp.arange(50))[0]

        return lambda: run(x, frame)

    finish = lambda job: (lambda: jax.block_until_ready(job()))
    def gemm_job():
        a, b = jnp.asarray(gemm_operands())
        multiply = jax.jit(jnp.matmul)
        return lambda: multiply(a, b)

    makers = {
        "jax-gemm": gemm_job,
        "jax-w1": lambda: mlp_job("w1", jax.nn.selu, 2, 100, gram_schmidt_2, False),
        "jax-w1-linearize": lambda: mlp_job("w1", jax.nn.selu, 2, 100, gram_schmidt_2, True),
        "jax-w1b": lambda: mlp_job("w1b", jax.nn.silu, 64, 20, qr, False),
        "jax-w1b-linearize": lambda: mlp_job("w1b", jax.nn.silu, 64, 20, qr, True),
        "jax-w2": lambda: unet_job(False),
        "jax-w2-linearize": lambda: unet_job(True),
        "jax-w3-f64": lambda: score_job(jnp.float64),
        "jax-w3-f32": lambda: score_job(jnp.float32),
    }
    return {name: (lambda m=m: finish(m())) for name, m in makers.items()}


def read_unet(w):
    """The block list of data/w2.onnx: names of the weights of every block, GroupNorm parameters by block order."""
    widths = [32, 64, 128]
    norms = iter(NormReader(w))

    def res(name, c_in, c_out):
        n1 = next(norms)
        n2 = next(norms)
        return {"n1": n1, "c1": f"{name}.c1", "te": f"{name}.te", "n2": n2, "c2": f"{name}.c2",
                "sk": f"{name}.sk" if c_in != c_out else None}

    def att(name):
        return {"n": next(norms), "qkv": f"{name}.qkv", "o": f"{name}.o"}

    down, channels, c, i = [], [32], 32, 0
    for level, width in enumerate(widths):
        for _ in range(2):
            down.append(("res", res(f"down.{i}", c, width))); i += 1; c = width
            if level == 2:
                down.append(("att", att(f"down.{i}"))); i += 1
            channels.append(c); down.append(("push", None))
        if level < 2:
            down += [("down", f"down.{i}"), ("push", None)]; i += 1; channels.append(c)
    mid = [res("m1", c, c), att("ma"), res("m2", c, c)]
    up, i = [], 0
    for level, width in reversed(list(enumerate(widths))):
        for _ in range(3):
            up.append(("res", res(f"up.{i}", c + channels.pop(), width))); i += 1; c = width
            if level == 2:
                up.append(("att", att(f"up.{i}"))); i += 1
        if level > 0:
            up.append(("up", f"up.{i}")); i += 1
    return {"down": down, "mid": mid, "up": up, "no": next(norms)}


class NormReader:
    """GroupNorm scales and shifts in the order in which the network applies them."""

    def __init__(self, w):
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(DATA / "w2.onnx").graph
        init = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        made = {o: n for n in graph.node for o in n.output}
        users = {}
        for n in graph.node:
            for i in n.input:
                users.setdefault(i, []).append(n)
        self.pairs = []

        def constant(name):
            if name in init:
                return init[name].ravel()
            node = made.get(name)
            return constant(node.input[0]) if node is not None and node.op_type in ("Unsqueeze", "Reshape") else None

        for n in graph.node:
            if n.op_type == "InstanceNormalization":
                reshape = users[n.output[0]][0]
                mul = users[reshape.output[0]][0]
                scale = next(c for c in map(constant, mul.input) if c is not None)
                add = users[mul.output[0]][0]
                shift = next(c for c in map(constant, add.input) if c is not None)
                self.pairs.append((scale, shift))

    def __iter__(self):
        return iter(self.pairs)


# ---------------------------------------------------------------- PyTorch

def torch_jobs():
    import torch
    from torch.func import jvp, vmap

    torch.set_grad_enabled(False)

    def qr(v):
        q, r = torch.linalg.qr(v.permute(1, 2, 0))
        d = torch.diagonal(r, dim1=-2, dim2=-1)
        return (q * torch.sign(d)[:, None, :]).permute(2, 0, 1).contiguous(), torch.log(d.abs())

    def gram_schmidt_2(v):
        a, b = v
        r1 = a.norm(dim=-1, keepdim=True)
        a = a / r1
        b = b - (a * b).sum(-1, keepdim=True) * a
        r2 = b.norm(dim=-1, keepdim=True)
        return torch.stack([a, b / r2]), torch.log(torch.cat([r1, r2], -1))

    def mlp_job(name, act, slope, k, steps, orthonormalise, by_hand):
        layers = [(torch.tensor(w), torch.tensor(b)) for w, b in mlp_weights(name)]
        x0 = torch.tensor(inputs(name))
        v0 = torch.tensor(start_frame(x0.shape[1], k).T.astype(np.float32))[:, None, :].expand(k, *x0.shape).contiguous()

        def forward(h):
            for w, b in layers[:-1]:
                h = act(h @ w + b)
            return h @ layers[-1][0] + layers[-1][1]

        def tangents(x, v, t):
            if not by_hand:
                f = lambda y: forward(torch.cat([y, t.expand(len(y), 1)], -1))
                return vmap(lambda u: jvp(f, (x,), (u,)), out_dims=(None, 0))(v)
            h = torch.cat([x, t.expand(len(x), 1)], -1)
            v = torch.cat([v, torch.zeros(*v.shape[:-1], 1)], -1)
            for w, b in layers[:-1]:
                z = h @ w + b
                v = (v.reshape(-1, v.shape[-1]) @ w).reshape(*v.shape[:-1], -1) * slope(z)
                h = act(z)
            w, b = layers[-1]
            return h @ w + b, (v.reshape(-1, v.shape[-1]) @ w).reshape(*v.shape[:-1], -1)

        def run():
            x, v, log_r = x0, v0, 0.0
            for i in range(steps):
                value, jv = tangents(x, v, torch.tensor(i / steps, dtype=torch.float32))
                x = x + value / steps
                v, d = orthonormalise(v + jv / steps)
                log_r = log_r + d
            return x, v, log_r
        return run

    selu_slope = lambda z: torch.where(z > 0, 1.0507009873554805, 1.7580993408473766 * torch.exp(z))

    def silu_slope(z):
        s = torch.sigmoid(z)
        return s * (1 + z * (1 - s))

    F = torch.nn.functional
    return {
        "torch-w1": lambda: mlp_job("w1", F.selu, selu_slope, 2, 100, gram_schmidt_2, False),
        "torch-w1-by-hand": lambda: mlp_job("w1", F.selu, selu_slope, 2, 100, gram_schmidt_2, True),
        "torch-w1b": lambda: mlp_job("w1b", F.silu, silu_slope, 64, 20, qr, False),
        "torch-w1b-by-hand": lambda: mlp_job("w1b", F.silu, silu_slope, 64, 20, qr, True),
    }


# ---------------------------------------------------------------- command line

def has_data(job):
    workload = job.split("-")[1]
    return workload not in ("w1", "w1b", "w2") or (DATA / f"{workload}.onnx").exists()


def jobs():
    found = {}
    for make in (numpy_jobs, jax_jobs, torch_jobs):
        try:
            found.update(make())
        except ImportError:
            pass
    return {name: make for name, make in found.items() if has_data(name)}


def serve(makers):
    warm = {}
    for line in sys.stdin:
        name, *folder = line.split(maxsplit=1)
        if name not in makers:
            print("unknown job", flush=True)
            continue
        if name not in warm:
            warm[name] = makers[name]()
            warm[name]()
        seconds, result = timed(warm[name])
        if folder:
            folder = pathlib.Path(folder[0].strip())
            x, _, log_r = result
            np.save(folder / f"{name}.x.npy", np.asarray(x, np.float64))
            np.save(folder / f"{name}.log_r.npy", np.asarray(log_r, np.float64))
        print(seconds, flush=True)


def timed(job):
    start = time.perf_counter()
    result = job()
    return time.perf_counter() - start, result


def run(name, job, repeats, save):
    first, _ = timed(job)
    runs = [timed(job) for _ in range(repeats)]
    report = {"job": name, "first_seconds": round(first, 3), "seconds": [round(s, 4) for s, _ in runs]}
    if isinstance(runs[-1][1], tuple):
        x, v, log_r = (np.asarray(a) for a in runs[-1][1])
        report["mean_log_r"] = [float(a) for a in log_r.reshape(-1, log_r.shape[-1]).mean(0)[:4]]
        if save:
            np.savez(save, x=x, frame=v, log_r=log_r)
    print(json.dumps(report))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["list", "run", "serve", "inputs"])
    parser.add_argument("job", nargs="?", help="the job of `run`, the folder of `inputs`")
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--save", help="write the end state of the run to this .npz")
    args = parser.parse_args()
    if args.command in ("run", "inputs") and args.job is None:
        parser.error(f"{args.command} needs a second word")
    if args.command == "inputs":
        return write_inputs(args.job)
    makers = jobs()
    if args.command == "list":
        print("\n".join(makers))
    elif args.command == "serve":
        serve(makers)
    elif args.job not in makers:
        parser.error(f"no job {args.job}; there are {', '.join(makers)}")
    else:
        run(args.job, makers[args.job](), args.n, args.save)


if __name__ == "__main__":
    main()
