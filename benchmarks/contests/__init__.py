# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file for each kind of work; to import this registers them all, in the order of the page."""

from benchmarks.contests import copies, latency, scale, plans, requests, playbooks, modules, waiting  # noqa: F401, I001
from benchmarks.measures import CONTESTS

__all__ = ["CONTESTS"]
