"""The command line of the generator, and the order that it makes."""

import argparse
from pathlib import Path

from benchmarks.load.deck import Mix
from benchmarks.load.pace import Arrivals
from benchmarks.load.run import ClientTls, Order

__all__ = ["order_of", "parser"]


def parser() -> argparse.ArgumentParser:
    """Describe the options; defaults are those of `Mix` and `Order`."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description="Load on an OCSP service. Fails if any reply is not a right answer.",
    )
    made.add_argument("url", metavar="URL", help="where questions go, e.g. http://HOST:PORT/ocsp")
    known = made.add_mutually_exclusive_group(required=True)
    known.add_argument("--lab", type=Path, metavar="DIR", help="ask about the people of this lab")
    known.add_argument(
        "--population", type=Path, metavar="FILE", help="which certificates there are, in JSON"
    )
    _add_mix(made.add_argument_group("what is asked"))
    _add_who(made.add_argument_group("who asks"))
    _add_pace(made.add_argument_group("how fast"))
    _add_results(made.add_argument_group("results"))
    return made


def _add_mix(group: "argparse._ArgumentGroup") -> None:
    default = Mix()
    for name, what in (
        ("get", "GET; the others are POST"),
        ("nonce", "questions with a nonce"),
        ("revoked", "revoked certificates"),
        ("unknown", "certificates that were never issued"),
    ):
        value = getattr(default, name)
        text = f"share of {what} (default: {value})"
        group.add_argument(f"--{name}", type=_share, default=value, metavar="0..1", help=text)
    _number(group, "--cert-ids", default.cert_ids, "certificates in each question")
    _number(group, "--distinct", default.distinct, "questions made, which are asked in turn")
    group.add_argument("--hash", choices=["sha1", "sha256"], default=default.hash_name)


def _add_who(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--token-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a verifier's bearer token; several verifiers share the connections",
    )
    group.add_argument("--tls-ca", type=Path, metavar="PEM", help="whom to believe over https")
    group.add_argument("--client-cert", type=Path, metavar="PEM")
    group.add_argument("--client-key", type=Path, metavar="PEM")


def _add_pace(group: "argparse._ArgumentGroup") -> None:
    _number(group, "--connections", 128, "kept alive")
    _number(group, "--pipeline", 1, "questions under way on each")
    group.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help="questions a second, at moments that do not wait for answers; latency runs from "
        "these moments. Default: a new question for every answer",
    )
    group.add_argument("--arrivals", type=Arrivals, choices=list(Arrivals), default="poisson")
    group.add_argument("--seconds", type=float, default=10.0, metavar="N", help="default: 10")
    group.add_argument("--warm-up", type=float, default=2.0, metavar="N", help="default: 2 seconds")
    group.add_argument("--seed", type=int, default=1, metavar="N")


def _add_results(group: "argparse._ArgumentGroup") -> None:
    _number(group, "--sample", 100, "one in so many answers is verified in full")
    group.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    group.add_argument(
        "--plots", type=Path, metavar="DIR", help="draw latency and course as SVG (matplotlib)"
    )


def order_of(options: argparse.Namespace) -> Order:
    """Return the order that the options make."""
    tls = None
    if options.tls_ca:
        tls = ClientTls(ca=options.tls_ca, certificate=options.client_cert, key=options.client_key)
    return Order(
        url=options.url,
        mix=Mix(
            get=options.get,
            nonce=options.nonce,
            revoked=options.revoked,
            unknown=options.unknown,
            cert_ids=options.cert_ids,
            hash_name=options.hash,
            distinct=options.distinct,
        ),
        tokens=[each.read_text().strip() for each in options.token_file],
        tls=tls,
        connections=options.connections,
        pipeline=options.pipeline,
        rate=options.rate,
        arrivals=Arrivals(options.arrivals),
        seconds=options.seconds,
        warm_up=options.warm_up,
        seed=options.seed,
        sample=options.sample,
    )


def _number(group: "argparse._ArgumentGroup", name: str, default: int, what: str) -> None:
    text = f"{what} (default: {default:,})"
    group.add_argument(name, type=int, default=default, metavar="N", help=text)


def _share(text: str) -> float:
    if not 0 <= (share := float(text)) <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return share
