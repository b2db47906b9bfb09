# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rotation costs beside what the providers' answers cost, next to what others do for the same.

``python -m benchmarks`` runs every contest and writes the page; see README.md.
"""
