"""Whether the truth is whole: what SQLite says of its own file, and what must hold between documents and chunks."""

from __future__ import annotations

from rag.index.database import Database

_RULES = (
    (
        "passages lie outside their article's text",
        "SELECT count(*) FROM chunks JOIN documents ON documents.id = document_id "
        'WHERE "start" < 0 OR "end" <= "start" OR "end" > characters',
    ),
    (
        "passages have no embedding",
        "SELECT count(*) FROM chunks JOIN documents ON documents.id = document_id "
        "LEFT JOIN embeddings USING (key) WHERE live = 1 AND embeddings.id IS NULL",
    ),
    (
        "articles have no text",
        "SELECT count(*) FROM documents LEFT JOIN texts ON texts.document_id = documents.id "
        "WHERE live = 1 AND text IS NULL",
    ),
    (
        "articles' texts are not as long as recorded",
        "SELECT count(*) FROM documents JOIN texts ON texts.document_id = documents.id "
        "WHERE live = 1 AND length(text) <> characters",
    ),
)


def problems(database: Database) -> list[str]:
    """What is wrong with a catalog, in words; empty where all is well. Reads the whole file."""
    with database.reading() as db:
        found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
        for what, query in _RULES:
            count = int(db.execute(query).fetchone()[0])
            if count:
                found.append(f"{count} {what}")
    return found
