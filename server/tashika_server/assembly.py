"""Puts the parts of each process together: the only place that turns configuration into parts.

Not for running anything (`supervisor`, `cli`), nor for reading files of configuration.
"""

from datetime import datetime
from pathlib import Path
from random import Random

from tashika_server.clock import Clock
from tashika_server.config import Access, Complaints, Config
from tashika_server.index import IndexReader
from tashika_server.refresh import FetchLimits, RefreshParts, read_register
from tashika_server.responder import Desk, Directory, Inspection, Patience, WorkerParts
from tashika_server.signing import Rack, Shelf, SignerFiles, load_signer

__all__ = ["check_start", "lab_directory", "refresh_parts", "worker_parts"]


def check_start(config: Config, *, at: datetime) -> None:
    """Make the checks of a start that are not the file's own; ConfigError names every problem.

    Signers are loaded as the workers will load them (T20, T24).
    """
    complaints = Complaints(config.file)
    if config.settings.access is Access.CLOSED:
        complaints.add(
            "access",
            "nobody could ask, since this version knows no agreements",
            'write access = "open": any caller on this machine is answered then',
        )
    for rack in _racks(config):
        key, issuer = f"issuer[{rack.issuer.name}]", rack.issuer
        for files in rack.files:
            complaints.attempt(f"{key}.signers", load_signer, files, issuer.certificate, at=at)
        if issuer.register:
            complaints.attempt(f"{key}.register", read_register, issuer.register, None)
    complaints.settle()


def worker_parts(config: Config, *, clock: Clock) -> WorkerParts:
    """Put an answer worker together; a signer that has become unfit is left out."""
    responder = config.settings.responder
    return WorkerParts(
        desk=Desk(
            directory=Directory(config.issuers),
            index=IndexReader.open(config.settings.index.path),
            shelf=Shelf(_racks(config), at=clock.now()),
            inspection=Inspection(),
            max_cert_ids=responder.max_cert_ids,
        ),
        clock=clock,
        cache_for=responder.cache_for,
        patience=Patience(),
    )


def _racks(config: Config) -> list[Rack]:
    return [
        Rack(
            issuer=issuer,
            files=tuple(
                SignerFiles(certificate=each.certificate, key=each.key) for each in own.signers
            ),
        )
        for issuer, own in zip(config.issuers, config.settings.issuer, strict=True)
    ]


def refresh_parts(config: Config, *, lab_base: str | None, clock: Clock) -> RefreshParts:
    """Put the refresher together; `lab_base` is where the simulated issuer listens."""
    settings = config.settings
    return RefreshParts(
        issuers=config.issuers,
        index=settings.index.path,
        index_size=settings.index.size,
        run=settings.run,
        every=settings.refresh.every,
        lab_base=lab_base,
        clock=clock,
        random=Random(),  # noqa: S311 (spreads turns in time, guards nothing)
        limits=FetchLimits(max_bytes=settings.refresh.max_size, total=settings.refresh.timeout),
    )


def lab_directory(config: Config) -> Path:
    """Return where the simulated world lies, of a configuration that has one."""
    if config.settings.lab is None:
        raise ValueError("the configuration has no [lab]")
    return config.settings.lab.directory
