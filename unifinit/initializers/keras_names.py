"""The names under which Keras saves initializers of unifinit, and finds them again.

Keras saves an object of a class that it does not know by a registered name, and loads nothing by any other.
Its registry is there once Keras has been imported, which unifinit never does by itself: so classes are
registered when unifinit is imported after Keras, when one is saved, and by ``import unifinit.compat.keras``.
"""

from __future__ import annotations

import sys
from typing import Any

from unifinit.initializers.classes import CLASSES, load_families

NAMESPACE = "unifinit"
"""What stands before the name of a class: ``unifinit>HeNormal``."""


def register(cls: type[Any]) -> None:
    """Let Keras know a class, if Keras has been imported."""
    saving = getattr(sys.modules.get("keras"), "saving", None)  # None while it is being imported.
    if saving is not None and saving.get_registered_name(cls) == cls.__name__:
        saving.register_keras_serializable(NAMESPACE)(cls)


def register_all() -> None:
    """Let Keras know all classes, if Keras has been imported."""
    if "keras" in sys.modules:
        load_families()
        for cls in list(CLASSES.values()):
            register(cls)
