"""A load generator made for OCSP: `python -m benchmarks.load URL ...`; see docs/benchmarks.md.

`drive` is the page to read first. A run goes through

    population -> deck -> pace -> drive (lines, framing) -> tally -> verdict -> report

and whatever went wrong on the way makes it fail.
"""
