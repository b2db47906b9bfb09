# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in world: providers, the consumers of their credentials, and an oracle that judges what happens to them.

One system is one folder with a subclass of `provider.Provider`, which `app.providers` finds. All lives in memory.
Tests start it with `server.start()` and talk to it through `visitor.Visitor`, or plainly over HTTP.
"""
