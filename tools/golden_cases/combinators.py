"""Initializers made of others."""

import unifinit as ui

GATES = [ui.Orthogonal(), ui.Zeros(), "ones", ui.Constant(0.5)]
TRIANGLE = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]

CASES = [
    (ui.Scaled(ui.Orthogonal(), 0.5), (6, 5), "...IO"),
    (ui.Scaled("he_normal", 0.1), (6, 5, 3), "OI..."),
    (ui.Scaled(ui.Masked("glorot_uniform", TRIANGLE), 3.0), (3, 3), "OI"),
    (ui.Masked("he_normal", TRIANGLE), (3, 3), "...IO"),
    (ui.Masked(ui.Orthogonal(), [[True], [False], [True]]), (4, 3), "OI"),
    (ui.Blocked(GATES), (7, 28), "...IO"),
    (ui.Blocked("glorot_uniform", sizes=[3, 5, 0]), (8, 4, 3), "OI..."),
    (ui.Blocked("he_uniform", 2, axis="in"), (5, 6), "OI"),
    (ui.Blocked("he_normal", 3, axis="batch"), (3, 4, 5), "GOI"),
    (ui.Blocked(["zeros", "ones", "zeros", "zeros"]), (32,), "...IO"),
    (ui.Stacked("he_normal"), (3, 6, 5), "OI"),
    (ui.Stacked(ui.Blocked(ui.Orthogonal(), 2)), (2, 4, 6), "...IO"),
    (ui.Stacked(ui.Stacked("random_normal")), (2, 3, 4), "...IO"),
]
