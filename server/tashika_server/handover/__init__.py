"""Succession: one issuer's records pass from one operator to the next, with proof of integrity.

The predecessor law wants it of a designated body that stops (S002, arts. 49 to 52). `passing` is
the page to read first, `package` is the form, `portable` what each store hands over.
"""
