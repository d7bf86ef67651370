"""Metering: every answer is in a journal before it is released, and counted once from there.

A worker notes (`meter`) into a journal of its own (`journal`, `group`); the office reads it back
(`reading`). What was said is in `usage`, how it lies on disk in `record` and `segment`. Prices
are not known here.
"""
