from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from rag.index.index import Index
from rag.integrations.langchain import ArticleRetriever
from rag.retrieval.retriever import Retriever
from rag.types import Filters

QUESTION = "When will the joint venture of Mitsubishi and Nissan be founded?"


@pytest.fixture(scope="module")
def retriever(seeds_index: Index) -> Retriever:
    return Retriever(seeds_index)


def test_documents_say_where_they_stand(retriever: Retriever, seeds_index: Index) -> None:
    found = ArticleRetriever(retriever=retriever, k=3).invoke(QUESTION)
    assert [one.page_content for one in found] == [hit.text for hit in retriever.retrieve(QUESTION, 3)]
    for one in found:
        document = seeds_index.document(one.metadata["path"])
        assert document.text[one.metadata["start"] : one.metadata["end"]] == one.page_content
        assert document.title == one.metadata["title"]
        assert document.published == one.metadata.get("published")


def test_async_and_batches_find_the_same(retriever: Retriever) -> None:
    ours = ArticleRetriever(retriever=retriever, k=2)
    expected = ours.invoke(QUESTION)
    assert asyncio.run(ours.ainvoke(QUESTION)) == expected
    assert ours.batch([QUESTION, QUESTION]) == [expected, expected]
    assert asyncio.run(ours.abatch([QUESTION])) == [expected]


def test_filters_hold(retriever: Retriever) -> None:
    ours = ArticleRetriever(retriever=retriever, filters=Filters(paths=("002*",)))
    assert {one.metadata["path"][:3] for one in ours.invoke(QUESTION)} == {"002"}


def test_it_stands_in_a_chain(retriever: Retriever) -> None:
    def joined(documents: list[Document]) -> str:
        return "\n\n".join(document.page_content for document in documents)

    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    chain = (
        {"context": ArticleRetriever(retriever=retriever, k=2) | joined, "question": RunnablePassthrough()}
        | prompt
        | FakeListChatModel(responses=["In March 2025."])
        | StrOutputParser()
    )
    assert chain.invoke(QUESTION) == "In March 2025."


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [("langchain", "langchain_core", "langchain"), ("llama_index", "llama_index.core", "llama-index")],
)
def test_a_missing_package_is_one_clear_error(module: str, missing: str, extra: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import rag.integrations.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert f'pip install -c constraints.txt -e ".[{extra}]"' in done.stderr
