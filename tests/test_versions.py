"""The SDKs that are installed have what the table says, and lack what it says."""

from __future__ import annotations

import pytest

from tests.versions import TABLE, has, installed, numbers


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name: str) -> None:
    version, row = installed(name), TABLE[name]
    if row.without and numbers(row.without) < version < numbers(row.first):
        pytest.skip("not known to the table: introduced somewhere between")

    assert has(name) is (version >= numbers(row.first))


def test_the_oldest_supported_versions_are_the_declared_ones() -> None:
    assert installed("openai") >= (1, 66)
    assert installed("anthropic") >= (0, 43)
