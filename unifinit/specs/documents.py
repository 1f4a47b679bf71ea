"""Documents of specifications: read from TOML or JSON, and checked against the published schema."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import Any, TypeAlias

from unifinit.agreement import VERSION
from unifinit.errors import MissingPackageError, SpecError

FORMAT = 1
"""The version of the format that this unifinit reads and writes."""
ENDINGS = (".toml", ".json")
LONGEST = 300
"""Characters of a message of the validator, which quotes what it finds."""
LARGEST = 2**28
"""Bytes of a document; more is none."""

Document: TypeAlias = dict[str, Any]
FilePath: TypeAlias = "str | os.PathLike[str]"


@cache
def schema() -> Document:
    """The JSON Schema of specifications, in draft 2020-12."""
    text = resources.files("unifinit.specs").joinpath("schema.json").read_text("utf-8")
    found: Document = json.loads(text)
    return found


def read_document(path: FilePath) -> Document:
    """What a file holds, checked against the schema.

    Raises
    ------
    SpecError
        If it is no document of the format.
    MissingPackageError
        If the package jsonschema is not installed.
    OSError
        If the file cannot be read.
    """
    name = os.fsdecode(path)
    if not name.endswith(ENDINGS):
        raise SpecError(f"{name}: the name ends in none of {', '.join(ENDINGS)}; wanted a specification")
    return checked_document(read_values(path), name)


def read_values(path: FilePath) -> Any:
    """The plain values in a file of TOML, or else of JSON.

    Raises
    ------
    SpecError
        If it holds neither, or more than any specification.
    OSError
        If it cannot be read.
    """
    name = os.fsdecode(path)
    with open(name, "rb") as file:
        data = file.read(LARGEST + 1)  # Not by its size: devices and pipes have none.
    if len(data) > LARGEST:
        raise SpecError(f"{name} has more than {LARGEST} bytes; wanted at most so many")
    kind = "TOML" if name.endswith(".toml") else "JSON"
    try:
        text = data.decode()
        if kind == "TOML":
            import tomllib

            return tomllib.loads(text)
        found = json.loads(text, object_pairs_hook=_without_doubles)
        if "\\ud" in text.lower():  # Half a pair of surrogates could be written and printed nowhere.
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # Of both readers, and of UTF-8.
        raise SpecError(f"{name} cannot be read: {error}; wanted {kind} in UTF-8") from None
    return found


def checked_document(document: Any, name: str) -> Document:
    """A document, if it is one of the format.

    Raises
    ------
    SpecError
        If not; the message tells where in the document.
    MissingPackageError
        If the package jsonschema is not installed.
    """
    if not isinstance(document, Mapping):
        raise SpecError(
            f"{name} holds a {type(document).__name__}; wanted a table with unifinit_spec = {FORMAT}"
        )
    _check_versions(document, name)
    if find_spec("jsonschema") is None:
        raise MissingPackageError(
            'specifications need the package jsonschema, which is not installed: pip install "unifinit[spec]"'
        )
    from jsonschema import Draft202012Validator

    try:
        errors = list(Draft202012Validator(schema()).iter_errors(document))
    except RecursionError:  # It shows what it finds.
        raise SpecError(
            f"{name} is nested too deeply; wanted a document as in unifinit.specs.schema()"
        ) from None
    if errors:
        # What is wrong in one place tells more than that the whole is none of several alternatives.
        error = min(errors, key=lambda error: (error.validator == "anyOf", len(error.absolute_path)))
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        message = (
            error.message
            if error.validator != "anyOf"
            else "there are neither parameters nor an architecture"
        )
        shown = message if len(message) < LONGEST else message[:LONGEST] + "..."
        raise SpecError(f"{name}: at {place.lstrip('.') or 'the top'}: {shown}; see unifinit.specs.schema()")
    return dict(document)


def write_document(document: Document, path: FilePath, *, overwrite: bool = False) -> None:
    """Write a document, as TOML or JSON by the ending of the name.

    Raises
    ------
    SpecError
        If the name ends otherwise, or if it is to be TOML and has a null, which TOML lacks.
    MissingPackageError
        If it is to be TOML, and the package tomli-w is not installed.
    FileExistsError
        If there is something of that name, other than a file that may be replaced.
    """
    from unifinit.files import atomic_file

    name = os.fsdecode(path)
    if not name.endswith(ENDINGS):
        raise SpecError(f"{name}: the name ends in none of {', '.join(ENDINGS)}; wanted one of them")
    text = as_toml(document) if name.endswith(".toml") else as_json(document)
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(text.encode())


def as_toml(document: Document) -> str:
    """A document as TOML."""
    if find_spec("tomli_w") is None:
        raise MissingPackageError(
            "TOML is written by the package tomli-w, which is not installed: "
            'pip install "unifinit[spec]", or write JSON'
        )
    import tomli_w

    try:
        text: str = tomli_w.dumps(document)
        return text
    except TypeError as error:
        raise SpecError(f"TOML lacks a value of this specification ({error}); wanted JSON") from None


def as_json(document: Document) -> str:
    """A document as JSON."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _check_versions(document: Mapping[str, Any], name: str) -> None:
    """Before all else: what a later version means by the rest is not known."""
    found = document.get("unifinit_spec")
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        raise SpecError(
            f"{name} is of version {found} of the format, this unifinit reads version {FORMAT}; wanted a "
            "newer unifinit"
        )
    stream = document.get("stream", VERSION)
    if isinstance(stream, str) and stream != VERSION:
        raise SpecError(
            f"{name} is for version {stream!r} of the random stream, this unifinit has {VERSION!r}; wanted a "
            "unifinit that has it"
        )


def _without_doubles(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has {double!r} twice")
    return found


def compact(entries: Mapping[str, Any]) -> Document:
    """A table of those entries that say something."""
    return {name: value for name, value in entries.items() if value not in (None, "", (), [], {})}
