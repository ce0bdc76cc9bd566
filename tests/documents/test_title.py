"""Titles: heading, headline, opening words, in that order."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import REAL_SEEDS

from rag.documents.read import list_files, read_document
from rag.documents.title import find_title


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "# Honda **and** [Nissan](http://x) talk #\n\nBody.", "Honda and Nissan talk", id="heading"
        ),
        pytest.param("## Only a second level\nBody.", "Only a second level", id="first-line-heading"),
        pytest.param("Honda talks\n===========\nBody.", "Honda talks", id="underlined"),
        pytest.param("News. Live.\n\n# Honda talks\n\nBody.", "Honda talks", id="heading-further-down"),
        pytest.param("\n\nHonda and Nissan talk\nThey talk.", "Honda and Nissan talk", id="headline"),
        pytest.param("Will Honda buy Nissan?\n\nThey talk.", "Will Honda buy Nissan?", id="question"),
        pytest.param("New plant in the U.S.\n\nBody.", "New plant in the U.S.", id="ends-in-abbreviation"),
        pytest.param("Friday, January 4, 2019\n\nHonda talks\n\nBody.", "Honda talks", id="after-the-date"),
        pytest.param("They talk.\nMore.", "They talk. More", id="short-sentences"),
        pytest.param(
            "Honda and Nissan said they will merge. It is the largest merger of the year in the whole industry "
            "so far.",
            "Honda and Nissan said they will merge",
            id="first-sentence",
        ),
        pytest.param(
            "On Nov. 4, Mitsubishi Corporation and Nissan Motor have agreed to form a joint venture to provide "
            "services.",
            "On Nov. 4, Mitsubishi Corporation and Nissan Motor have agreed to form a joint venture to…",
            id="clipped-at-a-word",
        ),
        pytest.param(
            "Showers continued throughout the week in\nthe Bahia cocoa zone, alleviating the drought since early\n"
            "January.",
            "Showers continued throughout the week in the Bahia cocoa zone, alleviating the drought…",
            id="wrapped-paragraph-is-no-headline",
        ),
        pytest.param("- one\n- two\n", "- one - two", id="list-is-no-headline"),
        pytest.param("Friday, January 4, 2019", "my file", id="nothing-but-a-date"),
    ],
)
def test_title(text: str, expected: str) -> None:
    assert find_title(text, 0, "my_file") == expected


def test_long_titles_are_bounded() -> None:
    assert len(find_title("x" * 5000, 0, "s")) <= 100
    assert len(find_title("# " + "word " * 500, 0, "s")) <= 160


@pytest.mark.skipif(not REAL_SEEDS.is_dir(), reason="../shared/seeds is not here")
def test_titles_of_the_five_articles() -> None:
    titles = {file.name[:3]: read_document(file, REAL_SEEDS).title for file in list_files(Path(REAL_SEEDS))}
    assert titles == {
        "000": "On Nov. 4, Mitsubishi Corporation and Nissan Motor have agreed to form a joint venture to…",
        "001": "Nissan and Honda forge strategic partnership to shape Japan’s automotive future",
        "002": "Nissan and Honda have forged a partnership to conduct joint research into fundamental…",
        "003": "Honda and Nissan agree to work together on developing electric vehicles and intelligence technology",
        "004": "Nissan-Mitsubishi extend partnership, add Renault to the mix, making new EV",
    }
