"""The pure core shared by the SDK and the server: bytes in, values out.

Codecs for OCSP (RFC 6960), CRLs and certificates (RFC 5280), the algorithms
they name, and the facts of the JPKI profile. No module here does input or output, reads a
clock or keeps state; none decides whether anybody may be trusted.
"""
