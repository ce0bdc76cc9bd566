"""A file becomes Documents: reading per format, metadata."""
