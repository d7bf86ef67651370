"""Who may ask: the registry that people keep, and the gate that enforces it.

`registry` lists what may be done with the former, `terms` is what the latter knows of it; the
gate never imports the registry, so that no worker opens the book.
"""
