"""A Query becomes Hits: candidates, fusion, duplicates collapsed, filters."""
