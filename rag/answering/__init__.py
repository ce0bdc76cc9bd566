"""Hits become an Answer: question analysis, evidence, extractive answers, citations, conversation."""
