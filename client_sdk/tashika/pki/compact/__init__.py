"""The compact revocation set as bytes: its head, its sections, and how both are made.

The format, octet by octet, is in `docs/compact-set.md`. Pure: files, trust and time are
:mod:`tashika.compact`.
"""
