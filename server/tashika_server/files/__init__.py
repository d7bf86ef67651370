"""Revocation information files: what issuers published, kept as it came and given out again.

`archive` keeps, `catalog` knows what is kept, and as of when, `retention` lets go, `compact_sets`
makes files of our own, `serving` provides all of them under agreement. Not for judging a file
(`refresh`) nor for single certificates (`history`, `responder`). Nothing is exported here: what
keeps loads nothing that serves.
"""
