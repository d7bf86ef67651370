"""Revocation information files: what issuers published, kept as it came and given out again.

`archive` keeps, `catalog` knows what is kept, `retention` lets go, `as_of` looks back, `serving`
provides under agreement. Not for judging a file (`refresh`) nor for single certificates
(`history`, `responder`). Nothing is exported here: what keeps loads nothing that serves.
"""
