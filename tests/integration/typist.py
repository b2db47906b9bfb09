# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types what a page of the documentation shows: its commands, without the seconds that Ansible takes to start."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.splitter import parse_kv

from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.options import parse_options
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Session
from tests.chaos.player import Player
from tests.chaos.scenes import Scene
from tests.chaos.wire import HurriedClock
from tests.unit.providers.dotenv.local_host import LocalHost

from .conftest import Outcome


class Page:
    """A page with a section for each thing that can be lost."""

    def __init__(self, path: Path) -> None:
        parts = re.split(r"^## (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        self._sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def section(self, title: str) -> str:
        """With all white space as one blank, so that a sentence may be broken anywhere."""
        return " ".join(self._sections[title].split())

    def commands(self, title: str) -> list[str]:
        joined = re.sub(r"\\\n\s*", "", self._sections[title])
        return re.findall(r"^\s*\$ (.+)$", joined, re.MULTILINE)


class Typist:
    """Somebody at a desk, with a page open."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.listen: Callable[[str], object] = str
        """Told of each line as it is printed."""

    def type(self, line: str, **words: str) -> Outcome:
        """``words`` take the place of the page's words in capitals."""
        for word, meant in words.items():
            line = re.sub(rf"\b{word}\b", meant, line)
        environment = self.scene.desk.environment
        if line.startswith("export "):
            name, _is, value = line.removeprefix("export ").partition("=")
            environment[name] = shlex.split(value)[0]
            return Outcome(0, "")
        lines: list[str] = []
        since = time.time()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            result = self._play(shlex.split(line), lines)
        outcome = Outcome(2 if result.get("failed") else 0, "\n".join(lines))
        self.scene.desk.judge(outcome.output, since, result if "schema_version" in result else None)
        return outcome

    def _play(self, words: list[str], lines: list[str]) -> Mapping[str, Any]:
        program, playbook, *options = words
        assert (program, options[:2]) == ("ansible-playbook", ["-i", "inventory"])
        assert options[2::2] == ["-e"] * len(options[3::2])
        given: dict[str, Any] = {}
        for text in options[3::2]:
            given |= json.loads(text) if text.startswith("{") else parse_kv(text)
        wanted = {name.removeprefix("rotate_"): value for name, value in given.items()}

        def say(said: str) -> None:
            lines.append(said)
            self.listen(said)

        player = Player(self.scene.variables, HurriedClock, say, LocalHost())
        if playbook == "rotor.secrets.rotate":
            return player.rotate(**vars(parse_options(wanted)))
        deeds: dict[str, Callable[[Session], Mapping[str, Any]]] = {
            "rotor.secrets.plan": lambda session: session.plan(parse_options(wanted), check=True),
            "rotor.secrets.status": lambda session: session.status(parse_options(wanted)),
            "rotor.secrets.rotate_ledger_key": lambda session: session.rekey(given["rotate_reason"], check=False),
            "rotor.secrets.ledger_verify": lambda session: session.verify(given["ledger_head"], given["ledger_secret"]),
        }
        return player.act(deeds[playbook])
