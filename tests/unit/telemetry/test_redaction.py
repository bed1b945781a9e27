"""What was registered stands in no text, in no spelling."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.credentials import Pair, pairs
from tests.support.secret_encodings import ENCODERS
from vision.telemetry.redaction import REDACTED, Redactor

# The same examples each time, however busy the machine is.
_PATIENT = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Each is something that an escape could begin or end with.
SURROUNDINGS = ("{}", "rtsp://x/{}/y", "a{}b", "%{}%25", "\\{}\\", "&{};", "={}=", "0x{}20")


def knowing(*values: str) -> Redactor:
    """A redactor that was told of secrets as the secret files do it."""
    redactor = Redactor()
    for value in values:
        redactor.register(value)
    redactor.register(*values)
    return redactor


@settings(_PATIENT, max_examples=150)
@given(pairs())
@example(Pair("cam.user", "secret"))
@example(Pair("us@er", "secret"))
@example(Pair("viewer", "p@ss/w"))
@example(Pair("viewer", "\\\\\\\\\\\\"))
@example(Pair("%41%42", "%2541%25"))
@example(Pair("&amp;", "&#38;"))
@example(Pair("a&b%2", "a\\nb%"))
@example(Pair("++++", "    x"))
def test_nothing_is_left_of_a_value_in_any_spelling(pair: Pair) -> None:
    """The whole spelling goes: a part of a password is a part too much."""
    redactor = knowing(pair.username, pair.password)
    for value in (pair.username, pair.password):
        for name, encode in ENCODERS.items():
            for around in SURROUNDINGS:
                before, _, after = around.partition("{}")
                shown = redactor.redact(before + encode(value) + after)
                assert REDACTED in shown, name
                # Backslashes and the like before it may have been taken for a part of it.
                assert len(shown.replace(REDACTED, "")) <= len(before + after), (name, shown)


@given(pairs(), st.binary(max_size=7), st.binary(max_size=7))
@settings(_PATIENT, max_examples=200)
def test_base64_of_a_longer_text_hides_it_too(pair: Pair, before: bytes, after: bytes) -> None:
    """Three bytes make four characters: it matters where among others the pair stands."""
    redactor = knowing(pair.username, pair.password)
    data = before + f"{pair.username}:{pair.password}".encode() + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for word in (encode(data).decode(), encode(data).decode().rstrip("=")):
            # No value is as short as what stands around the word.
            assert redactor.redact(f"t {word}.") == f"t {REDACTED}."


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://cam.user:secret@h",
        "rtsp://cam.user:secret@h:554/a?b=c",
        "rtsp://us%40er:secret@h",
        "rtsp://:secret@h",
        "http://h/?usr=a&pwd=secret",
        "http://h/?token=secret",
        "rtsp://h:554/user=cam.user_password=secret_channel=1_stream=0.sdp",
        "rtsp://cam.user:p@ss/w@h",
        "{'Authorization': 'Bearer secret'}",
        r"b'SETUP rtsp://h/p RTSP/1.0\r\nAuthorization: Basic Y2FtLnVzZXI6c2VjcmV0\r\n\r\n'",
    ],
)
def test_urls_on_which_patterns_fail(text: str) -> None:
    """Known systems guess what a credential looks like, and show these."""
    redactor = knowing("cam.user", "secret")
    redactor.register("us@er", "p@ss/w")
    redactor.register("us@er")
    redactor.register("p@ss/w")
    shown = redactor.redact(text)
    for secret in ("secret", "cam.user", "us%40er", "p@ss", "ss/w", "Y2Ft"):
        assert secret not in shown
    assert REDACTED in shown


@pytest.mark.parametrize("end", ["", "\r\nCSeq: 4", r"\r\nCSeq: 4", r"\\r\\nCSeq: 4", "\nCSeq: 4"])
@pytest.mark.parametrize("scheme", ["Digest", "digest"])
def test_a_digest_header_goes_whole(scheme: str, end: str) -> None:
    """Its response proves a password, and is no value that anybody registered."""
    response = "9935ec4de17547e10e403635cd5d41a9"
    header = f'Authorization: {scheme} username="bob", realm="r", response="{response}"{end}'
    shown = Redactor().redact(f"PLAY x\r\n{header}")
    assert response not in shown
    assert "bob" not in shown
    assert shown.startswith("PLAY x\r\nAuthorization: ")
    assert ("CSeq: 4" in shown) is bool(end)


def test_the_user_part_of_any_url_goes() -> None:
    """Also of one that was never in a secret file, such as a mistyped option."""
    shown = Redactor().redact(r'rtsp://who:wh@t@h/1 "http:\/\/who@h" ftp://h/a@b mail me@h')
    assert shown == rf'rtsp://{REDACTED}@h/1 "http:\/\/{REDACTED}@h" ftp://h/a@b mail me@h'


def test_secrets_that_overlap_go_as_one() -> None:
    """The second one would else show what it does not share with the first."""
    redactor = knowing("abcdef", "defghi")
    redactor.register("xxabcdefghixx")
    assert redactor.redact("-abcdefghi-") == f"-{REDACTED}-"
    assert redactor.redact("-xxabcdefghixx-") == f"-{REDACTED}-"
    assert knowing("abab", "1234").redact("-ababab-") == f"-{REDACTED}-"


def test_both_normal_forms_of_an_accent_are_known() -> None:
    """A keyboard types one, a file system or a camera's page may make the other of it."""
    redactor = knowing("viewer", unicodedata.normalize("NFC", "café-crème"))
    assert redactor.redact(unicodedata.normalize("NFD", "café-crème")) == REDACTED


def test_a_short_value_goes_where_it_is_a_credential_and_nowhere_else() -> None:
    """Taking every ``a`` out of a log leaves no log, and tells what the password is."""
    redactor = knowing("bob", "a1")
    text = "camera bob2 a1b frame=a1"
    assert redactor.redact(text) == text
    pair = base64.b64encode(b"bob:a1").decode()
    for shown in ("rtsp://bob:a1@h", "login bob:a1.", f"Authorization: Basic {pair}", pair):
        assert "a1" not in redactor.redact(shown)
        assert pair not in redactor.redact(shown)
    assert redactor.redact("/v?usr=bob&pwd=a1&x=1") == f"/v?{REDACTED}&{REDACTED}&x=1"
    assert redactor.redact("/user=bob_password=a1_channel=1") == f"/{REDACTED}_{REDACTED}_channel=1"


def test_what_stands_beside_a_header_stays_readable() -> None:
    """A dictionary of headers is one line, of which one entry is the secret."""
    shown = Redactor().redact("{'Authorization': 'Basic dTpw', 'CSeq': '4'}")
    assert shown == f"{{'Authorization': '{REDACTED}', 'CSeq': '4'}}"


def test_an_old_value_stays_known() -> None:
    """After a rotation the old password still lies in buffers."""
    redactor = Redactor()
    redactor.register("old-one")
    redactor.register("new-one")
    assert redactor.redact("old-one new-one") == f"{REDACTED} {REDACTED}"


def test_text_without_secrets_comes_back_as_it_was() -> None:
    """Ordinary lines stay readable, with and without anything registered."""
    text = r'rtsp://host/path?x=%2F%41 {"a": "\\u0041 \x41"} Basic rules; response=200'
    assert Redactor().redact(text) == text
    assert knowing("viewer", "hunter2-long").redact(text) == text


@settings(_PATIENT)
@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    """Sinks show what the network sent: nothing in it may break the redactor."""
    redactor = knowing("viewer", "\\\"'%& \\")
    assert redactor.redact(redactor.redact(text)).count("viewer") == 0


def test_a_text_full_of_escapes_takes_no_exponential_time() -> None:
    """A camera may send what would send a backtracking pattern into next week."""
    redactor = knowing("\\" * 24, "%25" * 8 + "\\" * 16)
    text = ("\\" * 400 + "%25" * 200 + "%5C" * 100 + "&amp;" * 100) * 2
    assert len(redactor.redact(text)) <= len(text) + len(REDACTED) * 100


def test_an_entity_of_thousands_of_digits_is_text_like_any_other() -> None:
    """Python refuses to read a number of that length."""
    text = f"&#{'1' * 5000}; viewer"
    assert knowing("viewer", "hunter2-long").redact(text) == f"&#{'1' * 5000}; {REDACTED}"
