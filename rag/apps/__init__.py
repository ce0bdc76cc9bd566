"""People's doors: command line and chat page. Thin: they parse, call, print."""
