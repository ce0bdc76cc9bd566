"""OpenAI's own client against the running service, unchanged."""

from __future__ import annotations

import openai
import pytest
from apps.service.conftest import TOKEN, Serve, Served

from rag.answering.engine import AnswerEngine
from rag.apps.schema import answer_json
from rag.apps.service.config import ServiceConfig
from rag.apps.service.responses import ChatOut

QUESTION = "When will the joint venture be founded?"
FOLLOW_UP = "Who will own it?"


@pytest.fixture
def openai_client(served: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)


def test_models_are_listed_and_found(openai_client: openai.OpenAI) -> None:
    names = [model.id for model in openai_client.models.list()]
    assert names == ["rag", "rag-quotes"]
    assert openai_client.models.retrieve("rag").owned_by == "rag"


@pytest.mark.parametrize("model", ["rag", "rag-quotes"])
def test_an_answer_with_its_citations_as_annotations(
    openai_client: openai.OpenAI, engine: AnswerEngine, model: str
) -> None:
    truth = engine.ask(QUESTION)
    told = openai_client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], temperature=0.3, max_tokens=50
    )
    message = told.choices[0].message
    assert (message.content, told.model, told.choices[0].finish_reason) == (truth.text, model, "stop")
    citations = [citation for statement in truth.statements for citation in statement.citations]
    assert message.annotations is not None and len(message.annotations) == len(citations) > 0
    for annotation, citation in zip(message.annotations, citations, strict=True):
        cited = annotation.url_citation
        assert annotation.type == "url_citation"
        assert message.content is not None
        assert message.content[cited.start_index : cited.end_index] == f"[{citation.number}]"
        assert cited.title == citation.title
        assert cited.url.endswith(f"/v1/documents/{citation.path}/text#char={citation.start},{citation.end}")
        assert cited.model_extra is not None and cited.model_extra["quote"] == citation.quote
    assert told.usage is not None
    assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens > 0
    ChatOut.model_validate(told.model_dump(mode="json", exclude_unset=True))


def test_the_conversation_is_understood(openai_client: openai.OpenAI, engine: AnswerEngine) -> None:
    first = engine.ask(QUESTION)
    told = openai_client.chat.completions.create(
        model="rag",
        messages=[
            {"role": "system", "content": "Talk like a pirate."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": [{"type": "text", "text": FOLLOW_UP}]},
        ],
    )
    truth = answer_json(engine.ask(FOLLOW_UP, history=[(QUESTION, first.text)]))
    assert told.model_extra is not None
    assert told.model_extra["rag"]["query"] == truth["query"] != FOLLOW_UP
    assert told.choices[0].message.content == truth["text"]


def test_a_stream_is_the_same_answer(openai_client: openai.OpenAI, engine: AnswerEngine) -> None:
    truth = engine.ask(QUESTION)
    chunks = list(
        openai_client.chat.completions.create(
            model="rag",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == truth.text
    last = [chunk for chunk in chunks if chunk.choices][-1].choices[0]
    assert last.finish_reason == "stop"
    assert last.delta.model_extra is not None
    marks = [annotation["url_citation"] for annotation in last.delta.model_extra["annotations"]]
    assert [truth.text[mark["start_index"] : mark["end_index"]] for mark in marks] == [
        f"[{citation.number}]" for statement in truth.statements for citation in statement.citations
    ]
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


async def _asked_at_once(url: str) -> list[str | None]:
    import asyncio

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        told = await asyncio.gather(
            *(
                client.chat.completions.create(model="rag", messages=[{"role": "user", "content": QUESTION}])
                for _ in range(6)
            )
        )
    return [one.choices[0].message.content for one in told]


def test_the_async_client_asks_several_at_once(served: Served, engine: AnswerEngine) -> None:
    import asyncio

    assert asyncio.run(_asked_at_once(served.url)) == [engine.ask(QUESTION).text] * 6


def test_errors_are_the_clients_own(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no such model") as raised:
        openai_client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "x"}])
    assert raised.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("gpt-x")
    with pytest.raises(openai.BadRequestError, match="no message of the user"):
        openai_client.chat.completions.create(model="rag", messages=[{"role": "system", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="2000 are the most"):
        openai_client.chat.completions.create(
            model="rag", messages=[{"role": "user", "content": "x" * 2_001}]
        )
    with pytest.raises(openai.UnprocessableEntityError):
        openai_client.chat.completions.create(model="rag", messages=[])


def test_its_key_is_the_token(serve: Serve) -> None:
    url = serve(ServiceConfig(token=TOKEN)).url
    told = openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0).models.list()
    assert [model.id for model in told] == ["rag", "rag-quotes"]
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN + "x", max_retries=0).models.list()
