# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening the ledger that ``secret_ledger`` names: its defaults, and the SQLite file or database behind it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ....module_utils._core import masking, references
from ....module_utils._core.clock import Clock
from ....module_utils._core.credential import SecretValue
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError, LedgerError
from ..job import NO_JOB, Job
from ..secret_map.errors import suggest
from . import postgres
from .database import tables
from .ephemeral import loss
from .locks import FileLocks, Locks, SessionLocks
from .sealing import HOW_TO_MAKE_A_KEY, Sealer
from .writer import Ledger

SQLITE = "sqlite:///"
BUSY_SECONDS = 30.0
"""How long a transaction waits for another process's."""
_SYSTEM = tuple(
    f"SQLITE_{name}" for name in ("FULL", "CANTOPEN", "IOERR", "BUSY", "READONLY", "PERM", "NOMEM", "NOLFS")
)
OPTIONS = {"url", "password", "key", "allow_ephemeral"}
WHERE_IT_LASTS = (
    "Name a path that lasts as secret_ledger.url, on a mounted volume where this is a container, or PostgreSQL; where "
    "you know that this path lasts, say secret_ledger.allow_ephemeral: true"
)
_ANOTHER_PLACE = "Name another place as secret_ledger.url"
DEFAULT_KEY = {"env": "ROTOR_LEDGER_KEY"}


@dataclass(frozen=True)
class LedgerAccess:
    """An opened ledger with its locks, and its location for people."""

    ledger: Ledger
    locks: Locks
    where: str
    missing: bool = False
    """Whether there is none, and an empty one is read in its place."""
    opened_with: frozenset[SecretValue] = frozenset()
    """The password of its role, where this process can see that."""
    lacking: Callable[[str, SecretValue], list[str]] | None = None
    """Names what another role with its password may not do in a database, and the ledger's role may."""

    @contextmanager
    def hold(self, *secrets: str) -> Iterator[None]:
        """Hold the locks of secrets; BusyError if one is not free."""
        with ExitStack() as locks:
            for name in secrets:
                locks.enter_context(self.locks.hold(f"secret {name}"))
            yield

    def about(self) -> str:
        """Tell this ledger from others: its id, its place, and when it was made."""
        return f"{self.ledger.id} at {self.where}, made {self.ledger.made_at():%Y-%m-%d %H:%M:%S}Z"


def open_ledger(setting: Any, *, clock: Clock, holder: str, readonly: bool = False, job: Job = NO_JOB) -> LedgerAccess:
    """Open the ledger that ``secret_ledger`` names, or create it; ``readonly`` reads a missing one as empty."""
    setting = setting or {}
    if not isinstance(setting, Mapping):
        raise ConfigurationError(f"secret_ledger is no mapping; it has the options {', '.join(sorted(OPTIONS))}")
    if unknown := sorted(map(str, set(setting) - OPTIONS)):
        hint = "; ".join(f"{name}: {suggest(name, OPTIONS)}" for name in unknown)
        raise ConfigurationError(f"secret_ledger: unknown option {', '.join(unknown)}", hint=hint)
    setting, more = _with_url(setting), dict[str, Any]()
    sealer = _sealer(setting, job)
    if str(setting.get("url") or "").startswith(postgres.SCHEMES):
        option = setting.get("password")
        password = None if option is None else references.resolve(option, "secret_ledger.password")
        url = postgres.parse_url(str(setting["url"]), password)
        where = postgres.label(url)
        with _opening(where, "Is it there, and may you use it? Run again once it answers"):
            engine = _postgres_engine(url, holder, readonly)
            ledger = Ledger(engine, sealer, clock)
        if seen := url.password or os.environ.get("PGPASSWORD"):
            lacking = partial(postgres.lacking, url, sorted(tables().metadata.tables))
            more = {"opened_with": frozenset([SecretValue(seen)]), "lacking": lacking}
        locks: Locks = SessionLocks(engine, ledger.id, clock, holder)
    else:
        path = _path(setting, job)
        where = str(path)
        with _opening(where, "It is no ledger, or damaged: restore it from a backup", path):
            engine = _engine(path, readonly)
            _refuse_damaged(engine, path)
            ledger = Ledger(engine, sealer, clock)
        locks = FileLocks(Path(f"{path.resolve()}.locks"), clock, holder)  # one folder, whatever links lead there
    _raise_ledger_errors(engine, where)
    return LedgerAccess(ledger, locks, where, readonly and ledger.is_new, **more)


def _with_url(setting: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolve a URL that is a reference, as that of a database may be which has the user and the password in it."""
    if not isinstance(setting.get("url"), Mapping):
        return setting
    url = references.resolve(setting["url"], "secret_ledger.url").reveal()
    if not url.startswith(postgres.SCHEMES):
        raise ConfigurationError(
            "secret_ledger.url leads to what is no URL of a PostgreSQL database",
            hint="Write postgresql+psycopg://user:password@host/database there; the path of a file stands in the map",
        )
    return {**setting, "url": url}


@contextmanager
def _opening(where: str, hint: str, path: Path | None = None) -> Iterator[None]:
    """Turn every error of a database into a ConfigurationError that names the ledger; ``hint`` is for a damaged one."""
    try:
        yield
    except (sqlite3.Error, library("sqlalchemy.exc").SQLAlchemyError, LedgerError, OSError, UnicodeError) as error:
        message = _message(error)
        if "statement pooling" in message:
            raise postgres.pooling_error() from None
        if path and not _is_damage(error):
            message, hint = f"{message}{_system_says(path)}", "The ledger itself may be sound: mend this, and run again"
        raise ConfigurationError(f"the ledger {where} cannot be read: {message}", hint=hint) from None


def _is_damage(error: BaseException) -> bool:
    """Tell a file that is no database, or a damaged one, from a system that does not let us at it."""
    error = getattr(error, "orig", None) or error
    name = getattr(error, "sqlite_errorname", "")
    return not (isinstance(error, OSError) or name.startswith(_SYSTEM))


def _system_says(path: Path) -> str:
    """Return why the system does not open a file, where SQLite says no more than that it cannot."""
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        return f" ({error.strerror})"
    return ""


def _raise_ledger_errors(engine: Any, where: str) -> None:
    """Make the engine raise LedgerError for every error of its database: an effect that meets one is in doubt."""

    @library("sqlalchemy").event.listens_for(engine, "handle_error")
    def handle_error(context: Any) -> None:
        hint = "Nothing more was begun with it. Run again: what was done is taken up from the ledger"
        raise LedgerError(f"the ledger {where} failed: {_message(context.original_exception)}", hint=hint) from None


def _message(error: BaseException) -> str:
    """Return the first line of a database's message, which never has the statement or its parameters."""
    if isinstance(error, UnicodeError):  # SQLite has quoted what it cannot read, and Python cannot read it either
        return "it is damaged"
    text = error.message if isinstance(error, LedgerError) else str(getattr(error, "orig", None) or error)
    return masking.scrub(text).partition("\n")[0]


def _sealer(setting: Mapping[str, Any], job: Job) -> Sealer:
    try:
        return Sealer(references.resolve(setting.get("key", DEFAULT_KEY), "secret_ledger.key"))
    except ConfigurationError as error:
        raise ConfigurationError(error.message, hint=_which_key(setting, job)) from None


def _which_key(setting: Mapping[str, Any], job: Job) -> str:
    """Tell which key is wanted: a ledger that is there opens with no other than its own."""
    if str(setting.get("url") or "").startswith(postgres.SCHEMES):
        return (
            f"A ledger that is there opens only with the key that it was made with. For a new one: {HOW_TO_MAKE_A_KEY}"
        )
    path = _path(setting, job)
    there = f"The ledger {path} is there, and opens only with the key that it was made with: give that one"
    return there if path.exists() else HOW_TO_MAKE_A_KEY


def _path(setting: Mapping[str, Any], job: Job) -> Path:
    state_home = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    url = setting.get("url") or f"{SQLITE}{state_home / 'rotor.secrets' / 'ledger.db'}"
    if not isinstance(url, str) or not url.startswith(SQLITE):
        raise ConfigurationError(
            "secret_ledger.url is neither a SQLite nor a PostgreSQL URL",
            hint="Write sqlite:////absolute/path/ledger.db or postgresql+psycopg://user@host/database",
        )
    path = Path(url.removeprefix(SQLITE)).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(
            f"secret_ledger.url has the relative path {path}",
            hint="A path depends on where a job starts; make it absolute",
        )
    by_default = not setting.get("url") and not os.environ.get("XDG_STATE_HOME")
    if not setting.get("allow_ephemeral") and (why := loss(path, job, by_default=by_default)):
        raise ConfigurationError(f"the ledger {path} would be lost: {why}", hint=WHERE_IT_LASTS)
    return path


def _postgres_engine(url: Any, holder: str, readonly: bool) -> Any:
    engine = postgres.make_engine(url, holder, readonly)
    postgres.refuse_pooling(engine)
    missing = readonly and not library("sqlalchemy").inspect(engine).has_table("meta")
    return _empty_engine() if missing else engine


def _engine(path: Path, readonly: bool) -> Any:
    sa = library("sqlalchemy")
    if os.path.lexists(path) and not path.is_file():
        raise ConfigurationError(f"the ledger {path} is no file", hint=_ANOTHER_PLACE)
    _refuse_exposed(path.resolve())
    if not readonly:
        _make_private(path)
    elif not _has_tables(path):
        _refuse_unmakeable(path)
        return _empty_engine()
    engine = sa.create_engine(SQLITE, creator=partial(_connect, path), poolclass=sa.QueuePool, hide_parameters=True)
    pragmas = ("query_only=ON",) if readonly else ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON")

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below starts transactions
        for pragma in (f"busy_timeout={int(BUSY_SECONDS * 1000)}", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _refuse_exposed(path: Path) -> None:
    """Raise ConfigurationError for a ledger that everybody can alter or replace, or that has names beside this one."""
    for place, harmless in ((path, 0), (path.parent, stat.S_ISVTX)):
        mode = place.stat().st_mode if place.exists() else 0
        if mode & stat.S_IWOTH and not mode & harmless:
            raise ConfigurationError(
                f"the ledger {path} is refused: everybody can write to {place}", hint=f"chmod o-w {place}"
            )
    if path.exists() and path.stat().st_nlink > 1:  # by each of them there would be other locks
        raise ConfigurationError(
            f"the ledger {path} has a second name, a hard link", hint="Remove it, or make it a symbolic link"
        )


def _refuse_damaged(engine: Any, path: Path) -> None:
    """Raise ConfigurationError for a damaged file: SQLite skips many kinds of damage, and rows would be missing."""
    with engine.begin() as connection:
        result = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if result != "ok":
        raise ConfigurationError(f"the ledger {path} cannot be read: it is damaged", hint="Restore it from a backup")


def _empty_engine() -> Any:
    """Make an engine of an empty database in memory."""
    sa = library("sqlalchemy")
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, check_same_thread=False)


def _has_tables(path: Path) -> bool:
    """Return whether the file has any table: a crash may have left an empty one."""
    if not path.exists():
        return False
    with closing(_connect(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _refuse_unmakeable(path: Path) -> None:
    """Raise ConfigurationError where one can see, without a write, that no ledger can be made there."""
    folder = next(folder for folder in path.parents if folder.exists())
    if not path.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise ConfigurationError(
            f"cannot make the ledger {path}: this user cannot write to {folder}", hint=_ANOTHER_PLACE
        )


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(f"cannot make the ledger {path}: {error.strerror}") from error
