"""The page of the documentation: what it shows is what happens."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "pytest-plugin.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_first_tests_pass_and_fail_as_shown(pytester, name):
    pytest.importorskip(name)
    library, *tests = [text for kind, text in BLOCKS if kind == "python"][:3]
    (report,) = [text for kind, text in BLOCKS if kind == "text"]
    pytester.makepyfile(mylib=library, test_mylib="\n".join(tests))
    pytester.syspathinsert()
    result = pytester.runpytest_inprocess(f"--unifinit-backends={name}", "-W", "error")
    result.assert_outcomes(passed=1, failed=1)
    assert report.replace("torch", name) in "\n".join(result.outlines) + "\n"


def test_markers_are_right(pytester):
    source = next(text for _, text in BLOCKS if "pytest.mark" in text)
    pytester.makepyfile(test_it=source)
    result = pytester.runpytest_inprocess("--collect-only", "--strict-markers", "-q")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(["*test_of_gradients[[]torch]", "*test_of_modules"])


def test_configuration_is_right(pytester):
    (configuration,) = [text for kind, text in BLOCKS if kind == "toml"]
    pytester.makepyprojecttoml(configuration)
    pytester.makepyfile(test_it="def test(unifinit_backend):\n    pass\n")
    result = pytester.runpytest_inprocess("--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == [
        "test_it.py::test[numpy]",
        "test_it.py::test[torch]",
    ]


def test_every_option_and_marker_is_told(pytester):
    shown = pytester.runpytest_inprocess("--help").outlines
    options = {option for line in shown for option in re.findall(r"--unifinit-[\w-]+", line)}
    assert len(options) == 3
    assert [option for option in options if option not in PAGE] == []
    shown = pytester.runpytest_inprocess("--markers").outlines
    markers = {name for line in shown for name in re.findall(r"@pytest\.mark\.(unifinit_\w+)", line)}
    assert len(markers) == 2
    assert [name for name in markers if name not in PAGE] == []
