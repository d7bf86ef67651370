"""Standings over time: what was known of a certificate at any moment, and what was in force.

`telling` writes it, `look_back` reads it, `purging` lets go, `portable` and `taking` pass it on.
Not for the present (`index`), nor for files (`files`).
"""
