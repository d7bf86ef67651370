from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from support import lab
from support.lab import FAST, NOON
from tashika.pki.profile import Family
from tashika_server.config import load_config
from tashika_server.lab import Algorithm, LabError, NotALab, Order, Policies, World, found_world
from tashika_server.lab.municipalities import municipalities
from tashika_server.lab.people import Person, synthetic_person


def without_keys(world: World) -> list[tuple[object, ...]]:
    """What a seed decides: everything in the certificates but keys and signatures."""
    return [
        (
            one.name,
            one.issuer,
            one.municipality,
            one.not_before,
            one.not_after,
            x509.load_der_x509_certificate(one.der).subject,
        )
        for one in world.certificates()
    ]


def test_the_same_seed_makes_the_same_world(tmp_path: Path) -> None:
    worlds = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        with found_world(tmp_path / name, replace(FAST, seed=seed), at=NOON) as world:
            worlds.append(without_keys(world))
    assert worlds[0] == worlds[1]
    assert worlds[0] != worlds[2]


def test_every_generation_has_cards_that_are_in_force(tmp_path: Path) -> None:
    with found_world(tmp_path, replace(FAST, people=12), at=NOON) as world:
        lab.check(world)
        certificates = world.certificates()
        assert len(certificates) == 24
        assert len({one.issuer for one in certificates}) == 6
        assert all(one.not_before < NOON < one.not_after for one in certificates)
        ends = {
            one.name: one.certificate.not_valid_after_utc for one in world.premises.authorities()
        }
        assert all(one.not_after < ends[one.issuer] for one in certificates)


def test_the_configuration_is_ready_to_serve(world: World) -> None:
    config = load_config(world.premises.layout.configuration)
    settings = config.settings
    assert settings.access == "open"
    assert settings.lab
    assert [each.name for each in settings.issuer] == [
        f"{family}-g{generation}"
        for family in (Family.SIGNATURE, Family.USER_AUTH)
        for generation in (1, 2, 3)
    ]
    assert all(len(each.signers) == 2 for each in settings.issuer)
    assert settings.responder.listen.port == 0


def test_registers_hold_every_serial_under_their_key_and_no_other(world: World) -> None:
    serials = [lab.register(world, f"user-auth-g{number}") for number in (1, 2, 3)]
    everything = [serial for each in serials for serial in each]
    assert sorted(everything) == list(range(1, len(everything) + 1))
    issued = world.issue(at=NOON)[0]
    assert lab.register(world, "user-auth-g3")[-1] == issued.serial


def test_a_directory_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="not an empty directory"):
        found_world(tmp_path, FAST, at=NOON)
    with pytest.raises(LabError, match="not an empty directory"):
        found_world(tmp_path / "file", FAST, at=NOON)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_init_that_was_killed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(World, "publish", die)
    with pytest.raises(KeyboardInterrupt):
        found_world(tmp_path, FAST, at=NOON)
    monkeypatch.undo()
    assert not (tmp_path / "tashika.toml").exists()
    assert "was killed" in (tmp_path / "UNFINISHED").read_text()
    with pytest.raises(NotALab, match="did not finish"):
        World.open(tmp_path)
    with pytest.raises(LabError, match="delete it and run again"):
        found_world(tmp_path, FAST, at=NOON)


def test_a_directory_without_a_lab_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(NotALab, match="lab init"):
        World.open(tmp_path)


def test_everything_is_labelled_as_simulated(world: World) -> None:
    layout = world.premises.layout
    for path in (layout.configuration, layout.root / "README.txt", layout.register("signature-g1")):
        assert "O=JPKI-SIM" in path.read_text()
    assert "hypothetical" in layout.configuration.read_text()


def test_a_lab_remembers_its_plan(tmp_path: Path) -> None:
    order = Order(
        people=1,
        municipalities=1,
        seed=-3,
        port=8123,
        algorithm=Algorithm.P384,
        policies=Policies.REAL,
    )
    found_world(tmp_path, order, at=NOON).close()
    with World.open(tmp_path) as world:
        assert world.premises.plan == order.plan()
        assert b"http://127.0.0.1:8123/ocsp" in lab.first(world, Family.USER_AUTH).der


def test_municipalities_go_on_beyond_the_real_ones() -> None:
    many = municipalities(3000)
    assert len(many) == len({place.code for place in many}) == 3000
    assert len({(place.prefecture, place.name) for place in many}) == 3000
    assert all(len(place.code) == 5 for place in many)
    assert len({place.prefecture for place in many}) == 48
    assert many[-1].name.startswith("Sim-shi-")
    assert int(many[-1].code[:2]) > 47
    assert municipalities(1)[0].name == "Shibuya-ku"


def test_people_are_plainly_made_up() -> None:
    places = municipalities(3)
    people = [synthetic_person(1, number, places) for number in range(1, 200)]
    assert len({person.name for person in people}) == len(people)
    assert all(person.name[:2] in "模擬仮想試験見本架空" for person in people)
    assert {person.municipality for person in people} == set(places)
    assert any("1" in person.name_substitutes for person in people)
    assert {person.birth_item[0] for person in people} == {"3", "4"}
    assert synthetic_person(1, 5, places) == people[4]


@pytest.mark.parametrize(
    ("day", "item"),
    [
        ((1980, 12, 31), "319801231"),
        ((1989, 1, 7), "319890107"),
        ((1989, 1, 8), "419890108"),
        ((2019, 5, 1), "520190501"),
        ((1912, 7, 29), "119120729"),
        ((1926, 12, 24), "219261224"),
    ],
)
def test_birth_is_written_with_its_era_and_the_gregorian_year(
    day: tuple[int, int, int], item: str
) -> None:
    one = synthetic_person(1, 1, municipalities(1))
    born = {name: getattr(one, name) for name in Person.__slots__} | {
        "birth": datetime(*day, tzinfo=UTC).date()
    }
    assert Person(**born).birth_item == item
