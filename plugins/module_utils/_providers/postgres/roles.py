# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuers of role passwords: ``postgres_role`` sets the one password, ``postgres_roles`` has login roles take turns.

Passwords are ours, and so are their SCRAM verifiers, which is what the server is given: no password is in its log or in
its statistics, and a pooler can be given the same. Sources: PostgreSQL's documentation of ALTER ROLE, role membership
and pg_stat_activity, postgresql.org/docs.

More than a description: SQL, and rights that PostgreSQL 16 has changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, ClassVar

from ..._core import errors, masking, postgres
from ..._core.clock import Clock
from ..._core.contracts import (
    Answer,
    Issuer,
    Listed,
    Maker,
    Options,
    Overlap,
    Recover,
    Remains,
    Revocation,
    Schema,
    Traits,
)
from ..._core.credential import Credential, PublicValue, SecretValue
from ..._core.deps import library
from .client import MADE_AT, PostgresConnection
from .command import CommandServer
from .departed import DepartedRole

_NAME = {"type": "string", "minLength": 1, "maxLength": 63}
_BYTES = 24
_ROLE = """
SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolconnlimit, r.rolinherit,
  coalesce('role=' || o.rolname = ANY (r.rolconfig), false), coalesce(pg_has_role(r.oid, o.oid, 'MEMBER'), false),
  me.rolname = r.rolname OR me.rolsuper OR NOT r.rolsuper AND me.rolcreaterole AND
    (current_setting('server_version_num')::int < 160000 OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')),
  pg_has_role('pg_signal_backend', 'USAGE') OR pg_has_role(r.oid, 'USAGE')
FROM pg_roles r JOIN pg_roles me ON me.rolname = current_user LEFT JOIN pg_roles o ON o.rolname = %(owner)s
WHERE r.rolname = ANY (%(roles)s)
"""
_ROOM = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - count(usename)
FROM pg_stat_activity
"""
_LIMITS = "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY (%s)"


class _Roles(Issuer):
    fields = ("username", "password", "verifier")
    sets: ClassVar[str]
    connection: PostgresConnection
    unverifiable = "whether pg_hba.conf lets the role in from where its consumers are"
    blast_radius = "whatever connects as the role"
    console = "ALTER ROLE"

    def __init__(self, options: Options, connection: Any, *, clock: Clock) -> None:
        super().__init__(options, connection, clock=clock)
        for role in self.roles:
            masking.publish(role)

    @property
    def roles(self) -> list[str]:
        """Whose passwords they are."""
        raise NotImplementedError

    def preflight(self, current: str | None) -> list[str]:
        values = {"roles": self.roles, "owner": self.options.get("owner")}
        rows = self.connection.query(f"looking at {', '.join(self.roles)}", _ROLE, values)
        found = {role: facts for role, *facts in rows}
        problems = [problem for role in self.roles for problem in self._problems_of(role, found.get(role))]
        server = self.connection.server
        if isinstance(server, postgres.Server):  # a command compares what the server keeps
            problems += [
                f"{server.unproven(role)}. {postgres.UNPROVEN}"
                for role in found
                if self._needs_no_password(server, role)
            ]
        return problems

    def _needs_no_password(self, server: postgres.Server, role: str) -> bool:
        self.clock.check()
        return server.needs_no_password(f"looking how {role} is let in", role)

    def activate(self, credential: Credential) -> None:
        """Set the password, unless it is in force: the connection may have been opened with the one before."""
        if self._is_in_force(credential):
            return
        self._alter("setting the password of", credential, self.sets, credential.fields["verifier"].reveal())

    def verify(self, credential: Credential) -> Answer:
        """Ask the server, and after its refusal the poolers: one of them may take the password until it is reloaded.

        NotFoundError where the server has no such role, which it refuses in the same words.
        """
        answer = self._shown_at(self.connection.server, credential)
        if answer is Answer.REFUSED and not self._there([str(credential.id)]):
            raise self._missing(str(credential.id))
        if answer is not Answer.REFUSED or all(self._refuses(pooler, credential) for pooler in self.connection.poolers):
            return answer
        return Answer.UNCLEAR

    def _is_in_force(self, credential: Credential) -> bool:
        try:
            return self._shown_at(self.connection.server, credential) is Answer.ACCEPTED
        except (errors.StoppedError, errors.UntrustedServerError):
            raise
        except errors.RotorError:
            return False

    def _refuses(self, server: postgres.Server | CommandServer, credential: Credential) -> bool:
        return self._shown_at(server, credential) is Answer.REFUSED

    def _shown_at(self, server: postgres.Server | CommandServer, credential: Credential) -> Answer:
        self.clock.check()
        role = str(credential.id)
        return server.authenticate(f"showing the password of {role}", role, credential.fields["password"])

    def preview(self) -> list[str]:
        counts = self.connection.sessions(self.roles)
        fate = "end when it is revoked" if self.options.get("terminate") else "stay as they are"
        return [f"open sessions of {role}: {counts[role]}, which {fate}" for role in self.roles if counts[role]]

    def _made(self, role: str, name: str) -> Credential:
        password = SecretValue(secrets.token_urlsafe(_BYTES))
        fields = {"username": PublicValue(role), "password": password, "verifier": postgres.verifier(password)}
        return Credential(role, name, fields, {MADE_AT: self.clock.now().isoformat()})

    def _alter(self, doing: str, credential: Credential, how: str, *values: str) -> None:
        sql, role = library("psycopg.sql"), str(credential.id)
        text = sql.SQL("ALTER ROLE {} " + how).format(sql.Identifier(role), *map(sql.Literal, values))
        try:
            with self.connection.session(f"{doing} {role}") as session:
                session.execute(text)
        except errors.NotFoundError:
            raise self._missing(role) from None

    def _there(self, roles: Collection[str]) -> list[str]:
        query = "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) ORDER BY 1"
        return [role for (role,) in self.connection.query("looking at the roles", query, (list(roles),))]

    def _missing(self, role: str) -> errors.NotFoundError:
        """Return the error for a role that is dropped, or is at another server, where it may live on."""
        hint = (
            "If the connection was pointed at another server, name the one before. If somebody has dropped the role, "
            "say so: rotor.secrets.attest"
        )
        return errors.NotFoundError(f"there is no role {role} at {self.connection.server}", hint=hint)

    def _problems_of(self, role: str, facts: list[Any] | None) -> list[str]:
        owner = self.options.get("owner")
        if facts is None:
            return [f"there is no role {role}"]
        may_login, is_super, limit, inherits, is_set, is_member, may_change, may_signal = facts
        ends_sessions = self.options.get("terminate", False)
        found = {
            f"role {role} is a superuser": is_super and len(self.roles) > 1,
            f"role {role} may not log in": not may_login and len(self.roles) == 1,
            f"the connection's role may not change {role}; from PostgreSQL 16 on it needs ADMIN OPTION": not may_change,
            f"the connection's role may not end sessions of {role}; do: GRANT pg_signal_backend TO …": (
                ends_sessions and not may_signal
            ),
            f"role {role} has a CONNECTION LIMIT of 0": limit == 0,
            f"role {role} is no member of {owner}; do: GRANT {owner} TO {role}": owner and not is_member,
            f"role {role} inherits; do: ALTER ROLE {role} NOINHERIT": owner and inherits,
            f"what {role} makes is its own; do: ALTER ROLE {role} SET role = {owner}": owner and not is_set,
        }
        return [problem for problem, is_so in found.items() if is_so]


class RolePasswords(_Roles):
    """Sets the password of one role; the new one is the end of the old one, open sessions go on."""

    sets = "PASSWORD {}"
    where = ("role",)
    traits = Traits(Maker.OURS, Overlap.NONE, Revocation.AUTO, Recover.OURS, activates=True)
    schema = Schema({"role": {**_NAME, "description": "Whose password it is."}}, required=("role",))

    @property
    def roles(self) -> list[str]:
        return [self.options["role"]]

    @classmethod
    def label(cls, options: Options) -> str:
        return f"postgres_role {options['role']}"

    @classmethod
    def identities(cls, options: Options) -> tuple[str, ...]:
        return (options["role"],)

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return self._made(self.options["role"], name)


class RolesInTurns(_Roles):
    """Has login roles take turns, which all act as one owner; a role that is not in use may not log in."""

    sets = "LOGIN PASSWORD {}"
    where = ("owner",)
    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.API, Recover.OURS, activates=True, alternating=True)
    schema = Schema(
        {
            "roles": {
                "type": "array",
                "items": _NAME,
                "minItems": 2,
                "uniqueItems": True,
                "description": "The login roles, which are there already; each is a NOINHERIT member of the owner.",
            },
            "owner": {**_NAME, "description": "The NOLOGIN role as which they act (ALTER ROLE … SET role = owner)."},
            "terminate": {
                "type": "boolean",
                "default": False,
                "description": "Whether to end the sessions of the old role when it is revoked.",
            },
        },
        required=("roles", "owner"),
    )

    @property
    def roles(self) -> list[str]:
        return list(self.options["roles"])

    @classmethod
    def label(cls, options: Options) -> str:
        return f"postgres_roles {', '.join(options['roles'])} of owner {options['owner']}"

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        return True

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        free = [role for role in self.roles if role not in taken]
        if not free:
            raise errors.ConflictError(f"none of the roles {', '.join(self.roles)} is free: all have a password in use")
        return self._made(free[0], name)

    def listed(self) -> list[Listed]:
        query = "SELECT rolname, rolcanlogin, clock_timestamp() FROM pg_roles WHERE rolname = ANY (%s)"
        roles = list(dict.fromkeys([*self.roles, *self.known]))
        found = self.connection.query("looking at the roles", query, (roles,))
        counts = self.connection.sessions(roles)
        return [
            Listed(
                role,
                role,
                last_used_at=postgres.moment(now) if counts[role] else None,
                revoked=not may_login,
                in_use=bool(counts[role]),
            )
            for role, may_login, now in found
        ]

    @classmethod
    def identities(cls, options: Options) -> tuple[str, ...]:
        return tuple(options["roles"])

    @classmethod
    def relies_on(cls, options: Options) -> tuple[str, ...]:
        return (*options["roles"], options["owner"])

    def still_there(self, identities: Collection[str]) -> list[str]:
        return self._there(identities)

    def remains(self, identity: str) -> Remains:
        return self._departed(identity).remains()

    def drop(self, identity: str) -> None:
        self._departed(identity).drop()

    def _departed(self, role: str) -> DepartedRole:
        return DepartedRole(self.connection, role, self.options["owner"])

    def disable(self, credential: Credential) -> None:
        self._alter("setting NOLOGIN for", credential, "NOLOGIN")

    def enable(self, credential: Credential) -> None:
        self._alter("setting LOGIN for", credential, "LOGIN")

    def revoke(self, credential: Credential) -> None:
        """Keep the role from logging in, without a password; its open sessions end where the map says so."""
        self._alter("revoking the password of", credential, "NOLOGIN PASSWORD NULL")
        if self.options.get("terminate"):
            with errors.after_an_effect():
                self.connection.terminate(str(credential.id))

    def preview(self) -> list[str]:
        """Say where two pools may have no room, besides: while both roles are in use, each has its sessions."""
        most = max(self.connection.sessions(self.roles).values(), default=0)
        limits = dict(self.connection.query("looking at limits", _LIMITS, (self.roles,)))
        few = [f"CONNECTION LIMIT of {role} is {limit}" for role, limit in limits.items() if -1 < limit < most]
        [(room,)] = self.connection.query("counting connections", _ROOM)
        few += [f"max_connections leaves room for {room} more"] if room < most else []
        return [*super().preview(), *(f"{one}, and the role in use has {most} sessions" for one in few)]
