"""The doctor notices what the incidents were about, and says so in one line with the remedy."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from support.asking import AT, GOOD, REVOKED, live, open_counter
from support.lab import NOON
from tashika.pki.standing import Good, Revoked
from tashika_server.cli import main
from tashika_server.doctor.asking import AtDesk, AtResponder, Unanswered, is_alive
from tashika_server.doctor.case import Case
from tashika_server.doctor.examination import examine, worst
from tashika_server.doctor.finding import Finding, Gravity, Symptom
from tashika_server.doctor.issuers import examine_issuer
from tashika_server.doctor.machine import DiskRoom
from tashika_server.doctor.wording import WORDS, Language, worded
from tashika_server.index import Changes, Entry, FeedMark, Pushed
from tashika_server.issuer import Numbering
from tashika_server.office.gauges import DOCTOR_FILE

from .conftest import Ward, ills

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ISSUER = "signature-g3"


def test_t12_every_issuer_is_walked(ward: Ward):
    found = ward.examine()
    assert ills(found) == []
    assert worst(found) is Gravity.WELL
    walked = {one.subject for one in found if one.symptom is Symptom.ISSUER_WELL}
    assert walked == {issuer.name for issuer in ward.config.issuers}


def test_t12_an_issuer_that_the_index_does_not_have_is_named(ward: Ward):
    shutil.rmtree(ward.root / "index")
    with ward.writer() as writer:
        first = ward.config.issuers[0]
        writer.expect(first.identity.fingerprint, [one.name for one in first.partitions])
    found = ills(ward.examine())
    for issuer in ward.config.issuers:
        assert (issuer.name, Symptom.CRL_MISSING) in found
        assert (issuer.name, Symptom.REGISTER_MISSING) in found
        assert (issuer.name, Symptom.PROBE_UNANSWERED) in found


def test_t15_missing_is_not_empty(ward: Ward):
    issuer = ward.config.issuers[0]
    table = ward.root / "issuers" / f"{issuer.name}.csv"
    table.write_text(table.read_text() + "lab:/crl/none.crl,CN=Nowhere\n")
    with ward.writer() as writer:
        names = [*(one.name for one in issuer.partitions), "CN=Nowhere"]
        writer.expect(issuer.identity.fingerprint, names)
    (missing,) = [one for one in ward.examine() if one.symptom is Symptom.CRL_MISSING]
    assert (missing.subject, missing.gravity) == (issuer.name, Gravity.FAILURE)
    assert (missing.facts["missing"], missing.facts["crls"]) == (1, 3)
    assert missing.facts["first"] == "CN=Nowhere"  # and not the others, which list nobody


@pytest.mark.parametrize(
    ("age", "symptom", "gravity"),
    [
        (DAY - HOUR, None, Gravity.WELL),
        (DAY, Symptom.CRL_AGEING, Gravity.WARNING),
        (2 * DAY - HOUR, Symptom.CRL_AGEING, Gravity.WARNING),
        (2 * DAY, Symptom.CRL_EXPIRED, Gravity.FAILURE),
    ],
)
def test_t3_half_of_the_freshness_budget(ward: Ward, age, symptom, gravity):
    found = ward.examine(at=NOON + age)
    assert worst(found) is gravity
    late = {one.subject for one in found if one.symptom is symptom}
    assert late == ({issuer.name for issuer in ward.config.issuers} if symptom else set())


def test_t20_a_signer_that_is_a_ca_is_unfit(ward: Ward):
    for name in (ISSUER, f"{ISSUER}-p256"):
        shutil.copy(ward.root / "issuers" / f"{ISSUER}.pem", ward.root / f"signers/{name}.pem")
        shutil.copy(ward.root / f"signers/{name}.pem", ward.root / f"signers/{name}.pem.old")
    shutil.copy(ward.root / "issuers/signature-g2.pem", ward.root / f"signers/{ISSUER}.pem")
    found = ills(ward.examine())
    assert found.count((ISSUER, Symptom.SIGNER_UNFIT)) == 2
    assert (ISSUER, Symptom.NO_SIGNER) in found
    assert (ISSUER, Symptom.PROBE_UNANSWERED) in found
    assert {subject for subject, _ in found} == {ISSUER}


def test_t17_a_signer_that_ends_soon(ward: Ward):
    found = ward.examine(at=NOON + 24 * DAY)
    ending = [one for one in found if one.symptom is Symptom.SIGNER_ENDS]
    assert {one.facts["days"] for one in ending} == {5}
    assert {one.gravity for one in ending} == {Gravity.WARNING}


@pytest.mark.parametrize(
    ("more", "entries", "wrong"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (-1, 5, 0)]
)
def test_t10_what_the_issuer_says_it_published(ward: Ward, more, entries, wrong):
    first, *rest = published(ward)
    publish(ward, (first[0] + more, first[1] + entries, first[2]), *rest)
    assert ills(ward.examine()) == wrong * [(ISSUER, Symptom.BEHIND_ISSUER)]


def test_t15_a_partition_of_the_issuer_that_was_never_configured(ward: Ward):
    """What is revoked there would be called good, and everything that is configured is fresh."""
    publish(ward, *published(ward), (1, 0, "CN=New ward"))
    (found,) = [one for one in ward.examine() if one.gravity is not Gravity.WELL]
    assert (found.symptom, found.gravity) == (Symptom.CRL_UNKNOWN, Gravity.FAILURE)
    assert (found.facts["more"], found.facts["first"]) == (1, "CN=New ward")


def test_t15_a_partition_that_the_issuer_has_on_its_list_no_longer(ward: Ward):
    (_, _, gone), *rest = published(ward)
    publish(ward, *rest)
    (found,) = [one for one in ward.examine() if one.gravity is not Gravity.WELL]
    assert (found.symptom, found.gravity) == (Symptom.CRL_UNPUBLISHED, Gravity.WARNING)
    assert (found.facts["gone"], found.facts["first"]) == (1, gone)


def published(ward: Ward) -> list[tuple[int, int, str]]:
    issuer = next(one for one in ward.config.issuers if one.name == ISSUER)
    with ward.writer() as writer, writer.reader.snapshot() as view:
        marks = view.marks(issuer.identity.fingerprint)
    return [(mark.number, mark.entries, name) for name, mark in marks.items()]


def publish(ward: Ward, *rows: tuple[int, int, str]) -> None:
    lines = [f'{number},{entries},"{name}"' for number, entries, name in rows]
    (ward.root / "said.csv").write_text("\n".join(["number,entries,name", *lines, ""]))
    ward.change(f'name = "{ISSUER}"\n', f'name = "{ISSUER}"\npublished = "said.csv"\n')


@pytest.mark.parametrize("text", [None, "", "name\n", "number,entries,name\n1,x,y\n", "\xff"])
def test_an_issuers_list_that_cannot_be_read(ward: Ward, text):
    if text is not None:
        (ward.root / "said.csv").write_text(text, encoding="latin-1")
    ward.change(f'name = "{ISSUER}"\n', f'name = "{ISSUER}"\npublished = "said.csv"\n')
    assert ills(ward.examine()) == [(ISSUER, Symptom.ISSUER_LIST_UNREADABLE)]


def test_t10_a_hole_in_numbers_that_are_promised(ward: Ward):
    with ward.patient() as patient:
        rack = next(each for each in patient.racks if each.issuer.name == ISSUER)
    place = ISSUER, rack.issuer.partitions[0].name

    def holes(numbering: Numbering) -> list[Finding]:
        promised = replace(rack, issuer=replace(rack.issuer, numbering=numbering))
        case = Case(
            rack=promised,
            view=None,
            oracle=patient.oracle,
            numbers={place: [3, 4, 7, 8, 10]},
            compromised=None,
            at=NOON,
        )
        return [one for one in examine_issuer(case) if one.symptom is Symptom.NUMBER_HOLE]

    found = [(one.facts["before"], one.facts["after"]) for one in holes(Numbering.CONSECUTIVE)]
    assert found == [(4, 7), (8, 10)]
    assert holes(Numbering.ASCENDING) == []


def test_t15_a_partition_that_the_index_was_never_told_of(ward: Ward):
    """Added to the list, and the service was not reloaded since, or cannot be."""
    issuer = ward.config.issuers[0]
    table = ward.root / "issuers" / f"{issuer.name}.csv"
    table.write_text(table.read_text() + "lab:/crl/none.crl,CN=Nowhere\n")
    assert ills(ward.examine()) == [(issuer.name, Symptom.CRL_MISSING)]


@pytest.mark.parametrize("text", ["1-2\n", "1-2\n9-3\n"])
def test_t10_a_register_that_is_refused_is_named(ward: Ward, text):
    """What was issued since is called never issued, and revoked (T19)."""
    (ward.root / "register" / f"{ISSUER}.txt").write_text(text)
    (found,) = [one for one in ward.examine() if one.gravity is not Gravity.WELL]
    assert (found.symptom, found.gravity) == (Symptom.REGISTER_REFUSED, Gravity.FAILURE)


def test_t19_a_register_that_has_grown_is_no_trouble(ward: Ward):
    with (ward.root / "register" / f"{ISSUER}.txt").open("a") as file:
        file.write(f"{2**70}\n")
    assert ills(ward.examine()) == []


def test_an_index_that_has_lost_entries(ward: Ward):
    issuer = ward.config.issuers[0]
    fingerprint, name = issuer.identity.fingerprint, issuer.partitions[0].name
    with ward.writer() as writer:
        with writer.reader.snapshot() as view:
            mark = view.mark(fingerprint, name)
        assert mark
        writer.publish(fingerprint, name, Changes(), replace(mark, number=99, entries=7))
    (found,) = [one for one in ward.examine() if one.gravity is not Gravity.WELL]
    assert (found.symptom, found.facts["ours"], found.facts["theirs"]) == (
        Symptom.COUNT_DIFFERS,
        0,
        7,
    )


def test_what_a_push_feed_has_said_since_the_crl_is_no_loss(ward: Ward):
    issuer = ward.config.issuers[0]
    fingerprint, name = issuer.identity.fingerprint, issuer.partitions[0].name
    with ward.writer() as writer:
        with writer.reader.snapshot() as view:
            mark = view.mark(fingerprint, name)
        assert mark
        news = Pushed(
            partition=name,
            number=mark.number,
            this_update=mark.this_update,
            changes=Changes(added=[Entry(2**70, NOON)]),
        )
        feed = FeedMark(key=b"", sequence=1, digest=b"", this_update=NOON, next_update=NOON)
        writer.push(fingerprint, [news], feed)
    assert ills(ward.examine()) == []


def test_t12_a_probe_that_is_answered_otherwise(ward: Ward):
    ward.change('standing = "good"', 'standing = "revoked"')
    ward.change('[{ serial = 6, standing = "good" }]', "[]")
    first, second = (one for one in ward.examine() if one.gravity is not Gravity.WELL)
    assert first.symptom is Symptom.PROBE_WRONG
    assert (first.facts["heard"], first.facts["expected"]) == ("good", "revoked")
    assert (first.gravity, second.gravity) == (Gravity.FAILURE, Gravity.WARNING)
    assert second.symptom is Symptom.NO_PROBE


def test_the_machine(ward: Ward):
    (ward.root / "run").rmdir()
    with ward.patient() as patient:
        machine = replace(
            patient.machine,
            disk=lambda _: DiskRoom(total=100, free=9),
            agreements=ward.root / "run" / "agreements",
        )
        silent = replace(patient, machine=machine, silent="http://127.0.0.1:1/ocsp")
        found = list(examine(silent, at=NOON))
        assert ills(found) == [
            ("machine", Symptom.DISK_FULL),
            ("machine", Symptom.PLACE_UNUSABLE),
            ("machine", Symptom.AGREEMENTS_OLD),
            ("machine", Symptom.RESPONDER_SILENT),
        ]
        full = replace(machine, disk=lambda _: DiskRoom(total=100, free=1))
        assert next(examine(replace(patient, machine=full), at=NOON)).gravity is Gravity.FAILURE


def test_a_clock_that_is_behind(ward: Ward):
    found = [one for one in ward.examine(at=NOON - HOUR) if one.symptom is Symptom.CLOCK_BEHIND]
    assert [one.gravity for one in found] == [Gravity.FAILURE]
    found = ward.examine(at=NOON - timedelta(minutes=1))
    assert ills(found) == [("machine", Symptom.CLOCK_BEHIND)]


def test_without_an_index_everything_else_is_looked_at(ward: Ward):
    shutil.rmtree(ward.root / "index")
    found = ills(ward.examine())
    assert ("machine", Symptom.INDEX_UNREADABLE) in found
    assert (ISSUER, Symptom.PROBE_UNANSWERED) in found


def test_probes_are_asked_of_the_responder_that_runs(tmp_path):
    counter = open_counter(tmp_path)
    signers = [counter.desk.shelf.pick(counter.issuer.identity.fingerprint, (), at=AT)[0]]
    certificates = [each.certificate for each in signers]
    with live(counter.desk) as port:
        oracle = AtResponder(host="127.0.0.1", port=port, token=None)
        assert is_alive("127.0.0.1", port)
        assert oracle.ask(counter.issuer, GOOD, certificates) == Good()
        assert isinstance(oracle.ask(counter.issuer, REVOKED, certificates), Revoked)
        with pytest.raises(Unanswered, match="nobody who may"):
            oracle.ask(counter.issuer, GOOD, [counter.authority.certificate])
    assert not is_alive("127.0.0.1", port)
    with pytest.raises(Unanswered):
        oracle.ask(counter.issuer, GOOD, certificates)
    assert AtDesk(desk=counter.desk, at=AT).ask(counter.issuer, GOOD, certificates) == Good()


def test_each_symptom_has_its_words():
    assert WORDS.keys() == set(Symptom)
    for texts in WORDS.values():
        assert texts.keys() == set(Language)
        english, japanese = texts[Language.ENGLISH], texts[Language.JAPANESE]
        assert bool(english.remedy) == bool(japanese.remedy)


def test_the_command(ward: Ward, capsys: pytest.CaptureFixture[str]):
    """Today all its CRLs have long run out."""
    assert main(["doctor", str(ward.file), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["worst"] == "failure"
    late = next(one for one in told["findings"] if one["symptom"] == "crl-expired")
    assert late["en"]["remedy"]
    assert late["ja"]["remedy"]
    assert main(["doctor", str(ward.file), "--language", "ja", "--record"]) == 2
    recorded = json.loads((ward.root / "run" / DOCTOR_FILE).read_bytes())["findings"]
    late = [one for one in told["findings"] if one["gravity"] == "failure"]
    assert sum(counts["failure"] for counts in recorded.values()) == len(late)
    assert "失効リスト" in capsys.readouterr().out


def test_every_finding_can_be_said(ward: Ward):
    for at in (NOON, NOON + DAY, NOON + 40 * DAY, NOON - DAY):
        for finding in ward.examine(at=at):
            for language in Language:
                assert "\n" not in str(worded(finding, language))
