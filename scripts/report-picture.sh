#!/usr/bin/env bash
# Makes docs/report.png, the picture of the README, from a real report. Needs Chromium (or names one in BROWSER).
set -euo pipefail
cd "$(dirname "$0")/.."

model=${1:-builtin:two-moons-sgm}
browser=${BROWSER:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo run --release -p surefoot-cli -- analyze "$model" -q -o "$scratch/run"

# The picture begins with the figures.
{
    cat "$scratch/run/report.html"
    echo '<script>const p = document.getElementById("pictures"); while (p.previousElementSibling) p.previousElementSibling.remove();</script>'
} > "$scratch/figures.html"

sandbox=()
if [ "$(id -u)" -eq 0 ]; then sandbox=(--no-sandbox); fi
"$browser" --headless "${sandbox[@]}" --disable-gpu --hide-scrollbars --force-color-profile=srgb \
    --user-data-dir="$scratch/profile" --window-size=1280,1020 \
    --screenshot="$scratch/report.png" "file://$scratch/figures.html"
mv "$scratch/report.png" docs/report.png
echo "wrote docs/report.png"
