"""What is public of the profile: its names, and the examples of its pages."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import tashika.jpki
from tashika.errors import ProfileRefused
from tashika.jpki import CheckPurpose, Family, Hierarchy, JpkiCause, JpkiProfile, Purpose
from tashika.testing import Jpki

ROOT = Path(__file__).parents[2]


def test_public_means_listed():
    modules = {each.stem for each in Path(tashika.jpki.__file__).parent.glob("*.py")}
    found = {name for name in dir(tashika.jpki) if not name.startswith("_")} - modules
    assert found == set(tashika.jpki.__all__)


def test_the_examples_of_the_page_run():
    page = (ROOT / "docs/jpki-profile.md").read_text()
    jpki = Jpki(hierarchy=Hierarchy.PRODUCTION)
    names = {
        "ca_certificates": jpki.generations,
        "certificate": jpki.issue(Family.SIGNATURE).certificate,
        "secret": bytes(32),
    }
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "jpki-profile.md", "exec"), names)  # noqa: S102 - our own page
    assert names["of_age"] is True
    assert names["name"] == "模擬\u3000花子"
    simulated, purpose = names["simulated"], names["purpose"]
    at = datetime.now(UTC)
    assert simulated.examine(names["phone"].certificate, purpose=purpose, at=at)
    login = Purpose(kind=CheckPurpose.USER_AUTHENTICATION, reference="1")
    with pytest.raises(ProfileRefused, match=r"2\.25\.1"):
        simulated.examine(names["wrong"].certificate, purpose=login, at=at)


def test_the_page_names_every_cause():
    page = (ROOT / "docs/jpki-profile.md").read_text()
    assert [each for each in JpkiCause if f"`{each}`" not in page] == []


def test_the_readmes_example_runs():
    readme = (ROOT / "client_sdk/README.md").read_text()
    (example,) = re.findall(
        r"```python\n(from datetime.{0,80}tashika\.jpki.*?)```", readme, re.DOTALL
    )
    jpki = Jpki(hierarchy=Hierarchy.PRODUCTION)
    names = {
        "generations": jpki.generations,
        "certificate": jpki.issue(Family.SIGNATURE).certificate,
    }
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert isinstance(names["profile"], JpkiProfile)
    assert names["recognised"].family is Family.SIGNATURE
    assert names["of_age"] is True
