"""Write ``docs/ways.md``: run every initializer in every way. Needs all frameworks.

Run it with ``python tools/write_ways.py``; the tests check the page.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "ways"))

from matrix import PAGE, TITLES, page, ways


def main() -> None:
    """Run all ways, and write the page."""
    outcomes = {}
    for way in ways():
        print(f"{way.module}: {way.name}", flush=True)
        outcomes[way.module, way.name] = way.outcomes()
    if missing := TITLES.keys() - {module for module, _ in outcomes}:
        raise SystemExit(f"{sorted(missing)} cannot be imported; wanted all frameworks")
    PAGE.write_text(page(outcomes), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
