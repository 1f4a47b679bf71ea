"""Where the initializers are that few programs use: they are imported when they are first asked for."""

PACKAGE = "unifinit.initializers."
FAMILIES = {
    "combinators": ("Blocked", "FromFunction", "Masked", "Scaled", "Stacked"),
}
LATE = {name: PACKAGE + family for family, names in FAMILIES.items() for name in names}
"""The module of each by its name."""
