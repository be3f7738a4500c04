"""Exports the networks of models.py with both exporters of PyTorch, and their reference values.

    python export.py FOLDER [NAME...]

Writes FOLDER/NAME.npz (x, t, y, tangents, jvp, cotangents, vjp, second = d2f[tangents 0, tangents 1], all in f64) and
FOLDER/NAME-EXPORTER-OPSET.onnx (ts: TorchScript-based, dynamo: torch.export-based). Notes that name files and lines
of the exporting machine are left out of the ONNX files, nothing else is changed; large ones are compressed.
"""
import itertools
import pathlib
import sys
import warnings
import zipfile

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from models import NETWORKS, REFUSED
from torch.overrides import TorchFunctionMode
from torch.nn.attention import SDPBackend, sdpa_kernel

# Operator sets taken in turn, so that all from 13 to 23 occur with each exporter that knows them.
SETS = {"ts": itertools.cycle([17, 13, 20, 14, 16, 18, 15, 19]), "dynamo": itertools.cycle([18, 20, 23, 21, 19, 22])}
FIRST_SETS = {"diffusers-unet": {"ts": 14}, "diffusers-dit": {"ts": 16}, "sdpa": {"ts": 14, "dynamo": 23}, "mha": {"ts": 14}, "mlp-rmsnorm": {"dynamo": 23}}
# What the TorchScript-based exporter does not know.
DYNAMO_ONLY = {"mlp-rmsnorm"}

# Files of so many bytes or more are stored compressed, as NAME.onnx.zip.
LARGE = 30_000


def build(name, table):
    torch.manual_seed(7)
    make, shape = table[name]
    module = make().eval()
    with torch.no_grad():
        for parameter in module.parameters():  # the fewer digits, the smaller the compressed file
            parameter.copy_((parameter * 256).round() / 256)
    return module, shape


def arguments(shape, count, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((count, *shape), generator=generator, dtype=torch.float64)
    return x, torch.linspace(0.2, 0.9, count, dtype=torch.float64)


def standardised(x, axes, eps):
    centred = x - x.mean(axes, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(axes, keepdim=True) + eps)


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    y = standardised(x, tuple(range(-len(shape), 0)), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def instance_norm(x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    assert use_input_stats
    columns = (1, -1) + (1,) * (x.dim() - 2)
    y = standardised(x, tuple(range(2, x.dim())), eps)
    return y if weight is None else y * weight.view(columns) + bias.view(columns)


class InDouble(TorchFunctionMode):
    """Lets networks that ask for float32 in places (embeddings of time, normalisation) compute in float64.

    Second derivatives of PyTorch's own layer and instance normalisation are wrong (they miss by half from differences
    of its first ones), so these are spelt out.
    """

    SPELT_OUT = {F.layer_norm: layer_norm, F.instance_norm: instance_norm}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        widen = lambda a: torch.float64 if a is torch.float32 else a
        if func is torch.Tensor.float:
            return args[0].double()
        func = self.SPELT_OUT.get(func, func)
        return func(*map(widen, args), **{name: widen(a) for name, a in (kwargs or {}).items()})


def tangent(f, x, v):
    """df(x) v: forward mode, or the transpose of the transpose where an operator knows reverse mode only."""
    try:
        return torch.func.jvp(f, (x,), (v,))[1]
    except NotImplementedError:
        y, pullback = torch.func.vjp(f, x)
        return torch.func.vjp(lambda u: pullback(u)[0], torch.zeros_like(y))[1](v)[0]


def reference(module, shape, count=3, directions=2):
    """Values and derivatives in f64."""
    module = module.double()
    x, t = arguments(shape, count, 11)
    generator = torch.Generator().manual_seed(13)
    v, u = (torch.randn((count, directions, *shape), generator=generator, dtype=torch.float64) for _ in range(2))
    f = lambda x: module(x, t)
    along = lambda x, v: tangent(f, x, v)
    with sdpa_kernel(SDPBackend.MATH), InDouble():
        y, pullback = torch.func.vjp(f, x)
        jvp = torch.stack([along(x, v[:, k]) for k in range(directions)], 1)
        vjp = torch.stack([pullback(u[:, k])[0] for k in range(directions)], 1)
        arrays = dict(x=x, t=t, y=y, tangents=v, jvp=jvp, cotangents=u, vjp=vjp)
        try:
            arrays["second"] = tangent(lambda x: along(x, v[:, 0]), x, v[:, 1])
        except RuntimeError as error:  # some operators of PyTorch know no second derivative
            print(f"  no second derivative: {error}")
    assert all(torch.isfinite(a).all() for a in arrays.values())
    return {name: a.detach().numpy() for name, a in arrays.items()}


def export(module, shape, exporter, opset, path, **options):
    x, t = (a.float() for a in arguments(shape, 2, 5))
    names = dict(input_names=["x", "t"], output_names=["y"], opset_version=opset)
    if exporter == "ts":
        axes = {"x": {0: "batch"}, "t": {0: "batch"}, "y": {0: "batch"}}
        torch.onnx.export(module, (x, t), path, dynamo=False, dynamic_axes=axes, **names, **options)
    else:
        batch = torch.export.Dim.DYNAMIC
        external = options.pop("external_data", False)
        program = torch.onnx.export(module, (x, t), dynamo=True, dynamic_shapes=({0: batch}, {0: batch}), **names, **options)
        program.save(path, external_data=external)
    without_notes(path)


def without_notes(path):
    """Drops doc strings and metadata: they name files of this machine."""
    model = onnx.load(path, load_external_data=False)
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for part in [graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info]:
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
        graph.ClearField("value_info")
        graphs += [a.g for n in graph.node for a in n.attribute if a.HasField("g")]
    for function in model.functions:
        for part in [function, *function.node]:
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
        function.ClearField("value_info")
    model.ClearField("metadata_props")
    content = model.SerializeToString()
    if len(content) < LARGE:
        path.write_bytes(content)
        return
    path.unlink()
    with zipfile.ZipFile(path.with_name(path.name + ".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo(path.name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 9)


def attempt(what, module, *arguments, **options):
    try:
        export(module, *arguments, **options)
    except Exception as error:
        print(f"  {what} failed: {type(error).__name__}: {str(error).strip().splitlines()[-1][:200]}")


def main():
    warnings.simplefilter("ignore")
    folder = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:]
    (folder / "refused").mkdir(parents=True, exist_ok=True)
    for name in NETWORKS:
        exporters = ["dynamo"] if name in DYNAMO_ONLY else ["ts", "dynamo"]
        sets = {exporter: FIRST_SETS.get(name, {}).get(exporter) or next(SETS[exporter]) for exporter in exporters}
        if wanted and name not in wanted:
            continue
        print(name)
        module, shape = build(name, NETWORKS)
        for exporter, opset in sets.items():
            path = folder / f"{name}-{exporter}-{opset}.onnx"
            if (name, exporter) == ("shapes", "ts"):
                # The older exporter bakes the example's batch into a constant here.
                path = folder / "refused" / "fixed-batch-ts.onnx"
            attempt(exporter, module, shape, exporter, opset, path)
        if name == "mlp-silu":
            attempt("external", module, shape, "dynamo", 20, folder / f"{name}-external-20.onnx", external_data=True)
        if name == "mlp-layernorm":
            functions = {torch.nn.LayerNorm, torch.nn.SiLU, torch.nn.Sequential}
            attempt("functions", module, shape, "ts", 17, folder / f"{name}-functions-17.onnx",
                    export_modules_as_functions=functions)
        if name in ("sdpa", "shapes", "resize", "lookup"):
            attempt("unoptimised", module, shape, "dynamo", 18, folder / f"{name}-unoptimised-18.onnx", optimize=False)
        np.savez_compressed(folder / f"{name}.npz", **reference(module, shape))
    for name in REFUSED:
        if wanted and name not in wanted:
            continue
        print(name)
        module, shape = build(name, REFUSED)
        training = {}
        if name == "batchnorm-training":
            module, training = module.train(), {"training": torch.onnx.TrainingMode.TRAINING}
        if name == "repeated":
            module = torch.jit.script(module)
        for exporter in ("ts", "dynamo"):
            # The newer exporter always exports for inference, and follows no loops; the older one follows one branch.
            if (name, exporter) in {("batchnorm-training", "dynamo"), ("repeated", "dynamo"), ("branch", "ts")}:
                continue
            path = folder / "refused" / f"{name}-{exporter}.onnx"
            attempt(exporter, module, shape, exporter, 18, path, **training)


if __name__ == "__main__":
    main()
