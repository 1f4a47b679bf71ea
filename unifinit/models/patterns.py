"""Patterns of paths: globs, and regular expressions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from unifinit.errors import PathError, RuleError
from unifinit.models.paths import canonical_leaf, make_path
from unifinit.values import Value

REGEX = "re:"
"""What a regular expression begins with, where a pattern is a text."""

Pattern: TypeAlias = "str | re.Pattern[str]"


class PathPattern(Value):
    """A pattern that whole paths match or not.

    Parameters
    ----------
    pattern
        A glob: "*" stands for anything within a component, "?" for a character, "[abc]" for one of some,
        "{a,b}" for one of several texts, and a component "**" for any number of components, none too. A
        regular expression, as ``re.compile`` makes it or as a text that begins with "re:", has to match the
        whole path.
    is_of_parameters
        Whether it is to match paths of parameters, so that "kernel" at the end of a glob is "weight".

    Raises
    ------
    RuleError
        If it is malformed.
    """

    text: str

    parts = ("text",)

    def __init__(self, pattern: Pattern, *, is_of_parameters: bool = False) -> None:
        if isinstance(pattern, re.Pattern):
            if not isinstance(pattern.pattern, str):
                raise RuleError(f"pattern {pattern!r} is one of bytes; wanted one of text")
            vars(self).update(text=REGEX + _with_flags(pattern), _compiled=pattern)
            return
        if not isinstance(pattern, str) or not pattern:
            raise RuleError(
                f"pattern {pattern!r} is no pattern; wanted a glob such as 'encoder/**/weight', or a regular "
                "expression such as 're:.*/bias'"
            )
        vars(self).update(text=pattern, _compiled=_compiled(pattern, is_of_parameters))

    def match(self, path: str) -> re.Match[str] | None:
        """The match of a whole path; the parts that wildcards stand for are its groups."""
        found: re.Match[str] | None = self.__dict__["_compiled"].fullmatch(path)
        return found

    @property
    def groups(self) -> int:
        """How many wildcards it has."""
        compiled: re.Pattern[str] = self.__dict__["_compiled"]
        return compiled.groups

    def __str__(self) -> str:
        return self.text


_FLAGS = {"a": re.ASCII, "i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


def _with_flags(pattern: re.Pattern[str]) -> str:
    """The text of a regular expression that means the same without the arguments of its compilation."""
    found = re.match(r"\(\?([aiLmsux]+)\)", pattern.pattern)
    own, rest = (found[1], pattern.pattern[found.end() :]) if found else ("", pattern.pattern)
    letters = own + "".join(
        letter for letter, flag in _FLAGS.items() if pattern.flags & flag and letter not in own
    )
    return f"(?{letters}){rest}" if letters else rest


@lru_cache(1024)
def _compiled(text: str, is_of_parameters: bool) -> re.Pattern[str]:
    try:
        if text.startswith(REGEX):
            return re.compile(text.removeprefix(REGEX))
        glob = unicodedata.normalize("NFC", text)  # As paths are.
        if is_of_parameters:
            above, slash, leaf = glob.rpartition("/")
            glob = above + slash + _canonical_leaves(leaf)
        return re.compile(_translated(glob), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise RuleError(
            f"pattern {text!r} is malformed: {error}; wanted a glob or a regular expression"
        ) from None


def _canonical_leaves(leaf: str) -> str:
    """The last component of a glob, with canonical names also within braces."""
    if not re.fullmatch(r"\{[^{}]*\}", leaf):
        return canonical_leaf(leaf)
    return "{" + ",".join(map(canonical_leaf, leaf[1:-1].split(","))) + "}"


def _translated(glob: str) -> str:
    """A glob as a regular expression, in which each wildcard is a group."""
    parts = glob.split("/")
    if "" in parts:
        raise RuleError(f"pattern {glob!r} has an empty component; wanted components with '/' between them")
    translated = ""
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part == "**":
            translated += "(.*)" if is_last else "((?:[^/]+/)*)"
        else:
            translated += _component(part, glob) + ("" if is_last else "/")
    return translated


_TOKEN = re.compile(r"\*|\?|\[!?[^\]/]+\]|\{[^{}/]*\}|[^*?\[\]{}]+")


_UNUSUAL = re.compile(r"([\\^\[])")
_ESCAPED = r"\\\1"


def _component(part: str, glob: str) -> str:
    if "**" in part:
        raise RuleError(
            f"pattern {glob!r} has '**' beside other characters; wanted it as a component of its own"
        )
    tokens = _TOKEN.findall(part)
    if "".join(tokens) != part:
        raise RuleError(
            f"pattern {glob!r} has a bracket without its partner in {part!r}; wanted both, or neither"
        )
    return "".join(map(_token, tokens))


_WILDCARDS = {"*": "([^/]*)", "?": "([^/])"}


def _token(token: str) -> str:
    if token in _WILDCARDS:
        return _WILDCARDS[token]
    if token[0] == "[":
        inner = token[1:-1]
        start = "[^/" if inner.startswith("!") else "["
        return f"({start}{_UNUSUAL.sub(_ESCAPED, inner.removeprefix('!'))}])"
    if token[0] == "{":
        return f"({'|'.join(map(re.escape, token[1:-1].split(',')))})"
    return re.escape(token)


Rename: TypeAlias = "Mapping[str, str] | None"


class Renaming:
    """New paths for old ones: what a parameter is to be called for rules and keys.

    Parameters
    ----------
    rename
        From patterns of paths, or of paths of layers, to what stands for them. Wildcards of a new path are
        replaced, one after the other, by what those of the old one matched. A path without wildcards stands
        for all parameters below it too. The first that matches wins.

    Raises
    ------
    RuleError
        If a pattern is malformed, or a new path has more wildcards than the old one.
    """

    def __init__(self, rename: Rename) -> None:
        if rename is not None and not isinstance(rename, Mapping):
            raise RuleError(
                f"rename is a {type(rename).__name__}; wanted a mapping, such as {{'Dense_0': 'encoder/0'}}"
            )
        self._entries = [(PathPattern(old), _checked(old, new)) for old, new in (rename or {}).items()]
        self.used: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def unused(self) -> list[str]:
        """The patterns that have matched nothing."""
        return [pattern.text for pattern, _ in self._entries if pattern.text not in self.used]

    def new(self, path: str, name: str = "") -> str:
        """The path under which a parameter goes, of which a library may have another name."""
        for pattern, new in self._entries:
            found, rest = pattern.match(path) or (pattern.match(name) if name else None), ""
            plain = unicodedata.normalize("NFC", pattern.text)
            if found is None and _is_plain(plain) and path.startswith(plain + "/"):
                found, rest = pattern.match(plain), path[len(plain) :]
            if found is not None:
                self.used.add(pattern.text)
                return _with_leaf_of(path, make_path((_filled(new, found) + rest).strip("/")))
        return path


_HOLE = re.compile(r"\*\*/?|\*")


def _filled(new: str, found: re.Match[str]) -> str:
    """A new path, with what the wildcards of the old one matched."""
    groups = iter(group or "" for group in found.groups())
    return _HOLE.sub(lambda _: next(groups), new)


def _with_leaf_of(old: str, new: str) -> str:
    """A new path whose leaf is canonical, if it is another name for that of the old one."""
    above, slash, leaf = new.rpartition("/")
    own = old.rpartition("/")[2]
    return above + slash + (own if canonical_leaf(leaf) == own else leaf)


def _is_plain(pattern: str) -> bool:
    return not pattern.startswith(REGEX) and not set(pattern) & set("*?[{")


def _checked(old: object, new: object) -> str:
    if not isinstance(new, str):
        raise RuleError(f"rename has {new!r} for {str(old)!r}; wanted the text of a path")
    holes, wildcards = len(_HOLE.findall(new)), PathPattern(old).groups  # type: ignore[arg-type]
    if holes > wildcards:
        raise RuleError(
            f"rename has {new!r} for {str(old)!r}: {holes} wildcards for {wildcards}; wanted at most as many"
        )
    if wildcards and (found := set(new) & set("?[]{}\\")):
        raise RuleError(
            f"rename has {new!r} for {str(old)!r}, with {min(found)!r}; wanted '*' or '**' for what each of "
            "the wildcards matched, in their order"
        )
    if not new and _is_plain(str(old)):  # A prefix that is to vanish.
        return new
    try:
        make_path(re.sub(r"\*+", "x", new))
    except PathError as error:
        raise RuleError(f"rename has {new!r} for {str(old)!r}: {error}") from None
    return new
