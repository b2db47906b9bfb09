# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List a secret that nobody rotates here, so that the map is complete."""

from __future__ import annotations

from .._core.contracts import Issuer, Maker, Options, Overlap, Provider, Recover, Revocation, Schema, Traits


class Unrotated(Issuer):
    """Issue nothing, list nothing, revoke nothing; no run asks for that."""

    traits = Traits(Maker.NOBODY, Overlap.OPEN, Revocation.PERSON, Recover.NONE)
    fields = ()
    schema = Schema(
        {"why": {"type": "string", "minLength": 1, "description": "Why nothing rotates it here."}}, required=("why",)
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"nobody: {options['why']}"


PROVIDER = Provider("What is not rotated", issuers={"none": Unrotated})
