"""Standings over time: what was known of a certificate at any moment, and what was in force.

`history` is the page to read first. Not for the present (`index`), nor for files (`files`).
"""
