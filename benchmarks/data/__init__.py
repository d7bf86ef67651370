"""What a nation's revocation data costs: loading it, keeping it, changing it, starting with it.

`python -m benchmarks.data`, by the number of revoked certificates. Not for how many answers a
core gives (`benchmarks.answering`).
"""
