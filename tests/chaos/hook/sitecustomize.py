# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python loads this at its start where this folder is on PYTHONPATH: so a real ansible-playbook meets its moments."""

from __future__ import annotations

import os

import points

points.install(os.environ)
