"""Looks a whole installation over and names what is wrong, with the remedy, a line each.

`examination` is the page to read first. It changes nothing, and needs no part of the service to
be alive: what hangs or is dead is what it is there to find (T12, T13, T15).
"""
