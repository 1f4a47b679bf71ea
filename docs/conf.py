"""Configuration of Sphinx; build with ``sphinx-build -W docs docs/_build/html``."""

import unifinit

project = "unifinit"
author = "The unifinit developers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = unifinit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "examples"]
html_theme = "alabaster"
html_theme_options = {
    "description": "The same weights on every framework",
    "fixed_sidebar": True,
    "page_width": "72rem",
    "body_max_width": "none",
}
html_copy_source = False
html_show_sourcelink = False

nitpicky = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
myst_heading_anchors = 3
