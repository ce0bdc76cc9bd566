"""Chunks at rest: the catalog (SQLite, the truth), vectors (FAISS), lexical (Tantivy), kept in step."""
