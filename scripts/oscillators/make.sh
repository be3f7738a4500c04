#!/bin/sh
# Makes models/oscillators*.* anew, with a Python environment made in the folder given first (a large download).
# Random weights depend on the versions, so expect other bytes after an update.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -x "$1/bin/python" ]; then python3 -m venv "$1"; fi
"$1/bin/pip" install --quiet torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
"$1/bin/python" "$here/train.py" "$here/../../models"
