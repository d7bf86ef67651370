"""Every cause says what it means and what to do, in English and in Japanese."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import tashika
from tashika import Cause
from tashika.causes import Explained
from tashika.language import Language, explain, japanese


def kinds(of: type[Explained] = Explained) -> Iterator[type[Explained]]:
    """Find every kind there is, so that a new one without Japanese fails here."""
    if of is Explained:
        for each in pkgutil.walk_packages(tashika.__path__, "tashika."):
            if not each.name.endswith("__main__"):
                importlib.import_module(each.name)
    for kind in of.__subclasses__():
        if kind.__module__.startswith("tashika."):
            yield kind
            yield from kinds(kind)


KINDS = sorted(kinds(), key=lambda kind: (kind.__module__, kind.__name__))


@pytest.mark.parametrize("kind", KINDS)
def test_every_cause_has_its_own_words_in_both_languages(kind: type[Explained]) -> None:
    assert set(japanese(kind)) == set(kind)
    for cause in kind:
        english, told = explain(cause, Language.ENGLISH), explain(cause, Language.JAPANESE)
        assert english.meaning.endswith(".")
        assert told.meaning.endswith("。")
        assert bool(english.remedy) == bool(told.remedy), cause
        assert english.remedy[-1:] in ("", ".")
        assert told.remedy[-1:] in ("", "。")
        assert all(re.search("[ぁ-ん]", each) for each in told if each)
    meanings = [explain(each, language).meaning for language in Language for each in kind]
    assert len(set(meanings)) == 2 * len(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_japanese_calls_by_name_is_what_english_calls_by_name(kind: type[Explained]) -> None:
    """Names of settings, options and standards are the same in every language."""
    called = re.compile(r"Policy\.\w+|--[a-z-]+|\b[A-Z]+_[A-Z_]+\b|RFC \d+|SHA-\d")
    for cause in kind:
        english, told = (" ".join(explain(cause, language)) for language in Language)
        assert set(called.findall(told)) == set(called.findall(english)), cause


def test_the_kinds_are_found() -> None:
    names = {kind.__name__ for kind in KINDS}
    assert {"Cause", "PathCause", "Fault", "Symptom"} <= names


def test_what_has_no_japanese_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever meets an error must not meet another one in its place."""
    monkeypatch.setattr("tashika.language.japanese", lambda _: {})
    assert explain(Cause.STALE, Language.JAPANESE).meaning == Cause.STALE.meaning


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "C.UTF-8"}, Language.ENGLISH),
        ({"LANG": "ja_JP.UTF-8"}, Language.JAPANESE),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "en_GB.UTF-8"}, Language.ENGLISH),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ja"}, Language.JAPANESE),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, Language.JAPANESE),
    ],
)
def test_the_locale_chooses_as_posix_has_it(
    environment: dict[str, str], language: Language
) -> None:
    assert Language.of(environment) is language
