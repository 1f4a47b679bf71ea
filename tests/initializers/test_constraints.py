"""Every hyperparameter of every initializer: what is forbidden is refused, and what is allowed passes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unifinit as ui
from unifinit.initializers.classes import own_classes
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.testing import golden
from unifinit.testing.strategies import invalid, valid

CONFIGS: dict[str, dict[str, Any]] = {"FromFunction": {"function": max}}
for row in golden.load():
    CONFIGS.setdefault(row.initializer["class_name"], dict(row.initializer["config"]))
CASES = [
    pytest.param(cls, name, id=f"{cls.__name__}-{name}")
    for cls in own_classes()
    for name in cls.hyperparameters
]
ALLOWED = [case for case in CASES if not valid(case.values[0].hyperparameters[case.values[1]]).is_empty]
"""Those whose values can be made from what is declared."""


def test_every_initializer_has_an_example():
    assert {cls.__name__ for cls in own_classes()} <= set(CONFIGS)


@pytest.mark.parametrize(("cls", "name"), CASES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_forbidden_is_refused(cls, name, data):
    value = data.draw(invalid(cls.hyperparameters[name]))
    with pytest.raises(ui.ArgumentError) as caught:
        cls(**{**CONFIGS[cls.__name__], name: value})
    message = str(caught.value)
    assert "wanted" in message or "is not numeric" in message or "is no array" in message
    # Nor does a configuration let it pass.
    with pytest.raises(ui.ArgumentError):
        cls.from_config({**CONFIGS[cls.__name__], name: value})


@pytest.mark.parametrize(("cls", "name"), ALLOWED)
@settings(max_examples=10, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_allowed_is_kept(cls, name, data):
    value = data.draw(valid(cls.hyperparameters[name]))
    try:
        initializer = cls(**{**CONFIGS[cls.__name__], name: value})
    except ui.ArgumentError as error:
        # Only because it does not go together with another one, which a declaration cannot say.
        assert any(other in str(error) for other in cls.hyperparameters if other != name)  # noqa: PT017
        return
    if cls.__name__ != "FromFunction":  # Which no configuration can hold.
        assert cls.from_config(initializer.get_config()) == initializer


@pytest.mark.parametrize("cls", own_classes(), ids=lambda cls: cls.__name__)
def test_required_ones_are_required(cls):
    required = [name for name, declared in cls.hyperparameters.items() if declared.default is REQUIRED]
    for name in required:
        config = {key: value for key, value in CONFIGS[cls.__name__].items() if key != name}
        with pytest.raises(TypeError, match=f"got no {name}"):
            cls(**config)
        with pytest.raises(ui.ConfigError, match=f"has no '{name}'"):
            cls.from_config(config)


@pytest.mark.parametrize("cls", own_classes(), ids=lambda cls: cls.__name__)
def test_constraints_are_told(cls):
    assert all(declared.constraint for declared in cls.hyperparameters.values())
    assert cls.summary
    assert cls.formula
    assert cls.source
