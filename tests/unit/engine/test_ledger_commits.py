# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads that come to the ledger at the same time share a commit, and each returns after it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import LedgerError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.commits import GroupCommit
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import Transaction

TABLE = sa.Table("things", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True))
OTHERS = ("b", "c", "d")


class Ground:
    """A database whose commits are counted, and a transaction that is held open until all others have come."""

    def __init__(self, path: Path) -> None:
        self.engine = sa.create_engine(f"sqlite:///{path}/things.db", connect_args={"check_same_thread": False})
        TABLE.metadata.create_all(self.engine)
        self.undone = 0
        self.commits = 0
        self.group = GroupCommit(self.engine, Transaction, self._undo)
        sa.event.listen(self.engine, "commit", self._count)

    def _undo(self) -> None:
        self.undone += 1

    def _count(self, _connection: Any) -> None:
        self.commits += 1

    def transaction(self) -> AbstractContextManager[Transaction]:
        return self.group.transaction()

    def put(self, name: str, error: Exception | None = None, *, changes: bool = True) -> None:
        with self.group.transaction() as tx:
            if changes:
                tx.insert(TABLE, {"name": name})
            if error:
                raise error
            tx.changes.clear()  # as appending to the audit log does

    @contextmanager
    def first(self) -> Iterator[ThreadPoolExecutor]:
        """A pool whose work waits for its turn until the block ends."""
        with ThreadPoolExecutor(8) as pool, self.transaction() as tx:
            tx.insert(TABLE, {"name": "a"})
            tx.changes.clear()
            yield pool

    def come(self, number: int) -> None:
        """Return when so many threads wait for their turn."""
        never = Event()
        while self.group._coming < number:
            never.wait(0.001)

    @property
    def names(self) -> list[str]:
        with self.engine.connect() as connection:
            return sorted(connection.execute(sa.select(TABLE.c.name)).scalars())


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def together(ground: Ground, *more: tuple[Any, ...], **options: Any) -> list[Future[None]]:
    """The first, the others and ``more``, all of which wait while the first is at work."""
    with ground.first() as pool:
        futures = [pool.submit(ground.put, name) for name in OTHERS]
        futures += [pool.submit(ground.put, *one, **options) for one in more]
        ground.come(len(futures))
    return futures


def test_those_who_wait_share_one_commit(ground: Ground) -> None:
    for future in together(ground):
        future.result()
    assert ground.names == ["a", *OTHERS]
    assert ground.commits == 1


def test_alone_each_commits_at_once(ground: Ground) -> None:
    ground.put("a")
    ground.put("b")
    assert ground.commits == 2


def test_nobody_returns_before_the_commit(ground: Ground) -> None:
    seen: list[list[str]] = []

    def put_and_look(name: str) -> None:
        ground.put(name)
        seen.append(ground.names)

    with ground.first() as pool:
        futures = [pool.submit(put_and_look, name) for name in OTHERS]
        ground.come(len(futures))
    for future in futures:
        future.result()
    assert seen == [["a", *OTHERS]] * 3


def test_one_that_has_changed_something_and_fails_takes_the_others_with_it(ground: Ground) -> None:
    """Whose turn comes after it begins anew; nobody who returns has not been committed, and nobody else has."""
    futures: dict[str, Future[None]] = {}

    def all_come() -> None:
        with ground.first() as pool:
            futures.update({name: pool.submit(ground.put, name) for name in OTHERS})
            futures["e"] = pool.submit(ground.put, "e", ValueError("no"))
            ground.come(len(futures))

    with pytest.raises(LedgerError, match="another effect had a part in"):
        all_come()
    assert isinstance(futures["e"].exception(), ValueError)
    assert ground.names == sorted(name for name, future in futures.items() if future.exception() is None)
    assert ground.undone == 1


def test_one_that_has_changed_nothing_fails_alone(ground: Ground) -> None:
    *others, failed = together(ground, ("e", ValueError("no")), changes=False)
    for future in others:
        future.result()
    with pytest.raises(ValueError, match="no"):
        failed.result()
    assert ground.names == ["a", *OTHERS]


def test_after_a_failure_the_next_goes_on(ground: Ground) -> None:
    with pytest.raises(ValueError, match="no"):
        ground.put("a", ValueError("no"))
    ground.put("b")
    assert ground.names == ["b"]


def test_whoever_was_to_commit_and_was_interrupted_is_made_up_for(ground: Ground) -> None:
    """The last one to come is to commit for all, and never gets its turn."""
    ground.group._coming += 1
    ground.put("a")
    assert ground.names == ["a"]
