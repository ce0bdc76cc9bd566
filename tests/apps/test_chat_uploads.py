"""Files in pieces: whole again for the library, limited, and told how far they are."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from rag.apps.chat_uploads import State, Uploads
from rag.apps.library import Library, Limits
from rag.errors import InputError
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.settings import Settings

TICKET = "ticket-0001"


def piece(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def library(tmp_path: Path, encoder: Encoder) -> Library:
    folder, path = tmp_path / "news", tmp_path / "index"
    folder.mkdir()
    (folder / "a.txt").write_text("A first article\n\nIt says nothing much.", "utf-8")
    index = Index.open(path, settings=Settings(index=path), encoder=encoder)
    index.sync(folder)
    return Library(index)


def finished(uploads: Uploads) -> State:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state = uploads.state(TICKET)
        if state.results is not None:
            return state
        time.sleep(0.05)
    raise AssertionError("the upload never ended")


def test_pieces_become_files_and_files_articles(library: Library, tmp_path: Path) -> None:
    uploads = Uploads()
    text = "Lighthouse sold\n\nThe lighthouse of Ruritania was sold — for 2 €.".encode()
    for at in range(0, len(text), 30):
        uploads.piece(TICKET, "light/house.txt", piece(text[at : at + 30]))
    uploads.piece(TICKET, "../escape.txt", piece(b"Out of here\n\nThis must not land outside."))
    uploads.piece(TICKET, "empty.txt", "")
    uploads.begin(TICKET, library)
    uploads.begin(TICKET, library)  # told twice, done once
    results = {result.path: result.outcome for result in finished(uploads).results or ()}
    assert results["light/house.txt"] == "added" and results["empty.txt"] == "refused"
    assert (tmp_path / "news" / "light" / "house.txt").read_bytes() == text
    assert not (tmp_path / "escape.txt").exists() and len(results) == 3
    with pytest.raises(InputError, match="no such upload"):
        uploads.state(TICKET)


def test_too_much_and_nonsense_are_refused(library: Library) -> None:
    uploads = Uploads(Limits(total_bytes=100, files=2))
    with pytest.raises(InputError, match="did not arrive whole"):
        uploads.piece(TICKET, "a.txt", "§§§")
    for ticket, name in (("", "a.txt"), ("short", "a.txt"), ("x" * 65, "a.txt"), (TICKET, "")):
        with pytest.raises(InputError, match="needs a ticket"):
            uploads.piece(ticket, name, "")
    with pytest.raises(InputError, match="no such upload"):
        uploads.begin("never-heard-of", library)
    uploads.piece(TICKET, "a.txt", piece(b"x" * 60))
    with pytest.raises(InputError, match="bring it in parts"):
        uploads.piece(TICKET, "a.txt", piece(b"x" * 60))
    for name in ("a.txt", "b.txt"):
        uploads.piece(TICKET, name, "")
    with pytest.raises(InputError, match="more than 2 files"):
        uploads.piece(TICKET, "c.txt", "")
    for number in range(8):
        uploads.piece(f"ticket-1{number:03}", "a.txt", "")
    with pytest.raises(InputError, match="too many uploads"):
        uploads.piece("ticket-9999", "a.txt", "")
