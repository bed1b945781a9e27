"""What cameras ask for at a login, and the answers of the standards."""

from __future__ import annotations

import hashlib
import re

import pytest

from simulator.auth import AccessControl, Credentials, Scheme
from vision.capture.challenge import Challenge, ChallengeResponder, challenges, chosen_by_ffmpeg
from vision.capture.challenge import is_known_to_ffmpeg as is_known

_MD5 = 'Digest realm="cam", nonce="abc", algorithm=MD5, qop="auth"'
_SHA256 = 'Digest realm="cam", nonce="abc", algorithm=SHA-256, qop="auth"'
_BASIC = 'Basic realm="cam"'


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([_MD5], ["Digest MD5"]),
        ([_MD5, _SHA256, _BASIC], ["Digest MD5", "Digest SHA-256", "Basic"]),
        (['Basic realm="a, Digest b", Digest realm="x=1", nonce="n,2"'], ["Basic", "Digest MD5"]),
        ([f"{_BASIC}, {_SHA256}"], ["Basic", "Digest SHA-256"]),
        (['digest realm = "x" , nonce = "y" , algorithm = "SHA-256"'], ["Digest SHA-256"]),
        (["Negotiate, " + _BASIC], ["Negotiate", "Basic"]),
        (["Bearer"], ["Bearer"]),
        (['Digest realm="IP Camera(C1214)",nonce="x",stale="FALSE"'], ["Digest MD5"]),
        ([], []),
        (["", " , ", '"', "="], []),
    ],
)
def test_all_challenges_are_found(values: list[str], expected: list[str]) -> None:
    """In several headers or one, with any blanks, and none in what is quoted."""
    assert [each.name for each in challenges(values)] == expected


def test_parameters_are_taken_as_they_are_meant() -> None:
    """Quoted, bare, escaped, and with any case of their names."""
    (found,) = challenges(['Digest Realm="a \\"b\\", c", NONCE=x1, qop="auth,auth-int"'])
    assert found.parameters == {"realm": 'a "b", c', "nonce": "x1", "qop": "auth,auth-int"}


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([_MD5, _SHA256, _BASIC], "Digest SHA-256"),
        ([_BASIC, _MD5], "Digest MD5"),
        (["Bearer", _BASIC], "Basic"),
        ([_SHA256.replace("auth", "auth-conf"), _MD5], "Digest MD5"),
        ([_SHA256.replace("auth", "auth-int"), _MD5], "Digest SHA-256"),
        ([_SHA256.replace("SHA-256", "SHA-512-256"), _SHA256], "Digest SHA-512-256"),
    ],
)
def test_the_strongest_way_is_known(values: list[str], best: str) -> None:
    """In whatever order they are offered."""
    for offered in (values, values[::-1]):
        assert max(challenges(offered), key=lambda each: each.strength).name == best


@pytest.mark.parametrize("value", ["Bearer", "Negotiate", _SHA256.replace("SHA-256", "SHA3")])
def test_what_has_no_answer_has_no_strength(value: str) -> None:
    """No guess is made."""
    assert [each.strength for each in challenges([value])] == [0]


@pytest.mark.parametrize(
    ("values", "chosen", "known"),
    [
        ([_MD5, _SHA256], "Digest SHA-256", False),
        ([_SHA256, _MD5], "Digest MD5", True),
        ([_SHA256, _BASIC], "Digest SHA-256", False),
        ([_BASIC], "Basic", True),
        (["Bearer", _BASIC, _MD5.replace("MD5", "MD5-sess")], "Digest MD5-sess", True),
    ],
)
def test_what_ffmpeg_chooses_is_known(values: list[str], chosen: str, known: bool) -> None:  # noqa: FBT001  a parameter
    """Its last digest, of whatever algorithm."""
    found = chosen_by_ffmpeg(challenges(values))
    assert found is not None
    assert (found.name, is_known(found)) == (chosen, known)


@pytest.mark.parametrize(
    "value",
    [
        _MD5.replace("MD5", '"md5"'),
        _MD5.replace("=", " = "),
        _MD5.replace("realm", "REALM"),
        _MD5.replace('"cam"', '"a \\"b\\""'),
        _MD5.replace("cam", "c" * 200),
        _MD5.replace("abc", "c" * 300),
        _MD5 + f', opaque="{"c" * 300}"',
        _MD5.replace('"auth"', '"auth-int"'),
        "Basic",
    ],
)
def test_what_ffmpeg_reads_otherwise_than_it_is_meant_is_not_known_to_it(value: str) -> None:
    """Its answer would be wrong, and the password blamed for it."""
    (found,) = challenges([value])
    assert not is_known(found)
    assert found.strength


@pytest.mark.parametrize("username", ["a:b", 'a"b', "a\\b"])
def test_a_name_that_ffmpeg_sends_otherwise_is_not_known_to_it(username: str) -> None:
    """In a digest; Basic has no trouble with quotes, and none with a colon from FFmpeg."""
    assert is_known(challenges([_MD5])[0], "viewer@x ü")
    assert not is_known(challenges([_MD5])[0], username)
    assert is_known(challenges([_BASIC])[0], username)


@pytest.mark.parametrize(
    ("offered", "sent"), [("auth,auth-int", "auth"), ("auth-int", "auth-int"), ("", None)]
)
def test_the_quality_is_one_that_is_offered(offered: str, sent: str | None) -> None:
    """``auth-int`` protects the body too, and there is none."""
    challenge = Challenge("digest", {"realm": "r", "nonce": "n", "qop": offered})
    answer = ChallengeResponder(challenge, "u", "p").authorization("PLAY", "x")
    given = dict(re.findall(r'(\w+)="?([^",]*)', answer.removeprefix("Digest ")))

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    request = md5("PLAY", "x", md5("")) if sent == "auth-int" else md5("PLAY", "x")
    middle = (given["nc"], given["cnonce"], sent) if sent else ()
    assert given.get("qop") == sent
    assert given["response"] == md5(md5("u", "r", "p"), "n", *middle, request)


def test_without_a_way_that_ffmpeg_knows_it_chooses_none() -> None:
    """Then it sends no credentials at all."""
    assert chosen_by_ffmpeg(challenges(["Bearer"])) is None


@pytest.mark.parametrize("scheme", ["basic", "digest", "digest-sha256"])
def test_answers_are_those_that_a_camera_checks(scheme: Scheme) -> None:
    """One after the other on one nonce."""
    gate = AccessControl(Credentials("us er@x", 'p:@/ü\\"', scheme))
    (challenge,) = challenges(gate.challenges())
    answers = ChallengeResponder(challenge, "us er@x", 'p:@/ü\\"')
    for method in ("DESCRIBE", "SETUP", "PLAY"):
        uri = f"rtsp://127.0.0.1/live/{method}"
        assert gate.admits(method, uri, answers.authorization(method, uri))
    wrong = ChallengeResponder(challenge, "us er@x", "other")
    assert not gate.admits("PLAY", "rtsp://h/", wrong.authorization("PLAY", "rtsp://h/"))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 3.9.1, whose client nonce is given."""
    own = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("secrets.token_hex", lambda _: own)
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    challenge = Challenge(
        "digest",
        {"realm": "http-auth@example.org", "nonce": nonce, "qop": "auth", "algorithm": algorithm},
    )
    answer = ChallengeResponder(challenge, "Mufasa", "Circle of Life").authorization(
        "GET", "/dir/index.html"
    )
    assert re.search(r'response="([0-9a-f]+)"', answer)[1] == response  # type: ignore[index]


def test_a_session_hash_and_old_cameras_are_answered() -> None:
    """``-sess`` mixes in both nonces; without ``qop`` there is no count."""
    given = {"realm": "r", "nonce": "n", "algorithm": "SHA-256-sess"}
    session = ChallengeResponder(Challenge("digest", given), "u", "p").authorization("PLAY", "x")
    assert "cnonce=" in session
    assert "nc=" not in session.replace("cnonce=", "")
    plain = ChallengeResponder(
        Challenge("digest", {"realm": "r", "nonce": "n", "opaque": "o"}), "u", "p"
    )
    assert "cnonce" not in plain.authorization("PLAY", "x")
    assert 'opaque="o"' in plain.authorization("PLAY", "x")
