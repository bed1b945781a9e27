"""Who passes: the vectors of the RFCs, and what must not pass."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.auth import AccessControl, Credentials, Scheme, digest_response

URL = "rtsp://127.0.0.1:8554/front/"
OWNER = Credentials("operator", 'p:ä"ss')
DIGESTS: dict[Scheme, str] = {"digest": "MD5", "digest-sha256": "SHA-256"}
RFC_7616 = {
    "realm": "http-auth@example.org",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "uri": "/dir/index.html",
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "qop": "auth",
}
RFC_2617 = {
    "realm": "testrealm@host.com",
    "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "uri": "/dir/index.html",
    "nc": "00000001",
    "cnonce": "0a4f113b",
    "qop": "auth",
}


@pytest.mark.parametrize(
    ("algorithm", "password", "given_by_client", "expected"),
    [
        ("MD5", "Circle of Life", RFC_7616, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            "Circle of Life",
            RFC_7616,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        ("MD5", "Circle Of Life", RFC_2617, "6629fae49393a05397450978507c4ef1"),
    ],
    ids=["rfc7616-md5", "rfc7616-sha256", "rfc2617"],
)
def test_digest_vectors(
    algorithm: str, password: str, given_by_client: dict[str, str], expected: str
) -> None:
    """The examples of RFC 7616, section 3.9.1 and RFC 2617, section 3.5 come out."""
    credentials = Credentials("Mufasa", password)

    assert digest_response(algorithm, credentials, "GET", given_by_client) == expected


def proof(
    gate: AccessControl, credentials: Credentials = OWNER, count: int | None = 1, **changes: str
) -> str:
    """What a client answers to the challenge; without a count as RFC 2069 has it."""
    asked = dict(re.findall(r'(\w+)="?([^",]*)', gate.challenges()[0].partition(" ")[2]))
    said = {"realm": asked["realm"], "nonce": asked["nonce"], "uri": URL} | changes
    if count is not None:
        said |= {"nc": f"{count:08x}", "cnonce": "abc", "qop": "auth"}
    response = digest_response(asked["algorithm"], credentials, "PLAY", said)
    said |= {"username": credentials.username, "response": response}
    return "Digest " + ", ".join(f'{name}="{text}"' for name, text in said.items())


@pytest.mark.parametrize("scheme", DIGESTS)
def test_right_digest_passes(scheme: Scheme) -> None:
    """Who knows the password passes, again and again with a rising count."""
    gate = AccessControl(Credentials(OWNER.username, OWNER.password, scheme))

    assert f"algorithm={DIGESTS[scheme]}" in gate.challenges()[0]
    assert gate.admits("PLAY", URL, proof(gate))
    assert gate.admits("PLAY", URL, proof(gate, count=2))


def test_client_without_quality_of_protection_passes() -> None:
    """Clients of RFC 2069 send neither qop nor count."""
    gate = AccessControl(OWNER)

    assert gate.admits("PLAY", URL, proof(gate, count=None))


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(lambda gate: proof(gate, Credentials("operator", "wrong")), id="password"),
        pytest.param(lambda gate: proof(gate, Credentials("root", OWNER.password)), id="user"),
        pytest.param(lambda gate: proof(gate, uri="rtsp://127.0.0.1/other"), id="uri"),
        pytest.param(lambda gate: proof(gate, realm="elsewhere"), id="realm"),
        pytest.param(lambda gate: proof(gate).replace("Digest", "Basic"), id="scheme"),
        pytest.param(lambda gate: proof(gate).replace("nc=", "n="), id="no count"),
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda _: "Digest", id="no parameters"),
    ],
)
def test_wrong_digest_is_refused(authorization: Callable[[AccessControl], str]) -> None:
    """Whatever is wrong, the answer is no, and not that the nonce was stale."""
    gate = AccessControl(OWNER)

    assert not gate.admits("PLAY", URL, authorization(gate))
    assert "stale=false" in gate.challenges()[0]


def test_proof_is_for_one_method() -> None:
    """A proof overheard for one request is of no use for another."""
    gate = AccessControl(OWNER)

    assert not gate.admits("TEARDOWN", URL, proof(gate))


def test_replay_is_stale() -> None:
    """The same count twice is refused with a new nonce, which lets the client in."""
    gate = AccessControl(OWNER)
    said = proof(gate)
    assert gate.admits("PLAY", URL, said)

    assert not gate.admits("PLAY", URL, said)

    assert "stale=true" in gate.challenges()[0]
    assert gate.admits("PLAY", URL, proof(gate))


def test_nonce_of_another_connection_is_stale() -> None:
    """A proof that is right for another connection asks for a new try, not a password."""
    gate = AccessControl(OWNER)

    assert not gate.admits("PLAY", URL, proof(AccessControl(OWNER)))

    assert "stale=true" in gate.challenges()[0]


def test_basic() -> None:
    """User name and password pass as RFC 7617 spells them, and nothing else does."""
    gate = AccessControl(Credentials(OWNER.username, OWNER.password, "basic"))
    token = base64.b64encode(f"{OWNER.username}:{OWNER.password}".encode()).decode()

    assert gate.challenges()[0].startswith("Basic ")
    assert gate.admits("PLAY", URL, f"Basic {token}")
    assert gate.admits("PLAY", URL, f"basic {token}")
    assert not gate.admits("PLAY", URL, f"Basic {token[:-4]}")
    assert not gate.admits("PLAY", URL, f"Digest {token}")


@given(st.sampled_from(["basic", "digest", "digest-sha256"]), st.text())
def test_noise_is_refused(scheme: Scheme, noise: str) -> None:
    """No text of a client does more than being refused."""
    gate = AccessControl(Credentials(OWNER.username, OWNER.password, scheme))
    noise = noise.encode(errors="replace").decode()

    for said in (noise, f"Basic {noise}", f"Digest {noise}", f'Digest nc="{noise}", qop=auth'):
        assert not gate.admits("PLAY", URL, said)


def test_credentials_do_not_show_the_password() -> None:
    """The password is in no repr, so in no traceback or log either."""
    assert OWNER.password not in repr(OWNER)
