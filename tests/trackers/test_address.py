"""What of an address may be shown."""

from __future__ import annotations

import pytest

from maskwright.errors import UsageError
from maskwright.trackers.address import refuse_unreadable, without_password, without_secrets


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@here:80/x", "https://here:80/x"),
        ("http://me:p@ss@server", "http://server"),
        ("http://server?token=abc", "http://server"),
        ("http://me:p/ss@server", "http://***"),
        ("http://me:p#ss@server", "http://***"),
        ("sqlite:////here/me@there/mlflow.db", "sqlite:////here/me@there/mlflow.db"),
        ("postgresql:///db?password=abc", "postgresql:///db"),
        ("/here/a?b#c@d", "/here/a?b#c@d"),
    ],
)
def test_an_address_without_its_password(uri: str, shown: str) -> None:
    assert without_password(uri) == shown


@pytest.mark.parametrize(
    ("text", "uri", "shown"),
    [
        ("no secret here", "http://me:secret@here", "no *** here"),
        ("no secrets here", "http://me:secret@here", "no secrets here"),
        ("a server that is far", "http://me:a@far", "a server that is far"),
        ("of http://you:p@ss@there/x", "/here", "of http://there/x"),
        ("a bare name", "http://far?a", "a bare name"),
        ("user me:p@ss", "http://me:p%40ss@here", "user ***"),
    ],
)
def test_a_text_without_passwords(text: str, uri: str, shown: str) -> None:
    assert without_secrets(text, uri) == shown


def test_addresses_that_are_plain_are_taken() -> None:
    for uri in ("http://me:p@ss@here:5000", "databricks://scope:prefix", "sqlite:///x.db", "/here/x@y", "databricks"):
        refuse_unreadable("mlflow", uri)
    for uri in ("http://here:80,tensorboard", "http://:80", "https:///x"):
        with pytest.raises(UsageError, match="cannot be read"):
            refuse_unreadable("mlflow", uri)
