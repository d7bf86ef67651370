"""The management API: the registry's verbs for operators in roles, over HTTP and JSON.

`routes` is the page to read first. Not for verifiers: those ask the responder. Nothing is
exported here: the commands use `operators` and `views`, and need no HTTP server for it.
"""
