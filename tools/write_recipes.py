"""Write the table of recipes and their settings on docs/recipes.md."""

from __future__ import annotations

import sys
from pathlib import Path

from unifinit.models.rulesets import RECIPES, Recipe, recipe_names

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
MARKS = ("<!-- recipes:start -->", "<!-- recipes:end -->")


def entry(recipe: type[Recipe]) -> str:
    """The section of one recipe."""
    lines = [
        f"### {recipe.name}",
        "",
        f"{recipe.summary}.",
        "",
        (recipe.__doc__ or "").strip().replace("\n    ", "\n"),
    ]
    lines += ["", f"Source: {recipe.source}."]
    if recipe.settings:
        lines += ["", "| setting | what it has to be | default |", "|---|---|---|"]
        for name, declared in recipe.settings.items():
            default = "read from the model" if declared.default is None else f"`{declared.default!r}`"
            lines.append(f"| `{name}` | {declared.constraint.replace('|', chr(92) + '|')} | {default} |")
    return "\n".join(lines)


def table() -> str:
    """All sections."""
    return "\n\n".join(entry(RECIPES[name]) for name in recipe_names())


def with_table(page: str) -> str:
    """The page with the sections between its marks."""
    start, end = MARKS
    return f"{page.partition(start)[0]}{start}\n\n{table()}\n\n{end}{page.partition(end)[2]}"


def main() -> int:
    """Write the page; with --check only tell whether it is up to date."""
    page = PAGE.read_text("utf-8")
    new = with_table(page)
    if "--check" in sys.argv:
        return int(new != page)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
