"""The configuration: every key documented, every mistake named with file, key and remedy."""

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from support.odd_files import STRANGE, UNREADABLE, spell, strange
from tashika_server.agreements import terms
from tashika_server.config import (
    Address,
    BadValue,
    ConfigError,
    Environment,
    Settings,
    load_config,
)
from tashika_server.config.reading import read_settings
from tashika_server.config.units import parse_duration, parse_size, write_duration, write_size
from tashika_server.issuer import FRESHEST, Covers

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "tashika.example.toml"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

SOUND = """
access = "open"
[[issuer]]
name = "root-a"
certificate = "ca.pem"
crl = "http://127.0.0.1/a.crl"
signers = [{ certificate = "signer.pem", key = "signer.key" }]
"""

TLS = '[tls]\nlisten = "{}"\ncertificate = "server.pem"\nkey = "server.key"'


def write_ca(file: Path, *, key: Any = None, ca: bool = True) -> Any:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root A")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, BEGIN, BEGIN + timedelta(9999))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return key


@pytest.fixture
def check(tmp_path: Path) -> Callable[[str], list[str]]:
    """Write a configuration among good files; return the problems found, without the file."""
    write_ca(tmp_path / "ca.pem")
    (tmp_path / "signer.pem").touch()
    (tmp_path / "signer.key").touch()
    file = tmp_path / "tashika.toml"

    def check(text: str) -> list[str]:
        file.write_text(text)
        try:
            load_config(file)
        except ConfigError as wrong:
            return [line.removeprefix(f"{file}: ") for line in str(wrong).splitlines()]
        return []

    return check


def test_a_sound_configuration_is_taken(check, tmp_path) -> None:
    assert check(SOUND) == []
    config = load_config(tmp_path / "tashika.toml")
    assert config.issuers[0].partitions[0].name == ""
    assert config.settings.index.path == tmp_path / "index"
    assert config.settings.issuer[0].signers[0].key == tmp_path / "signer.key"


def test_the_text_that_was_accepted_stands_for_a_file_changed_since(check, tmp_path) -> None:
    check("access = 3")
    config = load_config(tmp_path / "tashika.toml", text=SOUND)
    assert config.text == SOUND


# --- The example ------------------------------------------------------------------------------


def with_optional_keys(text: str) -> str:
    return re.sub(r"(?m)^#(?=\w+ = )", "", text)


def walk(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, tuple):
        return walk(value[0], key) if value else {}
    if not dataclasses.is_dataclass(value) or isinstance(value, Address):
        return {}
    found = {f"{key}{each.name}": each for each in dataclasses.fields(value)}
    for each in dataclasses.fields(value):
        found |= walk(getattr(value, each.name), f"{key}{each.name}.")
    return found


def test_the_example_has_every_key_and_a_comment_above_each() -> None:
    text = EXAMPLE.read_text()
    shown = re.findall(r"(?m)^#?(\w+) = ", text)
    settings = read_settings(EXAMPLE, with_optional_keys(text))
    tables = {
        *("log", "responder", "index", "refresh", "book", "registry", "office"),
        *("metering", "ledger", "files"),
        *("lab", "issuer", "bounds"),
    }
    keys = [key.rpartition(".")[2] for key in walk(settings)]
    in_braces = ["certificate", "key", "certificate", "key", "client_ca", "url", "key"]
    in_braces += ["serial", "standing"]
    as_table = ["tls"]  # while [office] has its own in braces
    assert sorted(shown + in_braces + as_table) == sorted(k for k in keys if k not in tables)
    for table in tables:
        assert re.search(rf"(?m)^\[.*\b{table}\]+$", text)
    for match in re.finditer(r"(?m)^#?\w+ = ", text):
        above = text[: match.start()].splitlines()[-1]
        assert above.startswith("# ") or re.match(r"max_\w+ = ", above), match.group()


def test_the_values_of_the_example_are_the_defaults() -> None:
    settings = read_settings(EXAMPLE, EXAMPLE.read_text())
    bare = read_settings(
        EXAMPLE,
        'access = "closed"\n[lab]\n[files]\n[tls]\nlisten = "127.0.0.1:8443"\n'
        'certificate = "tls/server.pem"\nkey = "tls/server.key"\n'
        '[[issuer]]\nname = "signature-g3"\n'
        'certificate = "issuers/signature-g3.pem"\npartitions = "issuers/signature-g3.csv"\n'
        'signers = [{ certificate = "signers/signature-g3.pem",'
        ' key = "signers/signature-g3.key" }]',
    )
    assert settings == bare
    assert Settings().access == settings.access


def test_environments_have_the_names_that_the_registry_gives_them() -> None:
    assert [str(each) for each in Environment] == [str(each) for each in terms.Environment]


# --- Shapes ------------------------------------------------------------------------------------


def test_unknown_keys_are_errors_that_suggest_the_nearest(check) -> None:
    assert check(SOUND.replace("access", "acess")) == [
        'acess: is not a known key; did you mean "access"?'
    ]
    assert check(SOUND.replace("certificate = ", "certifcate = ", 1)) == [
        'issuer[root-a].certifcate: is not a known key; did you mean "certificate"?',
        "issuer[root-a].certificate: is missing; add it",
    ]
    assert check(SOUND + "[responder]\nxyzzy = 1") == [
        (
            "responder.xyzzy: is not a known key; known here: cache_for, certificate_header, "
            "hung_after, listen, max_cert_ids, proxies, replays, workers"
        )
    ]


def test_all_problems_are_reported_at_once(check) -> None:
    assert check(
        SOUND.replace('"open"', "1").replace("http://127.0.0.1/a.crl", "\\u0000")
        + '[responder]\nworkers = true\nlisten = "localhost:80"\ncache_for = 5\n'
        '[index]\nsize = "1Gib"\n[log]\nformat = "jsno"\n[lab]\ndirectory = []\n'
    ) == [
        "access: 1 is not known; known here: closed, open",
        """log.format: 'jsno' is not known; did you mean "json"?""",
        (
            'responder.listen: "localhost:80" is not an address;'
            ' write "127.0.0.1:8080" or "[::1]:8080"'
        ),
        "responder.workers: True is not a whole number; write digits without quotes",
        'responder.cache_for: 5 is not a text; write a printable "text" in quotes',
        'index.size: "1Gib" is not a size; write "64KiB", "512MiB" or "1GiB"',
        'lab.directory: [] is not a text; write a printable "text" in quotes',
        "issuer[root-a].crl: '\\x00' is not a text; write a printable \"text\" in quotes",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; start from config/tashika.example.toml"),
        ("# nothing\n", "is empty; start from config/tashika.example.toml"),
        ("access = ", "is not TOML: Invalid value (at end of document); correct that place"),
        ('access = "open"', "issuer: there is none; add an [[issuer]] table for each CA key"),
    ],
)
def test_t40_an_empty_or_broken_file_is_refused(check, text: str, problem: str) -> None:
    assert check(text) == [problem]


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "bytes")


@given(text=st.text(max_size=60) | st.sampled_from(["issuer=[[[", "[" * 5000, 'run="\\u0000"']))
def test_no_text_brings_anything_but_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        load_config(Path("/nonexistent/tashika.toml"), text=text)


# --- Rules -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('[responder]\nlisten = "0.0.0.0:80"', "responder.listen: 0.0.0.0:80 can be reached"),
        ("[responder]\nworkers = 257", "responder.workers: 257 is out of range"),
        ('[responder]\nhung_after = "1s"', "responder.hung_after: 1s is out of range"),
        ('[refresh]\nhung_after = "2h"', "refresh.hung_after: 2h is out of range"),
        ('[office]\nhung_after = "1s"', "office.hung_after: 1s is out of range"),
        ("[responder]\nmax_cert_ids = 1001", "responder.max_cert_ids: 1001 is out of range"),
        (
            '[responder]\ncache_for = "2d"',
            "responder.cache_for: 2d is out of range; write 0s to 1d",
        ),
        ('[refresh]\nevery = "500ms"', "refresh.every: 500ms is out of range"),
        ('[refresh]\nevery = "7d"', "refresh.every: 7d is out of range"),
        ('[index]\nsize = "4KiB"', "index.size: 4KiB is out of range"),
        ('[registry]\nmax_age = "30s"', "registry.max_age: 30s is out of range; write 1m to 7d"),
        ('[office]\nsession = "2d"', "office.session: 2d is out of range"),
        ('[ledger]\ntax = "added"', 'ledger.tax_percent: 0 does not go with tax = "added"'),
        ("[ledger]\ntax_percent = 10", "ledger.tax_percent: 10 does not go with tax"),
        ('[office]\nlisten = "0.0.0.0:8081"', "office.listen: 0.0.0.0:8081 can be reached"),
        ('[office]\nlisten = "127.0.0.1:8080"', "office.listen: 127.0.0.1:8080 is the responder's"),
        ('[book]\ndsn = "postgresql://u:p@h/d"', "book.dsn: holds a password; write it to a file"),
        ('[book]\ndsn = "postgresql:///d?password=p"', "book.dsn: holds a password"),
        ('[responder]\nreplays = "1s"', "responder.replays: 1s is out of range"),
        ('[responder]\nproxies = ["a"]', 'responder.proxies: "a" is neither address nor network'),
        ('[responder]\nproxies = ["::/0"]', 'responder.proxies: "::/0" is everybody'),
        ('[responder]\ncertificate_header = "X Y"', "responder.certificate_header: "),
        (TLS.format("0.0.0.0:8443"), "tls.listen: 0.0.0.0:8443 can be reached by others"),
        (TLS.format("127.0.0.1:8080"), "tls.listen: 127.0.0.1:8080 is the responder's"),
        ('[lab]\nlisten = "[::]:80"', "lab.listen: simulated issuers are for this machine"),
        ('[lab]\nlisten = "127.0.0.1:8080"', "lab.listen: 127.0.0.1:8080 is the responder's"),
    ],
)
def test_values_that_make_no_sense_are_refused(check, change: str, problem: str) -> None:
    (found,) = check(SOUND + change)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("root-a", "Root A", "issuer[Root A].name: is not a plain name"),
        ('crl = "http', 'crl = "ftp', 'issuer[root-a].partitions: "ftp://127.0.0.1/a.crl" is not'),
        ("http://127.0.0.1", "lab:", "issuer[root-a].partitions: has lab: URLs; add"),
        ("crl = ", 'partitions = "a.csv"\ncrl = ', "issuer[root-a].partitions: the issuer wants"),
        ("crl = ", "# crl = ", "issuer[root-a].partitions: the issuer wants exactly one"),
        ("crl = ", 'archive_cutoff = "0d"\ncrl = ', "issuer[root-a].archive_cutoff: is nothing"),
        ("crl = ", "bounds = { max_shrink = 2 }\ncrl = ", "issuer[root-a].bounds: are not"),
        pytest.param(
            "crl = ",
            'bounds = { max_validity = "367d" }\ncrl = ',
            "issuer[root-a].bounds.max_validity: 367d is out of range",
            id="t11",
        ),
    ],
)
def test_an_issuer_that_makes_no_sense_is_refused(check, old: str, new: str, problem: str) -> None:
    (found,) = check(SOUND.replace(old, new))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("url", "key", "problem"),
    [
        ("https://push.example/a", "feed.pem", None),
        ("https://push.example/a", "ca.pem", "is no public key of a feed; export a P-256"),
        ("https://push.example/a", "gone.pem", "is not there; name an existing file"),
        ("https://push.example/a", "rsa.pem", "is no public key of a feed; export a P-256"),
        ("ftp://push.example/a", "feed.pem", '"ftp://push.example/a" is not a URL'),
        ("file:///a", "feed.pem", "a feed cannot be a file; begin it with http:"),
        ("lab:/feed/a", "feed.pem", "has a lab: URL; add the table [lab]"),
    ],
)
def test_a_feed_has_an_address_and_a_key(check, tmp_path, url: str, key: str, problem) -> None:
    for name, made in (
        ("feed.pem", ec.generate_private_key(ec.SECP256R1())),
        ("rsa.pem", rsa.generate_private_key(65537, 1024)),  # noqa: S505 refused as it should be
    ):
        form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        (tmp_path / name).write_bytes(made.public_key().public_bytes(*form))
    feed = f'feed = {{ url = "{url}", key = "{key}" }}\ncrl = '
    found = check(SOUND.replace("crl = ", feed))
    if problem is None:
        assert found == []
        (issuer,) = load_config(tmp_path / "tashika.toml").issuers
        assert issuer.feed.url == url
    else:
        (text,) = found
        assert text.startswith("issuer[root-a].feed: ")
        assert problem in text


@pytest.mark.parametrize(
    ("gone", "key"),
    [("signer.pem", "signers"), ("signer.key", "signers")],
)
def test_t24_a_missing_file_stops_the_start(check, tmp_path, gone: str, key: str) -> None:
    (tmp_path / gone).unlink()
    remedy = "is not there; name an existing file"
    assert check(SOUND) == [f"issuer[root-a].{key}: {tmp_path / gone} {remedy}"]


@pytest.mark.parametrize("content", [*UNREADABLE, *STRANGE, "gone", "no CA", "weak"])
def test_t24_t27_a_certificate_of_no_use_stops_the_start(check, tmp_path, content: str) -> None:
    file = tmp_path / "ca.pem"
    key = write_ca(file, ca=content != "no CA")
    if content in UNREADABLE:
        spell(file, UNREADABLE[content])
    elif content in STRANGE:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        spell(file, strange(content, certificate, key))
    elif content == "gone":
        file.unlink()
    elif content == "weak":
        write_ca(file, key=ec.generate_private_key(ec.SECP192R1()))
    (problem,) = check(SOUND)
    assert re.fullmatch(rf"issuer\[root-a\]\.certificate: {file} .+; .+", problem)


def test_issuers_may_share_a_name_but_not_a_key(check, tmp_path) -> None:
    issuer = SOUND.partition("[[issuer]]")[2]
    other = "[[issuer]]" + issuer.replace("root-a", "root-b").replace("ca.pem", "cb.pem")
    write_ca(tmp_path / "cb.pem")
    assert check(SOUND + other) == []
    write_ca(tmp_path / "cb.pem", key=write_ca(tmp_path / "ca.pem"))
    assert check(SOUND + other) == ["issuer[root-b].certificate: has the key of root-a; remove one"]
    assert check(SOUND + "[[issuer]]" + issuer)[0].startswith("issuer[root-a].name: is used twice")


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ("url,name\nlab:/a.crl,C=JP\n", "has lab: URLs"),
        ("", "begin it with the line url,name"),
        ("name,url\n", "begin it with the line url,name"),
        ("url,name\n", "lists no CRL"),
        ("url,name\nhttp://a/,C=JP, O=X\n", "line 2 does not fit the header"),
        ("url,name\nhttp://a/,C=JP\nhttp://b/,c=jp\n", "line 3 repeats a name"),
        ("url,name\nhttp://a/ b/,C=JP\n", "is not a URL"),
        ("url,name,delta\nhttp://a/,C=JP\n", "line 2 does not fit the header"),
        ("url,name,delta\nhttp://a/,C=JP,x\n", "is not a URL"),
        ("url,name\nhttp://[a/,C=JP\n", "is not a URL"),
        ('url,name\nhttp://a/,"C=JP\n', "unexpected end of data"),
    ],
)
def test_a_list_of_crls_is_read_strictly(check, tmp_path, listed: str, problem: str) -> None:
    (tmp_path / "a.csv").write_text(listed)
    (found,) = check(SOUND.replace('crl = "http://127.0.0.1/a.crl"', 'partitions = "a.csv"'))
    assert problem in found


def test_one_crl_may_be_at_several_places_and_have_deltas(tmp_path: Path) -> None:
    write_ca(tmp_path / "ca.pem")
    for name in ("signer.pem", "signer.key"):
        (tmp_path / name).touch()
    text = SOUND.replace(
        'crl = "http://127.0.0.1/a.crl"',
        'crl = ["https://a/x.crl", "https://b/x.crl"]\ndelta_crl = "freshest-crl"\n'
        'crl_covers = "user-certificates"\ncrl_issuer = "ca.pem"',
    )
    (tmp_path / "tashika.toml").write_text(text)
    (partition,) = load_config(tmp_path / "tashika.toml").issuers[0].partitions
    assert (partition.url, partition.mirrors) == ("https://a/x.crl", ("https://b/x.crl",))
    assert partition.delta == FRESHEST
    assert partition.covers is Covers.USER_CERTIFICATES
    assert partition.crl_issuer
    listed = "url,name,delta\nhttp://a/1 http://b/1,C=JP,http://a/1d\nhttp://a/2,C=US,\n"
    (tmp_path / "a.csv").write_text(listed)
    text = SOUND.replace('crl = "http://127.0.0.1/a.crl"', 'partitions = "a.csv"')
    (tmp_path / "tashika.toml").write_text(text)
    first, second = load_config(tmp_path / "tashika.toml").issuers[0].partitions
    assert (first.mirrors, first.delta) == (("http://b/1",), "http://a/1d")
    assert (second.mirrors, second.delta) == ((), None)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("crl = []", "give one URL or more"),
        ('crl = ["http://a", "a.crl"]', "is not a URL"),
        ('crl = "http://a"\ndelta_crl = "newest"', "is not a URL"),
        ('crl = "http://a"\ncrl_covers = "some"', "is not known"),
        ('crl = "http://a"\ncrl_issuer = "signer.pem"', "signer.pem"),
        ('crl = ["http://a", "lab:/a"]', "add the table [lab]"),
        ('crl = "http://a"\ndelta_crl = "lab:/a"', "add the table [lab]"),
    ],
)
def test_where_a_crl_is_is_read_strictly(check, said: str, problem: str) -> None:
    (found,) = check(SOUND.replace('crl = "http://127.0.0.1/a.crl"', said))
    assert problem in found


# --- Units -------------------------------------------------------------------------------------


@given(st.integers(min_value=1, max_value=10**8).map(lambda n: timedelta(milliseconds=n)))
def test_durations_come_back(value: timedelta) -> None:
    assert parse_duration(write_duration(value)) == value


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_sizes_come_back(value: int) -> None:
    assert parse_size(write_size(value)) == value


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:8080", "0.0.0.0:65535"])
def test_addresses_come_back(text: str) -> None:
    assert str(Address.parse(text)) == text


BAD_ADDRESSES = """
localhost:80 127.0.0.1 127.0.0.1: :80 ::1:80 [127.0.0.1]:80 127.0.0.1:-1 127.0.0.1:65536
[::1]80 127.0.0.1:\u0663
"""


@pytest.mark.parametrize("text", BAD_ADDRESSES.split())
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        Address.parse(text)


@given(st.text())
def test_no_quantity_brings_anything_but_a_bad_value(text: str) -> None:
    for parse in (parse_duration, parse_size, Address.parse):
        try:
            parse(text)
        except BadValue:
            continue
