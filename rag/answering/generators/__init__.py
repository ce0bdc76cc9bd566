"""Language models that word an answer; what they write is checked like anything else (``verification``)."""
