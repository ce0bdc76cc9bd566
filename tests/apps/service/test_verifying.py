"""A claim against passages, against named articles, against all of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from apps.service.test_asking import exactly

from rag.apps.service.responses import VerifyOut

VENTURE = "000_mitsubishi-nissan-joint-venture.txt"


def verify(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    told = client.post("/v1/verify", json=asked)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    exactly(VerifyOut, found)
    return found


def test_each_sentence_is_checked_against_all_articles(client: httpx.Client) -> None:
    told = verify(
        client, claim="The joint venture will be founded in March 2025. It will have 500 employees."
    )
    assert not told["supported"]
    good, bad = told["sentences"]
    assert good["supported"] and not good["objections"]
    for evidence in good["evidence"]:
        text = client.get(f"/v1/documents/{evidence['path']}/text").json()["text"]
        assert text[evidence["start"] : evidence["end"]] == evidence["quote"]
    assert not bad["supported"] and not bad["evidence"]
    assert [(one["kind"], one["text"]) for one in bad["objections"]] == [("number", "500")]


def test_only_the_named_articles_are_looked_at(client: httpx.Client) -> None:
    claim = "The new company is due to be founded in March 2025."
    assert verify(client, claim=claim, documents=[VENTURE])["supported"]
    others = [
        one["path"] for one in client.get("/v1/documents").json()["documents"] if one["path"] != VENTURE
    ]
    told = verify(client, claim=claim, documents=others)
    assert all(evidence["path"] in others for one in told["sentences"] for evidence in one["evidence"])


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("The plant opened in May 2024.", True),
        ("The plant opened in May 2023.", False),
        ("The plant did not open in May 2024.", False),
        ("The plant in Berlin opened in May 2024.", False),
    ],
)
def test_passages_as_given(client: httpx.Client, claim: str, supported: bool) -> None:
    passages = ["Nothing of note happened.", "After two years of work, the plant opened in May 2024."]
    told = verify(client, claim=claim, passages=passages)
    assert told["supported"] is supported
    for evidence in told["sentences"][0]["evidence"]:
        assert (evidence["passage"], evidence["path"]) == (2, None)
        assert passages[1][evidence["start"] : evidence["end"]] == evidence["quote"]


def test_an_article_that_is_not_there(client: httpx.Client) -> None:
    told = client.post("/v1/verify", json={"claim": "x y.", "documents": [VENTURE, "none.txt"]})
    assert (told.status_code, told.json()["error"]["param"]) == (404, "documents.1")


def test_a_whole_essay_is_refused(client: httpx.Client) -> None:
    told = client.post("/v1/verify", json={"claim": "The plant opened again. " * 21})
    assert told.status_code == 400
    assert "21 sentences" in told.json()["error"]["message"]
