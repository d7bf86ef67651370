"""Puts the parts of each process together: the only place that turns configuration into parts.

Not for running anything (`supervisor`, `cli`), nor for reading files of configuration. One
module for each kind of process, so that none waits for the libraries of another.
"""
