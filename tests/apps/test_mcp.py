"""``rag mcp`` in a process of its own, spoken to by the SDK's own client, over both transports and in both dialects."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from apps.command_line import run
from integrations.disagreement import DISPUTED, write_disagreement
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from places import ROOT, SEEDS

from rag.answering.engine import AnswerEngine
from rag.apps import mcp
from rag.index.index import Index
from rag.models.encoder import Encoder
from rag.retrieval.retriever import Retriever
from rag.settings import Settings

QUESTION = "When will the joint venture of Mitsubishi and Nissan be founded?"
FIRST = "000_mitsubishi-nissan-joint-venture.txt"


def command(index: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from rag.apps.cli import main; main()",
        "mcp",
        "--index",
        str(index),
        *more,
    ]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}


@pytest.fixture(scope="module")
def index(seeds_index: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the index over seeds/, so that the server opens it as another process does."""
    copy = tmp_path_factory.mktemp("mcp") / "index"
    shutil.copytree(seeds_index.path, copy)
    return copy


@pytest.fixture(scope="module")
def address(index: Path) -> Iterator[str]:
    """A server over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        command(index, "--http", "--port", str(port)), env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    said = server.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/mcp", said)
    assert found, said
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield found.group()
    server.terminate()
    assert server.wait(timeout=30) in (0, -15)
    server.stderr.close()


@asynccontextmanager
async def connected(way: str, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    transport, mode = way.split()
    server: Any = (
        request.getfixturevalue("address")
        if transport == "http"
        else StdioServerParameters(
            command=sys.executable, args=command(request.getfixturevalue("index"))[1:], env=environment()
        )
    )
    async with Client(server, mode=mode) as client:
        yield client


WAYS = ["stdio legacy", "stdio auto", "http legacy", "http auto"]


@pytest.mark.parametrize("way", WAYS)
def test_a_client_asks_searches_reads_and_lists(way: str, request: pytest.FixtureRequest) -> None:
    articles = {file.name: file.read_text(encoding="utf-8") for file in SEEDS.glob("*.txt")}

    async def talk() -> None:
        async with connected(way, request) as client:
            listed = await client.list_tools()
            tools = {tool.name: tool for tool in listed.tools}
            assert list(tools) == ["ask", "search", "read_document", "list_documents"]
            for tool in tools.values():
                assert tool.description
                assert tool.annotations is not None
                assert tool.annotations.read_only_hint

            asked = await client.call_tool("ask", {"question": QUESTION})
            assert not asked.is_error
            answer = asked.structured_content
            assert answer is not None
            assert (answer["verdict"], answer["short_answer"]) == ("answered", "March 2025")
            citation = answer["statements"][0]["citations"][0]
            quoted = articles[citation["path"]][citation["start"] : citation["end"]]
            assert quoted == citation["quote"]
            text = words(asked)
            assert text.startswith("March 2025\n")
            assert f"[1] {citation['path']}" in text
            assert f"characters {citation['start']}-{citation['end']}: {quoted}" in text

            followed = await client.call_tool(
                "ask", {"question": "And who is its president?", "history": ["What does Honda make?"]}
            )
            assert followed.structured_content is not None
            assert "Honda" in followed.structured_content["query"]

            refused = await client.call_tool("ask", {"question": "Who is the chief executive of Tesla?"})
            assert not refused.is_error
            assert words(refused).startswith("Not in these articles.\n\nThe closest passages, which do not")

            found = await client.call_tool("search", {"question": QUESTION, "k": 2})
            assert found.structured_content is not None
            hits = found.structured_content["hits"]
            assert len(hits) == 2
            assert all(articles[hit["path"]][hit["start"] : hit["end"]] == hit["text"] for hit in hits)
            assert hits[0]["text"] in words(found)

            read = await client.call_tool(
                "read_document", {"path": FIRST, "start": citation["start"], "characters": 50}
            )
            assert words(read).startswith(articles[FIRST][citation["start"] : citation["start"] + 50])
            assert f"start={citation['start'] + 50}" in words(read)
            whole = await client.call_tool("read_document", {"path": FIRST})
            assert words(whole) == articles[FIRST]

            page = await client.call_tool("list_documents", {"limit": 2, "skip": 1})
            assert page.structured_content is not None
            assert page.structured_content["total"] == len(articles)
            assert [one["path"] for one in page.structured_content["documents"]] == sorted(articles)[1:3]
            assert words(page).endswith("2 of 5 articles; go on with skip=3")

            resources = (await client.list_resources()).resources
            assert [resource.name for resource in resources] == sorted(articles)
            contents = (await client.read_resource(str(resources[0].uri))).contents
            assert contents[0].text == articles[resources[0].name]  # type: ignore[union-attr]
            (template,) = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "article:///{+path}"

    anyio.run(talk)


def words(result: Any) -> str:
    (content,) = result.content
    return str(content.text)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {"question": "  "}, "the question is empty"),
    ("ask", {}, "question: Field required"),
    ("ask", {"question": "x", "unknown": 1}, "unknown: Extra inputs are not permitted"),
    ("ask", {"question": "x" * 4_001}, "at most 4000 characters"),
    ("ask", {"question": "x", "after": "yesterday"}, "write it as YYYY-MM-DD"),
    ("search", {"question": "x", "k": 0}, "greater than or equal to 1"),
    ("search", {"question": "x", "k": 51}, "less than or equal to 50"),
    ("read_document", {"path": "../../etc/passwd"}, "has no article"),
    ("read_document", {"path": "/etc/passwd"}, "has no article"),
    ("read_document", {"path": FIRST, "start": 10_000_000}, "start earlier"),
    ("read_document", {"path": FIRST, "characters": 20_001}, "less than or equal to 20000"),
    ("list_documents", {"limit": 201}, "less than or equal to 200"),
]
NOWHERE = [
    "article:///none.txt",
    "article:///../../etc/passwd",
    "article:////etc/passwd",
    "article:///%2e%2e/%2e%2e/etc/passwd",
    "file:///etc/passwd",
    f"file:///{FIRST}",
]


def test_what_is_wrong_is_told_and_the_server_goes_on(request: pytest.FixtureRequest) -> None:
    async def talk() -> None:
        async with connected("http legacy", request) as client:
            for tool, arguments, reason in WRONG:
                result = await client.call_tool(tool, arguments)
                assert result.is_error, (tool, arguments)
                assert reason in words(result)
                assert "root:" not in words(result)
            with pytest.raises(MCPError, match="there is no tool 'delete'"):
                await client.call_tool("delete", {})
            for uri in NOWHERE:
                with pytest.raises(MCPError, match="no such article"):
                    await client.read_resource(uri)
            assert not (await client.call_tool("list_documents", {})).is_error

    anyio.run(talk)


def unread(index: Index) -> mcp.Articles:
    """What lists and reads, without a reader that loads in the background while the test is over already."""
    return mcp.Articles(AnswerEngine(Retriever(index, Settings(reader="none"))))


def test_resources_come_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds_index: Index) -> None:
    monkeypatch.setattr(mcp, "PAGE", 2)
    articles = unread(seeds_index)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = articles.resources(cursor)
        found += [resource.name for resource in page.resources]
        cursor, pages = page.next_cursor, pages + 1
    assert (found, pages) == (sorted(file.name for file in SEEDS.glob("*.txt")), 3)


def test_articles_that_disagree_are_both_quoted(tmp_path: Path, encoder: Encoder) -> None:
    write_disagreement(tmp_path / "articles")
    settings = Settings(index=tmp_path / "index")
    with Index.open(settings.index, settings=settings, encoder=encoder) as index:
        index.sync(tmp_path / "articles")
        articles = mcp.Articles(AnswerEngine(Retriever(index)))
        reply = asyncio.run(articles.ask(mcp.AskArguments(question=DISPUTED)))
    lines = reply.text.splitlines()
    assert "The articles disagree: " in reply.text
    assert sum(line.startswith("    characters") and "is non-binding" in line for line in lines) == 1
    assert sum(line.startswith("    characters") and "are legally bound" in line for line in lines) == 1
    assert len(reply.data["conflicts"]) == 1


def test_odd_paths_make_the_round(seeds_index: Index) -> None:
    for path in ("a b/ü%20.txt", "100%.txt", "a?b#c.md", "a&b=c;d.txt"):
        uri = mcp.uri_of(path)
        assert uri.isascii()
        assert not set(uri.removeprefix(mcp.SCHEME)) & set(" ?#")
        assert urllib.parse.unquote(uri.removeprefix(mcp.SCHEME)) == path


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1.evil.example:80"),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
    ],
)
def test_other_pages_and_hosts_are_turned_away(address: str, header: str, value: str) -> None:
    """What a page somewhere could make a browser on this machine send, by a name that leads here."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    asked = urllib.request.Request(
        address,
        body,
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", header: value},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    with refused.value:
        assert refused.value.code in (403, 421)


def test_it_listens_to_this_machine_only(address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_no_index_and_a_taken_port_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, index: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "mcp", "--index", tmp_path / "none") == 2
    assert "rag sync FOLDER" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run(monkeypatch, "mcp", "--index", index, "--http", "--port", port) == 2
    assert "choose another with --port" in capsys.readouterr().err


def test_asking_imports_nothing_of_it() -> None:
    code = "import sys, rag.apps.cli, rag.answering.engine; print([m for m in sys.modules if 'mcp' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_package_is_one_clear_error() -> None:
    code = "import sys; sys.modules['mcp'] = None; sys.modules['mcp_types'] = None; import rag.apps.mcp"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install -c constraints.txt -e ".[mcp]"' in done.stderr


PAGE = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")


def test_what_people_paste_is_sound() -> None:
    pasted = [
        json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ]
    assert len(pasted) == 2
    server = pasted[0]["mcpServers"]["articles"]
    assert Path(server["command"]).name == "rag"
    assert server["args"][0] == "mcp"
    assert pasted[1]["servers"]["articles"]["args"] == server["args"]


def test_every_tool_is_on_the_page(seeds_index: Index) -> None:
    named = re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)
    assert named == list(unread(seeds_index).tools)
