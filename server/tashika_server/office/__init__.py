"""The process that has the book open: it tells the workers of agreements and serves operators.

Not for the data plane: no office, no book, and the workers go on with what they know (T4).
"""

from tashika_server.office.compiler import CompilerParts
from tashika_server.office.process import OfficeParts, notify, run, serve

__all__ = ["CompilerParts", "OfficeParts", "notify", "run", "serve"]
