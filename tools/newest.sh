#!/usr/bin/env bash
# Runs the integration tests marked `core` on the newest ansible-core for which a Python is found here.
# Usage: newest.sh BUILD [PYTEST_ARGUMENT...]; without arguments it makes the virtual environment only.
set -euo pipefail
build=$1
shift
venv="$build/venv-newest"

# The interpreters behind pyenv's shims; a shim itself looks into another HOME than ours.
pyenv_pythons() {
  local folder
  for folder in $2; do
    compgen -G "${folder%/shims}/versions/$1.*/bin/python$1" || true
  done
}

# A pyenv shim may be on the PATH and not run, and a Debian Python may come without venv.
find_python() {
  local version candidate shims
  shims=$(tr ':' '\n' <<<"$PATH" | grep '/shims$' || true)
  for version in 3.14 3.13 3.12; do
    for candidate in $(type -ap "python$version") $(pyenv_pythons "$version" "$shims"); do
      "$candidate" -c 'import ensurepip, sys, venv; print(sys.executable)' 2>/dev/null && return
    done
  done
  return 1
}

core() {
  "$1/bin/python" -c 'import importlib.metadata; print(importlib.metadata.version("ansible-core"))'
}

make_venv() {
  local stamp
  stamp="$1 $(cat requirements.txt requirements/*.txt | sha256sum)"
  [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp" ]] && return
  rm -rf "$venv"
  "$1" -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-compile -r requirements.txt -r requirements/test.txt -c requirements/constraints.txt
  "$venv/bin/pip" install --quiet --no-compile -r requirements/newest.txt || echo "The next ansible-core cannot be had; going on without"
  echo "$stamp" >"$venv/stamp"
}

if ! python=$(find_python); then
  echo "No Python 3.12 or later here: skipped"
  exit 0
fi
make_venv "$python"
[[ $# == 0 ]] && exit 0
if [[ $(core "$venv") == "$(core "$build/venv")" ]]; then
  echo "ansible-core $(core "$venv") is the newest, and has been tested already: skipped"
  exit 0
fi
echo "ansible-core $(core "$venv") on $("$venv/bin/python" -V)"
PATH="$venv/bin:$PATH" exec "$venv/bin/pytest" -m core "$@"
