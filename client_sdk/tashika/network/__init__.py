"""How a client asks and remembers: sources, retries, hedges, single flight, caches.

Not for what an answer proves: that is :mod:`tashika.ocsp`. The pages to read first are
:mod:`tashika.asking`, the flow of a check, and docs/sdk-in-production.md.
"""
