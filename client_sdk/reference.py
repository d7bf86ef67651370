"""`make reference`: the SDK's reference as a site, out of its docstrings.

What is public is listed: every module of the package with an ``__all__`` is a page. A public
name without a docstring, and any warning, ends it with exit status 1.
"""

import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import tashika

SITE = Path(__file__).parents[1] / "build" / "reference"


def public_modules() -> list[str]:
    """Return the names of the modules that list what is public."""
    inner = (each.name for each in walk_packages(tashika.__path__, "tashika."))
    names = ["tashika", *(each for each in inner if not each.endswith("__main__"))]
    return [each for each in names if hasattr(import_module(each), "__all__")]


def undocumented(module: str) -> Iterator[str]:
    """Yield what is public and says nothing of itself: names, and the methods of classes."""
    listed = import_module(module)
    for name in listed.__all__:
        value = getattr(listed, name)
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue  # a constant has no docstring that can be asked for
        if not value.__doc__:
            yield f"{module}.{name}"
        if inspect.isclass(value):
            yield from (f"{module}.{name}.{each}" for each in _silent_members(value))


def _silent_members(kind: type) -> Iterator[str]:
    for name, member in vars(kind).items():
        tells = inspect.isfunction(member) or isinstance(member, classmethod | property)
        if tells and not name.startswith("_") and not inspect.getdoc(getattr(kind, name)):
            yield name


def main() -> int:
    """Write the site."""
    from pdoc import pdoc, render  # noqa: PLC0415 - the check above does without it

    modules = public_modules()
    if silent := sorted(set().union(*map(undocumented, modules))):
        print("no docstring:", *silent, sep="\n  ")
        return 1
    render.configure(docformat="restructuredtext", show_source=False)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        pdoc(*modules, output_directory=SITE)
    for page in SITE.rglob("*.html"):
        # What announces an example in a docstring is no text of its own; pdoc lets it stand.
        page.write_text(page.read_text().replace("<p>::</p>\n", ""))
    for each in warned:
        print(each.message)
    print(f"{len(modules)} pages in {SITE / 'index.html'}")
    return int(bool(warned))


if __name__ == "__main__":
    sys.exit(main())
