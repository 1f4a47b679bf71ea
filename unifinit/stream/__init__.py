"""The random stream, version 1: from a key and an element's index to its value, in integers.

Specified in ``docs/specification.md``; nothing here may change a bit within a version.
"""

VERSION = "v1"
