"""How many answers one core gives, beside its peers: `python -m benchmarks.answering --help`.

`rows` is the page to read first: each row of the table is a class, with what it must show.
"""
