from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answering.stream_citations import CitationStream, Mark, Said, StatementStream, Text, tidy


def shown(tokens: list[str], known: int = 9) -> str:
    """What a person would see: text, and marks as <1,2>."""
    stream = CitationStream(known)
    pieces = [piece for token in tokens for piece in stream.feed(token)] + stream.close()
    return "".join(
        piece.text if isinstance(piece, Text) else f"<{','.join(map(str, piece.shown))}>" for piece in pieces
    )


def said(tokens: list[str], known: int = 9) -> list[Said]:
    stream, statements = CitationStream(known), StatementStream()
    found = [one for token in tokens for one in statements.feed(stream.feed(token))]
    return found + statements.feed(stream.close()) + statements.close()


CASES = [
    ("One [3] two [1] three [3].", "One <1> two <2> three <1>."),
    ("A [1][2] b [1, 2] c [2,1].", "A <1><2> b <1,2> c <2,1>."),
    ("A 【2】 b 【2†source】.", "A <1> b <1>."),
    ("A [1-3] b [1–2] c [1 and 2] d [1; 3].", "A <1,2,3> b <1,2> c <1,2> d <1,3>."),
    ("A [Source 2] b [source: 1] c [^1] d [[2]].", "A <1> b <2> c <2> d <1>."),
    ("Unknown [10] and [0] and [2, 77].", "Unknown  and  and <1>."),
    ("No mark: [see] [] [1a] a[i] [x, 1] [ ] [12345].", "No mark: [see] [] [1a] a[i] [x, 1] [ ] [12345]."),
    ("Code `a[1]` and ```\nb[2] = c[3]\n``` but [2].", "Code `a[1]` and ```\nb[2] = c[3]\n``` but <1>."),
    ("``x`[1]`` then [1]", "``x`[1]`` then <1>"),
    ("Open [1", "Open [1"),
    ("Open [", "Open ["),
    ("[1-9999] and [3-1]", "<1> and <2,1>"),
    ("a [1]: b", "a <1>: b"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[text or "nothing" for text, _ in CASES])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000], ids=lambda size: f"tokens of {size}")
def test_marks_are_found_however_the_tokens_cut_them(text: str, wanted: str, size: int) -> None:
    assert shown([text[at : at + size] for at in range(0, len(text), size)]) == wanted


@given(st.text(alphabet="ab [](){}`【】†,-123.\n^s"), st.lists(st.integers(1, 5), max_size=20))
@settings(max_examples=300, deadline=None)
def test_no_cut_changes_what_is_seen(text: str, sizes: list[int]) -> None:
    tokens, rest = [], text
    for size in sizes:
        tokens.append(rest[:size])
        rest = rest[size:]
    assert shown([*tokens, rest]) == shown([text])


def test_text_without_marks_is_never_held_back() -> None:
    stream = CitationStream(3)
    assert stream.feed("Plain text") == [Text("Plain text")]
    assert stream.feed(" with [") == [Text(" with ")]
    assert stream.feed("2") == []
    assert stream.feed("]") == [Mark((2,), (1,))]
    assert stream.feed("[not a mark") == [Text("[not a mark")]


def test_what_cannot_become_a_mark_any_more_is_let_go() -> None:
    stream = CitationStream(3)
    assert "".join(piece.text for piece in stream.feed("[" + "a " * 100) if isinstance(piece, Text))


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_sentences_come_with_their_sources(size: int) -> None:
    text = (
        "It was agreed on Nov. 4 [1]. Both hold half. [2][3] U.S. sales fell [1, 4].\n\n"
        "- First **point** [2]\n- Second point. [5]\n[3] Third one.\nNo source here"
    )
    assert said([text[at : at + size] for at in range(0, len(text), size)]) == [
        Said("It was agreed on Nov. 4.", (1,)),
        Said("Both hold half.", (2, 3)),
        Said("U.S. sales fell.", (1, 4)),
        Said("First point", (2,)),
        Said("Second point.", (5,)),
        Said("Third one.", (3,)),
        Said("No source here", ()),
    ]


def test_a_sentence_is_handed_out_as_soon_as_the_next_has_begun() -> None:
    stream, statements = CitationStream(3), StatementStream()
    assert statements.feed(stream.feed("It opens in March. ")) == []
    assert statements.feed(stream.feed("[1]")) == []
    assert statements.feed(stream.feed(" It is ")) == [Said("It opens in March.", (1,))]
    assert statements.close() == [Said("It is", ())]


def test_tidy_takes_list_marks_and_emphasis_away() -> None:
    assert tidy("1. The **new** _name_ is snake_case , and 2*3 .") == "The new name is snake_case, and 2*3."
    assert tidy("## Heading") == "Heading"
    assert tidy("  ") == ""
