"""The root of the error tree and the five errors of the shared core.

The whole tree is drawn in :mod:`tashika.errors`.
"""


class TashikaError(Exception):
    """Everything that this project raises on purpose. One process may hand it to another."""

    def __reduce__(self) -> tuple[object, ...]:
        # Exception would call the class with its message, which is not what all of them take;
        # and what fails to be read back breaks the pool of processes that it comes from.
        return _remade, (type(self), self.args), self.__dict__


class PkiError(TashikaError):
    """Bytes or keys that cannot be used; never says which certificate."""


class Malformed(PkiError):
    """The bytes are not the DER they should be, or go beyond a limit."""


class Unsupported(PkiError):
    """Well formed, but with a version, algorithm or critical extension we do not understand."""


class BadSignature(PkiError):
    """The signature was not made with this key over these bytes."""


class BadProof(PkiError):
    """The Merkle proof does not show that the tree has this leaf at this place."""


def _remade(kind: type[TashikaError], args: tuple[object, ...]) -> TashikaError:
    return kind.__new__(kind, *args)
