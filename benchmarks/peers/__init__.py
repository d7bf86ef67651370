"""Other responders, and bare signatures, measured beside ours on the same core.

Each module is one peer: how it is started, what it is asked, and what it does not do (`lacks`).
None is needed: whoever is not installed is left out, with a line that says how to get it.
"""
