# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module as a task runs it: in this process where that will do, by ``ansible-playbook`` where it will not."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.testing import patch_module_args

from tests import moved

_MODULES = "ansible_collections.rotor.secrets.plugins.modules"


@dataclass(frozen=True)
class TaskResult:
    """What came back, and everything that was printed on the way."""

    result: Mapping[str, Any]
    output: str

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))


def run_here(module: str, options: Mapping[str, Any], *, check: bool = False) -> TaskResult:
    """With the whole of its answer, the options that it repeats included."""
    main = importlib.import_module(f"{_MODULES}.{module}").main
    said = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main()
    return TaskResult(json.loads(said.getvalue()), said.getvalue())


def play(
    programs: Path,
    module: str,
    options: Mapping[str, Any],
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    python: str = "",
    inventory: str = "localhost,",
    arguments: tuple[str, ...] = ("-c", "local"),
) -> TaskResult:
    """A play with one task, by the ``ansible-playbook`` in ``programs``. Texts get there as a user's would: looked up
    in the environment, so that nothing takes them for templates."""
    texts: dict[str, str] = {}
    task = {"name": "The case", module: _looked_up(options, texts), "check_mode": check, "diff": True}
    variables = {"ansible_python_interpreter": python or str(programs / "python")}
    playbook = [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [task]}]
    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        file = Path(folder) / "play.json"
        file.write_text(json.dumps(playbook), encoding="utf-8")
        command = [str(programs / "ansible-playbook"), str(file), "-i", inventory, "-vvv", *arguments]
        settings = {
            **moved.clock(),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_HOME": f"{folder}/ansible",
        }
        done = subprocess.run(
            command,
            cwd=folder,
            env={**settings, **(environment or {}), **texts},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    return TaskResult(_last_result(done.stdout), done.stdout + done.stderr)


def _looked_up(node: Any, texts: dict[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _looked_up(inner, texts) for key, inner in node.items()}
    if isinstance(node, list):
        return [_looked_up(inner, texts) for inner in node]
    if not isinstance(node, str):
        return node
    name = f"CASE_{len(texts)}"
    texts[name] = node
    return f"{{{{ lookup('env', '{name}') }}}}"


def _last_result(output: str) -> dict[str, Any]:
    """The object behind ``=>`` that tells of the task; the last one, should there be several."""
    found = list(_objects(output))
    if not found:
        raise RuntimeError(f"no result in: {output[-3000:]}")
    return found[-1]


def _objects(output: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    for part in output.split("=> ")[1:]:
        with contextlib.suppress(ValueError):
            found, _end = decoder.raw_decode(part)
            if isinstance(found, dict) and ("changed" in found or "msg" in found):
                failed = "FAILED" in output or "fatal:" in output
                yield {**found, "failed": found.get("failed", failed)}
