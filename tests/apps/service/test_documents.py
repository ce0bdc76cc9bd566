"""The articles: listed, read, added, replaced, removed; and asked right after."""

from __future__ import annotations

import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from apps.service.conftest import Serve, Served
from apps.service.test_asking import exactly

from rag.apps.library import Library
from rag.apps.service.config import ServiceConfig
from rag.apps.service.responses import ArticlesOut, FileOut, FilesOut, TextOut

NEWS = "Fiat opens a plant\n\nFiat opens a plant in Turin in May 2031. It will build buses.\n"


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".txt", text)
    return data.getvalue()


def test_the_list_is_the_librarys(client: httpx.Client, served: Served) -> None:
    told = client.get("/v1/documents").json()
    articles = Library(served.index).articles()
    assert [one["path"] for one in told["documents"]] == [article.path for article in articles]
    assert told["total"] == len(articles)
    exactly(ArticlesOut, told)


def test_the_list_is_searched_sorted_and_paged(client: httpx.Client) -> None:
    def paths(**query: Any) -> list[str]:
        return [one["path"] for one in client.get("/v1/documents", params=query).json()["documents"]]

    everything = paths(sort="path")
    assert everything == sorted(everything)
    assert paths(sort="path", limit=2, offset=1) == everything[1:3]
    assert client.get("/v1/documents", params={"limit": 1}).json()["total"] == len(everything)
    assert 0 < len(paths(search="venture")) < len(everything)
    assert paths(source="nobody") == []


def test_a_text_is_the_articles(client: httpx.Client, served: Served) -> None:
    path = served.index.documents()[0].path
    told = client.get(f"/v1/documents/{path}/text").json()
    assert told["text"] == served.index.document(path).text
    exactly(TextOut, told)
    assert client.get("/v1/documents/none.txt/text").json()["error"]["type"] == "not_found"


def test_an_article_is_added_asked_replaced_and_removed(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    file = tmp_path / "articles" / "2031" / "plänt.txt"
    with httpx.Client(base_url=served.url, timeout=60) as client:
        told = client.put("/v1/documents/2031/plänt.txt", content=NEWS.encode())
        assert (told.status_code, told.json()["outcome"]) == (201, "added")
        exactly(FileOut, told.json())
        assert file.read_text("utf-8") == NEWS
        answer = client.post("/v1/ask", json={"question": "Where does Fiat open a plant?"}).json()
        assert answer["sources"][0]["path"] == "2031/plänt.txt"
        assert (
            client.put("/v1/documents/2031/plänt.txt", content=NEWS.encode()).json()["outcome"] == "unchanged"
        )
        told = client.put("/v1/documents/2031/plänt.txt", content=NEWS.replace("Turin", "Milan").encode())
        assert (told.status_code, told.json()["outcome"]) == (200, "replaced")
        text = client.get("/v1/documents/2031/plänt.txt/text").json()["text"]
        assert "Milan" in text and "Turin" not in text
        assert client.delete("/v1/documents/2031/plänt.txt").json()["outcome"] == "removed"
        assert not file.exists()
        assert client.delete("/v1/documents/2031/plänt.txt").status_code == 404


def test_a_zip_goes_in_file_by_file(serve: Serve) -> None:
    served = serve()
    with httpx.Client(base_url=served.url, timeout=60) as client:
        archive = zipped(a=NEWS, deep__b=NEWS + "More.", bad="")
        told = client.post("/v1/documents", params={"name": "news.zip"}, content=archive).json()
        exactly(FilesOut, told)
        outcomes = {one["path"]: one["outcome"] for one in told["files"]}
        assert outcomes == {"a.txt": "added", "deep/b.txt": "added", "bad.txt": "refused"}
        assert all(one["reason"] for one in told["files"] if one["outcome"] == "refused")
        assert client.get("/v1/documents", params={"search": "plant"}).json()["total"] == 2


def test_the_last_article_stays(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a.txt").write_text(NEWS, "utf-8")
    served = serve(folder=folder)
    told = httpx.delete(f"{served.url}/v1/documents/a.txt", timeout=60)
    assert told.status_code == 409
    assert "last article" in told.json()["error"]["message"]
    assert (folder / "a.txt").exists()


@pytest.mark.parametrize(
    "send",
    [
        lambda url: httpx.put(f"{url}/v1/documents/a.txt", content=NEWS),
        lambda url: httpx.post(f"{url}/v1/documents?name=a.txt", content=NEWS),
        lambda url: httpx.delete(f"{url}/v1/documents/000_mitsubishi-nissan-joint-venture.txt"),
    ],
    ids=["put", "post", "delete"],
)
def test_read_only_means_so(served: Served, send: Any) -> None:
    before = len(served.index.documents())
    told = send(served.url)
    assert (told.status_code, told.json()["error"]["code"]) == (403, "read_only")
    assert len(served.index.documents()) == before


def test_questions_are_answered_while_articles_are_written(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(ServiceConfig(rate=0, workers=1))
    begun, go_on = threading.Event(), threading.Event()
    put = Library.put

    def slow(self: Library, path: str, data: bytes) -> Any:
        begun.set()
        assert go_on.wait(30)
        return put(self, path, data)

    monkeypatch.setattr(Library, "put", slow)
    outcomes: list[str] = []

    def write() -> None:
        told = httpx.put(f"{served.url}/v1/documents/a.txt", content=NEWS, timeout=60)
        outcomes.append(told.json()["outcome"])

    writing = threading.Thread(target=write)
    writing.start()
    assert begun.wait(30)
    told = httpx.post(f"{served.url}/v1/search", json={"query": "plant"}, timeout=60)
    assert told.status_code == 200 and outcomes == []
    go_on.set()
    writing.join(60)
    assert outcomes == ["added"]
