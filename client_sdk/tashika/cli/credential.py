"""How the command line says who asks: a token, or a client certificate."""

import argparse
import ssl
from pathlib import Path

from tashika.cli.files import UNREADABLE
from tashika.cli.output import Phrase, misuse
from tashika.credential import BearerToken
from tashika.errors import WrongUse

_NO_TOKEN = Phrase(
    "{path} holds no token; save the token alone in it",
    "{path} にトークンがありません。トークンだけを保存してください",
)
_TOGETHER = Phrase(
    "--client-cert and --client-key go together",
    "--client-cert と --client-key は両方を指定してください",
)
_UNUSABLE = Phrase("cannot use {path}: {why}", "{path} を使えません: {why}")
_NO_PAIR = Phrase(
    "cannot use {path}: give PEM, a certificate and its own key without a password",
    "{path} を使えません。証明書と、その鍵(パスワードなし)を PEM で指定してください",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for credentials."""
    tokens = parser.add_mutually_exclusive_group()
    tokens.add_argument("--token", help="a token; others on this machine can see it, see next")
    tokens.add_argument("--token-file", type=Path, metavar="FILE", help="a file with a token")
    parser.add_argument("--client-cert", type=Path, metavar="FILE", help="PEM, with its chain")
    parser.add_argument("--client-key", type=Path, metavar="FILE", help="PEM, without a password")
    parser.add_argument(
        "--tls-ca",
        type=Path,
        metavar="FILE",
        help="the CA of the responder's TLS certificate, PEM, where no public one vouches for it",
    )


def credential_of(args: argparse.Namespace) -> BearerToken | None:
    """Return the token that the options give; WrongUse if its file holds none."""
    if args.token_file is None:
        return None if args.token is None else BearerToken(args.token)
    try:
        return BearerToken(args.token_file.read_text(encoding="ascii").strip())
    except OSError as wrong:
        raise misuse(UNREADABLE, path=args.token_file, why=wrong.strerror) from wrong
    except (UnicodeDecodeError, WrongUse):
        raise misuse(_NO_TOKEN, path=args.token_file) from None


def says_who_asks(args: argparse.Namespace) -> bool:
    """Tell whether the options give a credential that a responder can see."""
    over_tls = any(url.lower().startswith("https:") for url in args.url)
    return bool(args.token or args.token_file or (args.client_cert and over_tls))


def tls_of(args: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS settings that the options give; WrongUse for files of no use."""
    if (args.client_cert is None) != (args.client_key is None):
        raise misuse(_TOGETHER)
    if args.client_cert is None and args.tls_ca is None:
        return None
    try:
        context = ssl.create_default_context(cafile=args.tls_ca)
        if args.client_cert:
            context.load_cert_chain(args.client_cert, args.client_key, password=_no_password)
    except OSError as wrong:
        files = ", ".join(
            str(each) for each in (args.client_cert, args.client_key, args.tls_ca) if each
        )
        # OpenSSL's own words name neither file nor remedy.
        phrase = _NO_PAIR if isinstance(wrong, ssl.SSLError) else _UNUSABLE
        raise misuse(phrase, path=files, why=wrong.strerror) from wrong
    return context


def _no_password() -> bytes:
    """Answer in the place of the person whom OpenSSL would ask at the terminal."""
    return b""
