# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Core's own masking, where it has one (2.22 and later). Called from main threads only."""

from __future__ import annotations

from . import masking

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:  # core 2.19 to 2.21
    register_secrets = None


def register_with_core() -> None:
    """Tell core every value known by now, to mask it in whatever it prints; from a module, it tells the controller."""
    if register_secrets is not None:
        register_secrets(masking.known())
