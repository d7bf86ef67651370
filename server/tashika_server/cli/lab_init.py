"""`tashika-server lab init`: what kind of world is wanted, and what to type once it is there."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from shlex import join, quote
from typing import Any
from urllib.parse import urlsplit

from tashika_server.lab import SIMULATED, Access, Algorithm, Files, News, Order, Policies, World
from tashika_server.lab.layout import BANK, Layout

__all__ = ["add_options", "order_of", "positive", "welcome"]

PREFECTURES = 47
MAX_PORT = 65533
"""The two ports after it are used too."""
SUSPENDED = "broker"


def add_options(init: ArgumentParser) -> None:
    """Add what kind of world is wanted."""
    default = Order()
    number: dict[str, Any] = {"metavar": "N", "help": "default: %(default)s"}
    init.add_argument("--people", type=positive, default=default.people, **number)
    init.add_argument("--municipalities", type=positive, default=default.municipalities, **number)
    init.add_argument(
        "--prefectures",
        type=_prefectures,
        nargs="?",
        const=PREFECTURES,
        default=default.prefectures,
        metavar="N",
        help="the predecessor issuers of prefectures too, two generations each; all 47 without N",
    )
    init.add_argument("--seed", type=int, default=default.seed, **number)
    init.add_argument(
        "--port",
        type=_port,
        default=default.port,
        metavar="P",
        help="where the service will listen (default: %(default)s), with TLS on the next port and "
        "the management API on the one after; 0 for any free ports",
    )
    init.add_argument(
        "--open",
        dest="access",
        action="store_const",
        const=Access.OPEN,
        default=default.access,
        help="let anybody on this machine ask, without an agreement, and make no verifiers",
    )
    init.add_argument(
        "--feed",
        dest="news",
        action="store_const",
        const=News.FEED,
        default=default.news,
        help="let the issuers push what they revoke as well (`lab push`)",
    )
    init.add_argument(
        "--files",
        action="store_const",
        const=Files.KEPT,
        default=default.files,
        help="keep the CRLs as files, and what happened to each certificate; verifiers may have "
        "the files",
    )
    init.add_argument(
        "--book",
        type=_dsn,
        default=default.book,
        metavar="DSN",
        help="register the verifiers in this empty database (default: %(default)s in DIR)",
    )
    init.add_argument(
        "--algorithm",
        choices=[each.value for each in Algorithm],
        default=default.algorithm.value,
        help="keys of CAs and holders; p384 is hypothetical: no rule allows it yet",
    )
    init.add_argument(
        "--policies",
        choices=[each.value for each in Policies],
        default=default.policies.value,
        help="certificate policies; the real ones serve to test parsers",
    )


def order_of(options: Namespace) -> Order:
    """Return the order that the options make."""
    return Order(
        people=options.people,
        municipalities=options.municipalities,
        prefectures=options.prefectures,
        seed=options.seed,
        port=options.port,
        algorithm=Algorithm(options.algorithm),
        policies=Policies(options.policies),
        access=options.access,
        news=options.news,
        files=options.files,
        book=options.book,
    )


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if (number := int(text)) < 1:
        raise ArgumentTypeError("must be 1 or more")
    return number


def _prefectures(text: str) -> int:
    if not 1 <= (number := int(text)) <= PREFECTURES:
        raise ArgumentTypeError(f"must be between 1 and {PREFECTURES}")
    return number


def _port(text: str) -> int:
    if not 0 <= (number := int(text)) <= MAX_PORT:
        raise ArgumentTypeError(f"must be between 0 and {MAX_PORT}")
    return number


def _dsn(text: str) -> str:
    if urlsplit(text).password:
        raise ArgumentTypeError(
            "others on this machine see a password here; let the database know you without one"
        )
    return text


# --- What to type next --------------------------------------------------------------------------


def welcome(world: World, order: Order) -> None:
    """Tell what was made, who may ask, and the commands to begin with."""
    certificates, layout = world.certificates(), world.premises.layout
    card = certificates[-1]
    print(SIMULATED)
    print(
        f"{len(certificates)} certificates of {order.people} people, {order.algorithm.label}; "
        f"CRLs of {order.municipalities} municipalities"
    )
    if order.access is Access.CLOSED:
        _tell_who_may_ask(layout)
    _tell(
        "Start the service" + ("" if order.port else ", which tells its ports") + ":",
        ("tashika-server", "serve", layout.configuration),
    )
    certificate, issuer = layout.certificate(card), layout.issuer(card.issuer)
    if order.access is Access.CLOSED:
        _tell_how_to_ask(layout, order, certificate, issuer)
    else:
        named = "--cert", certificate, "--issuer", issuer, "--url", _url("http", order.port)
        _tell("Ask:", ("tashika", "check", *named))
    if order.files is Files.KEPT and order.access is Access.CLOSED:
        _tell_how_to_get_files(layout, order)
    _tell(
        "Report the card as lost, publish, and ask again:",
        ("tashika-server", "lab", "hold", layout.root, "--cert", certificate),
        ("tashika-server", "lab", "publish", layout.root),
    )


def _tell_who_may_ask(layout: Layout) -> None:
    # Only a world with a book has to load what the registry needs.
    from tashika_server.lab.cast import PARTS  # noqa: PLC0415

    print(f"\nWho may ask; what they show is in {layout.verifier('')}, with a README.txt:")
    for part in PARTS:
        print(f"  {part.file:12} {part.hears}")


def _tell_how_to_ask(layout: Layout, order: Order, certificate: Path, issuer: Path) -> None:
    url, tls_url = _url("http", order.port), _url("https", order.tls_port)
    bank, key, token = (layout.verifier(f"{BANK}.{kind}") for kind in ("pem", "key", "token"))
    check = "tashika", "check", "--cert", certificate, "--issuer", issuer, "--url"
    _tell("Ask as the bank, by its token:", (*check, url, "--token-file", token))
    shown = "--client-cert", bank, "--client-key", key, "--tls-ca", layout.server
    _tell("as the bank, by its client certificate:", (*check, tls_url, *shown))
    ocsp = "openssl", "ocsp", "-issuer", issuer, "-cert", certificate, "-no_nonce"
    shown = "--cert", bank, "--key", key, "--cacert", layout.server
    sent = "-H", "Content-Type: application/ocsp-request", "--data-binary", "@question.der"
    _tell(
        "as the bank, by that with OpenSSL and curl:",
        (*ocsp, "-reqout", "question.der"),
        ("curl", "-sS", *shown, *sent, "-o", "answer.der", tls_url),
        (*ocsp, "-respin", "answer.der", "-CAfile", issuer, "-partial_chain"),
    )
    _tell(
        "as the broker, and see why it is refused:",
        (*check, url, "--token-file", layout.verifier(f"{SUSPENDED}.token")),
        ("tashika-server", "explain", layout.configuration, "ID"),
    )


def _tell_how_to_get_files(layout: Layout, order: Order) -> None:
    token = layout.verifier(f"{BANK}.token")
    port = order.office_port or "PORT"
    print("\nGet all files of the moment with their signed manifest, as the bank:")
    print(
        f'  curl -sS -H "Authorization: Bearer $(cat {quote(str(token))})" -o files.tar '
        f"http://127.0.0.1:{port}/v1/files/bundle"
    )
    _tell("and see what is kept:", ("tashika-server", "files", "list", layout.configuration))


def _tell(what: str, *commands: tuple[object, ...]) -> None:
    print(f"\n{what}")
    for words in commands:
        print(f"  {join(map(str, words))}")


def _url(scheme: str, port: int) -> str:
    return f"{scheme}://127.0.0.1:{port or 'PORT'}/ocsp"
