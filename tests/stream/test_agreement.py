"""The fingerprint of the stream, and the comparison of those of several processes."""

import pytest

import unifinit as ui
from unifinit import agreement, host
from unifinit.agreement import require_agreement

FINGERPRINT = "v1:00f1aeede9f22b8944ddaff23cc8ec44e010477293e163c00afb2557a23f58a6"
"""Of the stream v1, for ever."""


def test_is_that_of_the_stream():
    assert ui.fingerprint() == FINGERPRINT


def test_is_that_of_the_reference_path_too():
    host.select("off")
    try:
        assert agreement.fingerprint.__wrapped__() == FINGERPRINT
    finally:
        host.select(None)


@pytest.mark.parametrize("number", range(len(list(agreement._samples()))))
def test_changes_with_every_sample(number, monkeypatch):
    plans = list(agreement._samples())
    plans[number] = plans[number].with_key(ui.Key(1))
    monkeypatch.setattr(agreement, "_samples", lambda: iter(plans))
    assert agreement.fingerprint.__wrapped__() != FINGERPRINT


def test_equal_ones_agree():
    require_agreement({})
    require_agreement({f"rank {i}": FINGERPRINT for i in range(4)})


def test_those_that_differ_are_named():
    found = {f"rank {i}": FINGERPRINT for i in range(4)} | {"rank 2": "v2:0123456789abcdef0123"}
    with pytest.raises(
        ui.StreamError, match=r"rank 2 has v2:0123456789abcdef.*others have v1:00f1aeede9f22b89"
    ):
        require_agreement(found)
