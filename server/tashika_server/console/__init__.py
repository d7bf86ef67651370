"""The management API: the registry's verbs for operators in roles, over HTTP and JSON.

`routes` is the page to read first. Not for verifiers: those ask the responder.
"""

from tashika_server.console.application import ConsoleParts, serving

__all__ = ["ConsoleParts", "serving"]
