"""Front matter, dates and datelines: what is stated is found, what is not stated is not guessed."""

from __future__ import annotations

import pytest

from rag.documents.metadata import find_dateline, is_dateline, parse_date, parse_front_matter


@pytest.mark.parametrize(
    ("text", "fields", "body"),
    [
        pytest.param("---\ntitle: A: b\n---\nBody", {"title": "A: b"}, "Body", id="colon-in-value"),
        pytest.param("---\nTitle: 'A'\n...\nBody", {"title": "A"}, "Body", id="dots-close"),
        pytest.param("---\nauthors:\n  - Ann\n  - Bo\n---\nB", {"author": "Ann, Bo"}, "B", id="list-lines"),
        pytest.param("---\nauthor: [Ann, Bo]\n---\nB", {"author": "Ann, Bo"}, "B", id="inline-list"),
        pytest.param(
            "---\npublished-at: 2024-08-12\n---\nB", {"published": "2024-08-12"}, "B", id="dash-key"
        ),
        pytest.param("---\ntags: x\ntitle:\n---\nB", {}, "B", id="unknown-and-empty"),
        pytest.param("---\n# note\n\ntitle: A\n---\nB", {"title": "A"}, "B", id="comment-and-blank"),
        pytest.param("---\ntitle: A\n---", {"title": "A"}, "", id="nothing-after"),
    ],
)
def test_front_matter(text: str, fields: dict[str, str], body: str) -> None:
    found, start = parse_front_matter(text)
    assert found == fields
    assert text[start:] == body


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("---\ntitle: A\nnever closed", id="not-closed"),
        pytest.param("---\nA rule opens this article.\n---\nBody", id="not-fields"),
        pytest.param("---\n---\nBody", id="empty"),
        pytest.param("\n---\ntitle: A\n---\n", id="not-at-the-top"),
        pytest.param("----\ntitle: A\n----\n", id="longer-rule"),
        pytest.param("title: A\n", id="no-fence"),
    ],
)
def test_no_front_matter(text: str) -> None:
    assert parse_front_matter(text) == ({}, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-08-12", "2024-08-12"),
        ("2024-08-12T10:04:00+02:00", "2024-08-12"),
        ("2024/8/2", "2024-08-02"),
        ("20240812", "2024-08-12"),
        ("12 August 2024", "2024-08-12"),
        ("12th of Aug. 2024", "2024-08-12"),
        ("August 12, 2024", "2024-08-12"),
        ("Sept. 3rd 2024", "2024-09-03"),
        ("26-FEB-1987 15:02:20.00", "1987-02-26"),
        ("25/12/2024", "2024-12-25"),
        ("12/25/2024", "2024-12-25"),
        ("07.07.2024", "2024-07-07"),
        ("04/05/2024", None),  # April or May: not guessed
        ("Nov. 4", None),
        ("March 2025", None),
        ("31 February 2024", None),
        ("soon", None),
        ("", None),
    ],
)
def test_parse_date(text: str, expected: str | None) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A headline\n\nPublished: 12 August 2024\n\nBody.", "2024-08-12", id="published"),
        pytest.param("A headline\nPosted on Aug. 12, 2024 at 10:04\nBody.", "2024-08-12", id="posted-on"),
        pytest.param("Friday, January 4, 2019 \n\n\nBody.", "2019-01-04", id="date-alone"),
        pytest.param("*2024-08-12*\nBody.", "2024-08-12", id="markdown-date-alone"),
        pytest.param("TOKYO, Aug. 12, 2024 (Kyodo) -- The two", "2024-08-12", id="agency"),
        pytest.param("On August 12, 2024 the two firms met.", None, id="in-a-sentence"),
        pytest.param("On Nov. 4, Mitsubishi agreed.", None, id="no-year"),
        pytest.param("Updated: 13 August 2024\nBody.", None, id="updated-is-not-published"),
        pytest.param("Line.\n" * 20 + "Published: 12 August 2024", None, id="too-far-down"),
        pytest.param("", None, id="empty"),
    ],
)
def test_dateline(text: str, expected: str | None) -> None:
    assert find_dateline(text) == expected


def test_dateline_starts_after_front_matter() -> None:
    text = "Published: 1 May 2020\nPublished: 12 August 2024\n"
    assert find_dateline(text, text.index("\n") + 1) == "2024-08-12"


def test_is_dateline() -> None:
    assert is_dateline("Friday, January 4, 2019")
    assert is_dateline("Published 12 August 2024")
    assert not is_dateline("January 4, 2019 was a Friday")
    assert not is_dateline("Honda to close plant by 4 January 2019")
