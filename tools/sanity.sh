#!/usr/bin/env bash
# Runs ansible-test's sanity tests, in the copy, with a stand-in where it would download a get-pip script.
set -euo pipefail
version=$(python - <<'PYTHON'
import sys
import types
from pathlib import Path

import ansible_test

sys.path.insert(0, str(Path(ansible_test.__file__).parent.parent))
from ansible_test._internal.python_requirements import get_venv_packages

version = ".".join(map(str, sys.version_info[:2]))
print(get_venv_packages(types.SimpleNamespace(version=version))["pip"].replace(".", "_"))
PYTHON
)
cache="$HOME/.ansible/test/cache"
mkdir -p "$cache"
cp tools/get_pip.py "$cache/get_pip_$version.py"
# pyenv's shims are there for Pythons that do not run; ansible-test takes them for real ones.
PATH=$(tr ':' '\n' <<<"$PATH" | grep -v '/shims$' | paste -sd ':')
# Or else it finds the git repository around the copy, which ignores the copy, and tests nothing.
export ANSIBLE_TEST_CONTENT_ROOT=$PWD
exec ansible-test sanity --python default
