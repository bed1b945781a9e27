"""Addresses of cameras as makers print them and people mistype them: taken in one form, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision.config import settings_from
from vision.domain.errors import ConfigError

_VALUE = "hunter2hunter2"


def url_of(url: str) -> str:
    """The address that is used for a camera with ``url``."""
    return (
        settings_from({"cameras": {"front": {"url": url}}}, "vision.yaml", {}).cameras["front"].url
    )


def refusal(settings: dict[str, Any]) -> str:
    """The line that refuses ``settings``, of which no credential is shown or kept."""
    with pytest.raises(ConfigError) as caught:
        settings_from(settings, "vision.yaml", {})
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert "nter2" not in line
    assert caught.value.__context__ is None
    return line


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://h",
        "rtsp://h/",
        "rtsp://h:554",
        "rtsp://192.0.2.1:554/live/",
        "rtsp://192.0.2.1//live",
        "rtsp://cam_1.lan.:8554/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",
        "rtsp://h/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
        "rtsp://h/onvif-media/media.amp?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast",
        "rtsp://h/axis-media/media.amp?videocodec=h264&resolution=640x480",
        "rtsp://h/h264Preview_01_main",
        "rtsp://h/rtsp_tunnel?h26x=4&line=1&inst=1&rec=0",
        "rtsp://h/a%20b%2Fc%3F",
        "rtsp://h/käme/ra",
        "rtsp://h/live?x={y}",
        "rtsp://h/live?listen",
        "rtsp://h/live?p=1",
        "rtsp://h/user/key/login/1",
        "rtsp://[2001:db8::1]:554/live",
        "rtsp://[fe80::1%eth0]/live",
        "rtsps://h:322/live?user={username}&pwd={password}",
        "rtsp://h/user={username}&password={password}&channel=1&stream=0.sdp?real_stream",
        "rtsp://h/user={username}_password={password}_channel=1_stream=0.sdp",
        "rtsp://h/live?channel=1;user={username};password={password}",
        "rtsp://h/password/{password}/1",
        "rtsp://h/live?u={username}&p={password}",
        "rtsp://h/user=viewer;channel=1;stream=0.sdp",
        "rtsp://h/live?user_name=viewer&channel=1",
        "rtsp://h/live?loginuse=viewer",
        "rtsp://h/user=viewer&password={password}",
        "rtsp://h/channel=1&password=&stream=0.sdp",
    ],
)
def test_addresses_of_cameras_are_taken_as_they_are(url: str) -> None:
    """Odd ones too, and credentials by their placeholders anywhere behind the host."""
    assert url_of(url) == url


@pytest.mark.parametrize("scheme", ["RTSP", "Rtsp", "RTSPS"])
def test_a_scheme_is_the_same_in_capitals(scheme: str) -> None:
    """RFC 3986, 3.1; what reads the stream knows small letters only."""
    assert url_of(f"{scheme}://H/Live") == f"{scheme.lower()}://H/Live"


def test_a_zone_is_written_as_the_library_reads_it() -> None:
    """RFC 6874 writes ``%25`` for the ``%`` in an address, which the library takes for itself."""
    assert url_of("rtsp://[fe80::1%25eth0]:554/a%25b") == "rtsp://[fe80::1%eth0]:554/a%25b"


@pytest.mark.parametrize(
    "place",
    [
        "user=admin&password={}&channel=1&stream=0.sdp?real_stream",
        "user=admin_password={}_channel=1_stream=0.sdp",
        "live?channel=1;user=admin;password={}",
        "live;password={}",
        "live?channel=1,pwd={}",
        "live?authbasic={}",
        "live?usr=admin&pwd={}",
        "live?loginuse=admin&loginpas={}",
        "live?u=admin&p={}",
        "live?p={}",
        "live#password={}",
        "live?PassWd={}",
        "live?pass%77ord={}",
        "live?password%3D{}",
        "live?pass%2577ord={}",
        "live?user:admin,password:{}",
        "live?auth[token]={}",
        "live/password/{}",
        "live/token/{}/1",
        *(
            f"live?{key}={{}}"
            for key in (
                "passwd",
                "passwort",
                "pass",
                "pw",
                "psw",
                "pin",
                "token",
                "streamtoken",
                "stream_token",
                "access-token",
                "auth",
                "Authorization",
                "key",
                "api_key",
                "apiKey",
                "signature",
                "sig",
                "jwt",
                "secret",
                "client.secret",
                "wowzatokenhash",
                "X-Amz-Signature",
                "session",
            )
        ),
    ],
)
def test_a_credential_anywhere_behind_the_host_is_refused(place: str) -> None:
    """Whatever separates it, whatever it is called, and however it is encoded."""
    line = refusal({"cameras": {"front": {"url": f"rtsp://h/{place.format(_VALUE)}"}}})
    assert "vision.yaml: cameras.front.url: " in line
    assert "secret file" in line


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("rtsp://h:0/x", "from 1 to 65535"),
        ("rtsp://h:99999/x", "from 1 to 65535"),
        ("rtsp://h:-1/x", "from 1 to 65535"),
        ("rtsp://h:rtsp/x", "from 1 to 65535"),
        ("rtsp://user:hunter2/x", "from 1 to 65535"),
        ("rtsp://h:/x", "write the port or remove"),
        ("rtsp://h:", "write the port or remove"),
        ("rtsp://[::1]:/x", "write the port or remove"),
        ("rtsp://::1:554/x", r"write rtsp://[2001:db8::1]"),
        ("rtsp://2001:db8::1/x", r"write rtsp://[2001:db8::1]"),
        ("rtsp://[::1/x", "IPv6 address"),
        ("rtsp://[h]/x", "IPv6 address"),
        ("rtsp://[::1]554/x", "IPv6 address"),
        ("rtsp://[::1%]/x", "IPv6 address"),
        ("rtsp://[::1%25lo]/x", "a zone ('%…')"),
        ("rtsp://[::1%25a b]/x", "written %20"),
        ("rtsp://", "names no host"),
        ("rtsp:///x", "names no host"),
        ("rtsp://:554/x", "names no host"),
        ("rtsp:/h/x", "must look like rtsp://"),
        ("rtsp:h/x", "must look like rtsp://"),
        ("h/x", "must look like rtsp://"),
        ("", "must look like rtsp://"),
        ("http://h/x", "must look like rtsp://"),
        ("rtspt://h/x", "must look like rtsp://"),
        ("rtsp://h/a b", "written %20"),
        (" rtsp://h/a", "written %20"),
        ("rtsp://h/a\n", "control character"),
        ("rtsp://h/a\x00", "control character"),
        ("rtsp://h/\u200b", "control character"),
        ("rtsp:\\\\h\\x", "holds a backslash"),
        ("rtsp://h/x#backchannel=0", "written %23"),
        ("rtsp://h/x#", "written %23"),
        ("rtsp://käme.example/x", "xn--"),
        ("rtsp://h%41/x", "a character that none can have"),
        ("rtsp://{username}/x", "a character that none can have"),
        ("rtsp://h,i/x", "a character that none can have"),
        ("rtsp://who@h/x", "secret file"),
        ("rtsp://:@h/x", "secret file"),
        ("rtsp://h/" + "a" * 3000, "longer than 2048"),
    ],
)
def test_a_malformed_address_is_one_line_with_its_remedy(url: str, remedy: str) -> None:
    """None reaches the library, whose reason would be a number."""
    line = refusal({"cameras": {"front": {"url": url}}})
    assert "cameras.front.url: " in line
    assert remedy in line


@given(st.text())
@example("rtsp://h:\u0665/x")
@example("rtsp://\ufe55/x")
@example("rtsp://[::1]]/")
@example("//[")
def test_any_text_is_an_address_or_one_line(text: str) -> None:
    """Whatever is written there, alone or behind a scheme."""
    for url in (text, f"rtsp://{text}", f"rtsp://h/{text}", f"rtsp://h:{text}/"):
        try:
            assert url_of(url).startswith(("rtsp://", "rtsps://"))
        except ConfigError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017  either is right


@pytest.mark.parametrize(
    "other",
    [
        {"redis": {"url": f"redis://h/0?pass%77ord={_VALUE}"}},
        {"redis": {"url": f"redis://h/0#password={_VALUE}"}},
        {"bridge": {"webhook": {"targets": [{"name": "x", "url": f"https://h/token/{_VALUE}"}]}}},
        {"bridge": {"webhook": {"targets": [{"name": "x", "url": f"https://h/a;sig={_VALUE}"}]}}},
        {
            "narration": {
                "providers": [{"name": "x", "model": "m", "url": f"https://h/key={_VALUE}"}]
            }
        },
    ],
)
def test_other_addresses_are_looked_at_alike(other: dict[str, Any]) -> None:
    """Redis, webhooks and language models have secret files as well."""
    line = refusal(other)
    assert "secret file" in line
