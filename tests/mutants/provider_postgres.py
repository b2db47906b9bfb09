# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of PostgreSQL."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "a role with sessions is in use now", "postgres/roles", "in_use=bool(counts[role])", "in_use=False", "roles"
    ),
    provider(
        "the server is given no password",
        "postgres/roles",
        'credential.fields["verifier"].reveal()',
        'credential.fields["password"].reveal()',
        "roles",
    ),
    provider(
        "a password lives as long as a pooler takes it",
        "postgres/roles",
        "all(self._refuses(pooler, credential) for pooler in self.connection.poolers)",
        "True",
        "pooler",
    ),
    provider(
        "the server alone says that a password is in force",
        "postgres/roles",
        "return self._shown_at(self.connection.server, credential) is Answer.ACCEPTED",
        "return any(not self._refuses(one, credential) for one in (self.connection.server, *self.connection.poolers))",
        "pooler",
    ),
    provider("a check leaves a pooler no session", "postgres/checks", "session.execute(_END", "print(_END", "pooler"),
    provider("a pooler reads its list", "postgres/pooler", 'session.execute("RELOAD")', "pass", "pooler"),
    provider(
        "the server connections of before are closed",
        "postgres/pooler",
        'not self._count(close_needed="1")',
        "True",
        "pooler",
    ),
    provider(
        "a role that may not log in has no password in force",
        "postgres/command",
        " AND rolcanlogin",
        "",
        "behind_a_host",
    ),
    provider("a command that broke off may have had its effect", "postgres/command", "begun or ", "", "behind_a_host"),
    provider(
        "a role with open sessions is not dropped",
        "postgres/departed",
        'sessions of {self.role} are open": count',
        'sessions of {self.role} are open": 0',
        "departed",
    ),
    provider(
        "what a role owns goes to the owner", "postgres/departed", "REASSIGN OWNED BY {0} TO {1}; ", "", "departed"
    ),
    provider(
        "an owner is not dropped",
        "postgres/roles",
        '(*options["roles"], options["owner"])',
        "cls.identities(options)",
        "departed",
    ),
    provider(
        "who acts as a role in one database keeps it",
        "postgres/departed",
        "r.rolname = ANY (a.s",
        "'' = ANY (a.s",
        "departed",
    ),
    provider("operators of others are not run", "postgres/client", "'pg_catalog, pg_temp'", "'public'", "roles"),
    provider("nor by a command", "postgres/command", "SET search_path = pg_catalog, pg_temp;\n", "", "behind_a_host"),
    provider(
        "a role of another server is not refused",
        "postgres/roles",
        "if answer is Answer.REFUSED and not self._there",
        "if False and not self._there",
        "roles",
        "moved",
    ),
    provider("a missing role is not revoked", "postgres/roles", "raise self._missing(role) from None", "pass", "roles"),
    provider(
        "a session of a disabled role is a use",
        "postgres/roles",
        "if counts[role] else",
        "if may_login and counts[role] else",
        "roles",
    ),
    provider(
        "a revoked role is not enabled again",
        "postgres/roles",
        "with errors.after_an_effect():",
        "if True:",
        "roles",
    ),
    provider(
        "a role that is asked for no password is told before",
        "postgres/roles",
        "if self._needs_no_password(server, role)",
        "if False",
        "roles",
    ),
    provider("a revoked role may not log in", "postgres/roles", "NOLOGIN PASSWORD NULL", "CONNECTION LIMIT 1", "roles"),
)
