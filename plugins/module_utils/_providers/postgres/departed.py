# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop a login role that has left the map: what it owns goes to the owner, and its rights end, in every database.

Sources: PostgreSQL's documentation of REASSIGN OWNED, DROP OWNED, DROP ROLE and pg_shdepend, postgresql.org/docs.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..._core.contracts import Remains
from ..._core.deps import library
from ..._core.errors import NotFoundError
from ..._core.outside_text import printable
from .client import PostgresConnection

_SHOWN = 20
"""Objects of a database that are named; the others are counted."""
_ROLE = """
SELECT r.rolcanlogin, r.rolsuper, me.rolname, current_setting('server_version_num')::int,
  me.rolsuper OR me.rolcreaterole AND
    (current_setting('server_version_num')::int < 160000 OR pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')),
  pg_has_role(r.oid, 'USAGE') AND pg_has_role(o.oid, 'USAGE'),
  (SELECT string_agg(a.who, ', ' ORDER BY a.who) FROM
    (SELECT coalesce(u.rolname, 'all roles') || coalesce(' in database ' || d.datname, '') AS who, setconfig
      FROM pg_db_role_setting LEFT JOIN pg_roles u ON u.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase) a
    WHERE 'role=' || r.rolname = ANY (a.setconfig))
FROM pg_roles r JOIN pg_roles me ON me.rolname = current_user JOIN pg_roles o ON o.rolname = %s WHERE r.rolname = %s
"""
_MEMBERS = """
SELECT pg_get_userbyid(member), pg_get_userbyid(roleid) FROM pg_auth_members
WHERE (SELECT oid FROM pg_roles WHERE rolname = %s) IN (member, roleid) ORDER BY 1, 2
"""
_DATABASES = """
SELECT DISTINCT coalesce(d.datname, current_database()) FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s) ORDER BY 1
"""
_OBJECTS = """
SELECT pg_describe_object(classid, objid, objsubid),
  deptype = 'o' AND classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass),
  deptype NOT IN ('a', 'r') OR classid = 'pg_auth_members'::regclass OR me.rolsuper OR EXISTS (
    SELECT FROM pg_shdepend o WHERE (o.dbid, o.classid, o.objid, o.deptype) = (s.dbid, s.classid, s.objid, 'o')
    AND pg_has_role(o.refobjid, 'USAGE'))
FROM pg_shdepend s JOIN pg_roles me ON me.rolname = current_user
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)
  AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY 1
"""
"""What each is, whether REASSIGN OWNED gives it away, which leaves default privileges and user mappings to DROP OWNED,
and whether that takes back what somebody else has granted: as the object's owner only; else it warns, and does not."""
_LEAVE = "BEGIN; REASSIGN OWNED BY {0} TO {1}; DROP OWNED BY {0}; COMMIT"
_NEW_GRANTS = 160000
"""From this version on, a membership need not inherit."""


@dataclass(frozen=True)
class DepartedRole:
    """A role that has left the map, and the owner to whom its objects go."""

    connection: PostgresConnection
    role: str
    owner: str

    def remains(self) -> Remains:
        """Tell what becomes of its objects in which database, and what keeps it from being dropped."""
        lines = [f"{self.role} is dropped at {self.connection.server}", *self._members()]
        owns, granted = False, list[str]()
        for database in self._databases():
            objects = self._objects(database)
            kept, ended = ([what for what, owned, _may in objects if owned is wanted] for wanted in (True, False))
            lines += _told(f"database {database}: to {self.owner} goes", kept)
            lines += _told(f"database {database}: it loses its part in", ended)
            owns = owns or bool(objects)
            granted += [f"{what} of database {database}" for what, _owned, may in objects if not may]
        hint = "it takes a member of their owner, or a superuser"
        taking = f"the connection's role may not take back what {self.role} was given on {', '.join(granted[:_SHOWN])}"
        return Remains(lines, [*self._problems(owns=owns), *([printable(f"{taking}; {hint}")] if granted else [])])

    def drop(self) -> None:
        """Empty the role in each database where anything depends on it, and drop it; the same again goes on."""
        sql = library("psycopg.sql")
        names = sql.Identifier(self.role), sql.Identifier(self.owner)
        for database in self._databases():
            with self.connection.session(f"emptying {self.role} in {database}", database=database) as session:
                session.execute(sql.SQL(_LEAVE).format(*names))
        with suppress(NotFoundError), self.connection.session(f"dropping role {self.role}") as session:
            session.execute(sql.SQL("DROP ROLE {}").format(names[0]))

    def _databases(self) -> list[str]:
        rows = self.connection.query(f"looking for what depends on {self.role}", _DATABASES, (self.role,))
        return [name for (name,) in rows]

    def _objects(self, database: str) -> list[Any]:
        doing = f"looking for what depends on {self.role} in {database}"
        with self.connection.session(doing, database=database) as session:
            found: list[Any] = session.execute(_OBJECTS, (self.role,)).fetchall()
            return found

    def _members(self) -> list[str]:
        rows = self.connection.query(f"looking at the memberships of {self.role}", _MEMBERS, (self.role,))
        return [printable(f"{member} is no member of {group} any more") for member, group in rows]

    def _problems(self, *, owns: bool) -> list[str]:
        rows = self.connection.query(f"looking at {self.role}", _ROLE, (self.owner, self.role))
        if not rows:
            return [f"there is no role {self.owner}, to whom its objects would go"]
        [(may_log_in, is_super, me, version, may_drop, may_reassign, actors)] = rows
        count = self.connection.sessions([self.role])[self.role]
        how = " WITH INHERIT TRUE" if version >= _NEW_GRANTS else ""
        grant = f"GRANT {self.role}, {self.owner} TO {me}{how}, and take it back afterwards"
        may_not = "the connection's role may not"
        found = {
            f"role {self.role} is the owner itself, to whom its objects would go": self.role == self.owner,
            f"role {self.role} may log in": may_log_in,
            f"role {self.role} is a superuser": is_super,
            f"{actors} act as {self.role}": actors,
            f"{count} sessions of {self.role} are open": count,
            f"{may_not} drop {self.role}; from PostgreSQL 16 on it needs ADMIN OPTION": not may_drop,
            f"{may_not} give away what {self.role} has; do: {grant}": owns and not may_reassign,
        }
        return [problem for problem, is_there in found.items() if is_there]


def _told(what: str, objects: list[str]) -> list[str]:
    more = [f"{len(objects) - _SHOWN} more"] if len(objects) > _SHOWN else []
    return [printable(f"{what} {one}") for one in [*objects[:_SHOWN], *more]]
