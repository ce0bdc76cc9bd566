"""Two values clash only when no one thing could be both."""

from __future__ import annotations

import pytest

from rag.answering.values import (
    amounts,
    amounts_clash,
    bodies,
    is_name,
    says_other_time,
    times,
    times_clash,
)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("28 people died", "31 people died", True),
        ("28 people died", "Twenty-eight people died", False),
        ("36 satellites", "more than 30 satellites", False),
        ("26 satellites", "more than 30 satellites", True),
        ("36 satellites", "three dozen satellites", False),
        ("54 percent", "53.8%", False),
        ("54 percent", "51.2%", True),
        ("34%", "a little more than a third", False),
        ("24%", "a little more than a third", True),
        ("up to 40 cars", "45 cars", True),
        ("about 1,200 workers", "1,250 workers", False),
        ("$1.4 billion", "1.9 billion dollars", True),
        ("$1.4 billion", "1.9 billion euros", False),  # what the one is in the other nobody knows
        ("12 cars", "15 trucks", False),
        ("equal shares", "60%", True),
        ("5 km", "5 miles", False),
    ],
)
def test_amounts(one: str, other: str, clash: bool) -> None:
    (mine,), (theirs,) = amounts(one), amounts(other)
    assert amounts_clash(mine, theirs) == amounts_clash(theirs, mine) == clash


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("in May 2026", "in May", False),
        ("in May 2026", "in October 2027", True),
        ("on Nov. 4", "on the 4th of November", False),
        ("on 14 January", "on Jan. 16", True),
        ("on Thursday", "on a Monday", True),
        ("on Thursday", "on 14 January", False),
        ("in 1994", "on 14 January", False),
        ("in August", "a month after July", False),
        ("in March", "before June", False),
        ("in May 2026", "not before October 2027", True),
        ("in May 2026", "after March 2026", False),
        ("in May 2026", "by the end of March 2026", True),
        ("in March 2025", "in the spring", False),
    ],
)
def test_times(one: str, other: str, clash: bool) -> None:
    assert times(one) and times(other)
    found = [times_clash(a, b) for a in times(one) for b in times(other)]
    turned = [times_clash(b, a) for a in times(one) for b in times(other)]
    assert any(found) == any(turned) == clash


def test_sentences_about_different_times_are_told_apart() -> None:
    assert says_other_time("In 2019 it made 12 cars.", "In 2020 it made 15 cars.")
    assert says_other_time("Sales rose in the third quarter.", "Sales fell in the second quarter.")
    assert not says_other_time("In 2019 it made 12 cars.", "It made 15 cars.")
    assert not says_other_time("It opens in May.", "It opens in June.", [(9, 15), (9, 16)])


def test_names_and_the_bodies_behind_them() -> None:
    assert is_name("Toshihiro Mibe") and is_name("the Elbe")
    assert not is_name("Memorandum of Understanding")
    assert not is_name("cell modules")
    told = bodies("Nissan Motor and Mitsubishi Corporation met in Tokyo about EVs and a Memorandum (MoU).")
    assert told == {"nissan": {"motor"}, "mitsubishi": {"corpor"}}
