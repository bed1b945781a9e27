"""Signatures as standardwebhooks.com has them."""

from __future__ import annotations

import base64

import pytest

from vision.bridges.webhook_sender import signed_headers, signing_key
from vision.domain.errors import ConfigError

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_example() -> None:
    """The one that the specification's libraries are tested with."""
    headers = signed_headers(
        signing_key(KEY, "f"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_key_may_be_plain_text() -> None:
    """As a person types it; one that is too short is refused."""
    assert signing_key("a plain key of words", "f") == b"a plain key of words"
    encoded = f"whsec_{base64.b64encode(b'0123456789abcdef').decode()}"
    assert signing_key(encoded, "f") == b"0123456789abcdef"


@pytest.mark.parametrize("text", ["short", "whsec_!!!", "whsec_c2hvcnQ="])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    """The line names the file, and nothing of what is in it."""
    with pytest.raises(ConfigError, match=r"^secret file webhook_x_key: ") as caught:
        signing_key(text, "webhook_x_key")
    assert text not in str(caught.value)
