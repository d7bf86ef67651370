"""What provisions cost, month by month, and the proof of it.

`month` closes and freezes, `statement` is what a verifier is given, `tariff` says what one
provision costs and `billable` which ones cost anything. Not for counting: `metering` does that.
"""
