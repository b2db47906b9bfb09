# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for the site that tools/site/build.sh makes."""

project = "rotor.secrets"
title = html_short_title = project
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = html_copy_source = html_use_index = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
myst_heading_anchors = 4
suppress_warnings = [  # of links to code, `…` in examples, and labels that only docs.ansible.com has
    "myst.xref_missing",
    "misc.highlighting_failure",
    "ref.ref",
]
