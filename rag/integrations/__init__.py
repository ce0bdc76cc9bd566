"""The retriever inside other apps."""
