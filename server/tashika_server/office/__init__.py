"""The process that has the book open: it tells the workers of agreements and serves operators.

Not for the data plane: no office, no book, and the workers go on with what they know (T4).
Nothing is exported here: whoever knocks at the door (`control`) need not load what serves.
"""
