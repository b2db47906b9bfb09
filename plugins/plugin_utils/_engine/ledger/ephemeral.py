# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognizes places that do not outlive a job or a container: a ledger there is lost, in mid-rotation at worst."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..job import Job, Runner

TEMPORARY = ("/tmp", "/var/tmp", tempfile.gettempdir())  # noqa: S108 - refused, not used
_MARKERS = (Path("/run/.containerenv"), Path("/.dockerenv"))
_MOUNTS = Path("/proc/self/mountinfo")
_LAYERS = ("overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs", "zfs", "btrfs", "vfs")
"""File systems that a container has as its root."""
_MEMORY = ("tmpfs", "ramfs")


def loss(path: Path, job: Job, *, by_default: bool) -> str:
    """Say why a ledger of that path would be lost; empty where nothing speaks against the path.

    ``by_default``: nobody has chosen the path.
    """
    for folder, why in _emptied(job):
        if path.is_relative_to(folder) or path.resolve().is_relative_to(folder.resolve()):
            return why
    if by_default and job.runner is Runner.SEMAPHORE:
        return "Semaphore empties the home of its tasks"
    in_container = any(map(Path.exists, _MARKERS)) or "KUBERNETES_SERVICE_HOST" in os.environ
    if in_container and (Path("/runner").is_dir() or (by_default and not _is_mounted(path))):
        return "this runs in a container, which is thrown away"
    return ""


def _emptied(job: Job) -> Iterator[tuple[Path, str]]:
    """Yield the folders that a job runner empties, and why."""
    if job.runner is None:
        return
    if artifacts := os.environ.get("AWX_ISOLATED_DATA_DIR"):  # private_data_dir/artifacts/ID
        yield Path(artifacts).parent.parent, "that is in the private data directory of the job, which ends with it"
    if job.runner is Runner.SEMAPHORE:  # it works in project_N/repository_N, and "Clear cache" empties project_N
        repository = Path.cwd()
        project = repository.parent.name.startswith("project_")
        yield repository.parent if project else repository, "that is in the task's folder, which Semaphore empties"
    for folder in TEMPORARY:
        yield Path(folder), "that is a temporary folder"


def _is_mounted(path: Path) -> bool:
    """Return whether the path is on a volume, and not in the container's own layer nor in memory."""
    try:
        lines = [line.split() for line in _MOUNTS.read_text().splitlines()]
        mounts = {Path(fields[4]): (fields[3], fields[fields.index("-") + 1]) for fields in lines}
    except (OSError, ValueError, IndexError):
        return False
    place = next((folder for folder in (path.resolve(), *path.resolve().parents) if folder in mounts), Path("/"))
    root, kind = mounts.get(place, ("", _LAYERS[0]))
    return "empty-dir" not in root and kind not in _MEMORY and not (place == Path("/") and kind in _LAYERS)
