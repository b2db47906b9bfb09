# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's page says what was found, and what was not measured; nothing here takes a watch."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page, picture, process
from benchmarks.contests import CONTESTS
from benchmarks.measures import Contest, Found, Goal, Round, Row, difference, ratio
from benchmarks.process import MissingError
from benchmarks.runner import run
from benchmarks.stage import Stage


def absent(stage: Stage) -> Round:
    raise MissingError("aws is not installed")


@pytest.fixture
def of_three() -> Contest:
    return Contest(
        "c",
        "Three",
        {"ours": lambda stage: 2.0, "theirs": lambda stage: {"theirs": 9.0, "start": 1.0}, "aws": absent},
        (
            Row("work", "theirs", Goal(least=5), ratio("theirs", "ours", base="start")),
            Row("work", "aws", Goal(most=1), difference("ours", "aws")),
        ),
        runs=2,
    )


@pytest.fixture
def found(of_three: Contest) -> Found:
    class Anywhere:
        quick = False

    [(_one, found)] = run([of_three], Anywhere(), lambda line: None)  # type: ignore[arg-type]
    return found


def test_round_asks_every_contender_that_is_there(found: Found) -> None:
    assert found.rounds == [{"ours": 2.0, "theirs": 9.0, "start": 1.0}] * 2
    assert found.missing == {"aws": "aws is not installed"}


def test_row_says_what_was_found_and_what_is_missing(of_three: Contest, found: Found) -> None:
    measured, missing = list(page.table(found.figures(of_three)))[2:]
    assert measured == "| work | theirs | ≥ 5 | 8 times (8 to 8) | holds |"
    assert missing == "| work | aws | ≤ 1 | not measured: aws: aws is not installed |  |"


@pytest.mark.parametrize(
    ("goal", "figure", "met"), [(Goal(most=2), 2.1, False), (Goal(least=2), 2.0, True), (Goal(), 9, True)]
)
def test_goal_is_met_or_not(goal: Goal, figure: float, met: bool) -> None:
    assert goal.met(figure) is met
    assert goal.met(figure, margin=3)


def test_contests_and_rows_have_names_of_their_own() -> None:
    names = [one.name for one in CONTESTS]
    rows = [(row.work, row.against) for one in CONTESTS for row in one.rows]
    assert len(set(names)) == len(names)
    assert len(set(rows)) == len(rows)


def test_page_is_made_from_what_was_found() -> None:
    known = page.kept()
    assert page.PAGE.read_text(encoding="utf-8") == page.text(known)
    assert page.PICTURE.read_text(encoding="utf-8") == picture.draw(page.figures(known["contests"]))


def test_picture_has_a_bar_for_each_figure_with_a_goal(of_three: Contest, found: Found) -> None:
    drawn = ElementTree.fromstring(picture.draw(found.figures(of_three)))  # noqa: S314 - it is our own
    assert len([part for part in drawn if part.tag.endswith("rect")]) == 1 + 1


def test_command_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        process.run(["sh", "-c", "exit 3"], tmp_path, {})
