#!/usr/bin/env python3
"""The dimension of MNIST's digits, class by class: the table of docs/dimension.md.

    python3 scripts/mnist-dimension.py --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz -o mnist-dimension

Takes MNIST's files as they are distributed, scales the images to [-1, 1] as models/mnist-ddpm.toml has them, runs
`surefoot tangent --labels` on the first images of every digit, and prints the table as Markdown from dimension.json.
Needs nothing but the standard library; --surefoot names the program.
"""

import argparse
import array
import gzip
import json
import pathlib
import struct
import subprocess
import sys


def idx(path):
    """Shape and bytes of an IDX file of unsigned bytes, also gzipped."""
    raw = pathlib.Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    if raw[:3] != b"\0\0\x08":
        sys.exit(f"{path}: expected an IDX file of unsigned bytes, got other bytes. Give MNIST's own files")
    axes = raw[3]
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    return shape, raw[4 + 4 * axes :]


def write_npy(path, shape, values, kind):
    """An .npy file of little-endian numbers."""
    words = array.array(kind, values)
    if sys.byteorder == "big":
        words.byteswap()
    descr = {"f": "<f4", "B": "|u1"}[kind]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1"))
        file.write(words.tobytes())


def scaled(pixels):
    """Bytes to [-1, 1]."""
    table = [byte / 127.5 - 1.0 for byte in range(256)]
    return [table[byte] for byte in pixels]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="MNIST's images, IDX")
    parser.add_argument("--labels", required=True, help="their labels, IDX")
    parser.add_argument("--model", default="models/mnist-ddpm.toml")
    parser.add_argument("--surefoot", default="target/release/surefoot")
    parser.add_argument("-n", type=int, default=2, help="first points of every digit at which the model is asked")
    parser.add_argument("-k", type=int, default=784, help="vectors of the gap rule; all by default")
    parser.add_argument("--steps", type=int, default=20, help="steps of the sampler")
    parser.add_argument("--rounds", type=int, default=2, help="most rounds of the search for vectors, where not all are followed")
    parser.add_argument("--times", default="0.002,0.05", help="model times of the score")
    parser.add_argument("--copies", type=int, default=784, help="noised scores a point for NB")
    parser.add_argument("--probes", type=int, help="probes of the trace of FLIPD; exact where left out")
    parser.add_argument("--neighbours", default="20,100", help="neighbours of the local PCA")
    parser.add_argument("--class", dest="classes", help="digits, separated by commas; all where left out")
    parser.add_argument("-o", "--out", default="mnist-dimension", help="folder")
    options = parser.parse_args()

    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (rows, *pixels), images = idx(options.images)
    (count,), labels = idx(options.labels)
    if rows != count:
        sys.exit(f"expected as many labels as images, got {count} and {rows}. Give two files of one set")
    data, kinds = out / "data.npy", out / "labels.npy"
    write_npy(data, (rows, 1, *pixels), scaled(images), "f")
    write_npy(kinds, (rows,), labels, "B")
    command = [options.surefoot, "tangent", options.model, "--at", data, "--labels", kinds]
    command += ["--reference", data, "--reference-labels", kinds, "--neighbours", options.neighbours]
    # The model file names the images of its support; any copy of them serves.
    command += ["--set", f"support.reference={pathlib.Path(options.images).resolve()}"]
    command += ["--near", "-n", options.n, "-k", options.k, "--steps", options.steps, "--exact-rounds", options.rounds]
    command += ["--score-times", options.times, "-o", out / "result"]
    for name in ("copies", "probes", "classes"):
        value = getattr(options, name)
        if value is not None:
            command += ["--class" if name == "classes" else f"--{name}", value]
    command = [str(word) for word in command]
    print(" ".join(command), flush=True)
    status = subprocess.run(command).returncode
    if status:
        sys.exit(status)
    print(table(json.loads((out / "result" / "dimension.json").read_text())))


def not_known(entry):
    return "–" if "not_known" in entry else None


def gap(entry):
    if not_known(entry):
        return "–"
    ensemble = entry["ensemble"]
    found, interval = ensemble["gap"], ensemble["interval"]
    mark = "" if found["standing"] == "clear" else "?"
    return f"{found['dimension']}{mark}" + (f" ({interval['low']}–{interval['high']})" if interval else "")


def spread(entry):
    if not_known(entry):
        return "–"
    mean = entry["mean"]
    value = f"{'≥ ' if entry['at_end'] else ''}{entry['over_points']['mean']:.1f}"
    return value + (f" ({mean['low']:.1f}–{mean['high']:.1f})" if mean else "")


def estimate(entry, key="dimension"):
    """With its interval, and the median distance to the neighbour that sets its scale."""
    if not_known(entry):
        return "–"
    found = entry[key]
    radius = (entry["by_neighbours"][-1] if "by_neighbours" in entry else entry)["radius"]["q50"]
    return f"{found['value']:.1f} ({found['low']:.1f}–{found['high']:.1f}) at {radius:.2g}"


def flipd(entry):
    if not_known(entry):
        return "–"
    mean, found = entry["mean"], entry["over_points"]["mean"]
    value = f"{found:.1f}" + ("" if 0 <= found <= entry["ambient"] else "?")
    return value + (f" ({mean['low']:.1f}–{mean['high']:.1f})" if mean else "")


def table(found):
    """Markdown: a row a class, a column an estimator, 95 % intervals in brackets, "?" where no gap stands out."""
    rows = found["classes"] + [found["all"]]
    generation = found["generation"]
    noise = "" if generation["end_noise"] is None else f", σ/m = {generation['end_noise']:.3f}"
    head = ["digit", "points", f"gap rule, {generation['vectors']} vectors{noise}", f"spread beyond noise{noise}"]
    head += [f"{name}, σ/m = {score['scale']['ratio']:.3f}" for score in rows[0]["scores"] for name in ("NB", "FLIPD")]
    known = [row["sample"]["levina_bickel"].get("neighbourhoods") for row in rows]
    ends = next((f", k = {one['from']}–{one['to']}" for one in known if one), "")
    head += ["rows", "TwoNN, at T₂", f"MLE{ends}, at T_k"]
    head += [f"local PCA, k = {at['neighbours']}, at T_k" for at in rows[0]["sample"]["local_pca"]]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        sample = row["sample"]
        cells = ["all" if row["class"] is None else str(row["class"]), str(row["points"]), gap(row["generation"]["gap"])]
        cells.append(spread(row["generation"]["spread"]))
        for score in row["scores"]:
            cells += [gap(score["normal_bundle"]), flipd(score["flipd"])]
        cells += [str(sample["rows"]), estimate(sample["two_nn"]), estimate(sample["levina_bickel"])]
        cells += [estimate(at["found"], "mean") for at in sample["local_pca"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
