"""From the issuers' CRLs to the index: fetch, check, compare, publish; on schedule or asked.

`refresh` is the page to read first. Not for answering anyone, and not for signing. Nothing is
exported here: whoever knocks at the door (`control`) need not load what fetches.
"""
