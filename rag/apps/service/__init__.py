"""The HTTP service: asking, searching, checking and keeping articles for programs; `rag serve` runs it.

``create_app`` in `rag.apps.service.app` puts it together; what may be set is in `rag.apps.service.config`.
"""
