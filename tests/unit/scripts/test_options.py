"""Options of the scripts that want a value."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.compose_model import ROOT

_SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
_WITH_VALUE = [
    (script.name, option)
    for script in _SCRIPTS
    for option in re.findall(r"^ +(--[a-z-]+)\) .*value_of", script.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(("script", "option"), _WITH_VALUE)
def test_an_option_without_its_value_ends_the_script(script: str, option: str) -> None:
    """One line that names the option, exit code 2, and nothing after it."""
    answer = subprocess.run(
        [ROOT / "scripts" / script, option],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr == f"error: {option} needs a value (see --help)\n"
