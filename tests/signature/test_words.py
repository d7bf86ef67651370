"""What is public, and what every cause says in both languages."""

import pkgutil
import re

import pytest

import tashika.signature
from tashika.path import Outcome
from tashika.signature import JA, SignatureCause


@pytest.mark.parametrize("cause", SignatureCause)
def test_every_cause_says_what_it_means_and_what_to_do(cause: SignatureCause):
    for english, japanese in zip((cause.meaning, cause.remedy), JA[cause], strict=True):
        assert english.endswith(".")
        assert japanese.endswith("。")
        assert re.search("[ぁ-ん]", japanese)
        for name in (r"`\w+`", r"SHA-\d+"):
            assert set(re.findall(name, english)) == set(re.findall(name, japanese))


def test_no_cause_is_left_out_and_none_repeats_another():
    assert list(JA) == list(SignatureCause)
    for column in (0, 1):
        said = [words[column] for words in JA.values()]
        assert column or len(set(said)) == len(said)
    assert len({each.meaning for each in SignatureCause}) == len(SignatureCause)


def test_one_cause_alone_is_valid():
    valid = [each for each in SignatureCause if each.outcome is Outcome.VALID]
    assert valid == [SignatureCause.VALID]


def test_public_means_listed_and_sorted():
    listed = tashika.signature.__all__
    found = {name for name in dir(tashika.signature) if not name.startswith("_")}
    submodules = {each.name for each in pkgutil.iter_modules(tashika.signature.__path__)}
    assert set(listed) == found - submodules
    assert len(listed) == len(set(listed))
