"""What is said about Redis: never more than an operator may read in a log."""

from __future__ import annotations

import pytest
import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError
from vision.frames.redis_client import address_of, open_client
from vision.frames.redis_errors import code_of, explain, is_lasting


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://redis:6380/2", "redis:6380"),
        ("rediss://redis.example", "redis.example:6379"),
        ("redis:///1", "localhost:6379"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
    ],
)
def test_the_address_is_host_and_port(url: str, address: str) -> None:
    """A log line names the server as an operator would."""
    assert address_of(RedisSettings(url=url)) == address


@pytest.mark.parametrize(
    ("error", "code", "lasting"),
    [
        (redis.ResponseError("WRONGTYPE Operation against a key"), "WRONGTYPE", False),
        (redis.ResponseError("MISCONF Redis is configured to save"), "MISCONF", False),
        (redis.OutOfMemoryError("command not allowed", status_code="OOM"), "OOM", False),
        (redis.exceptions.NoPermissionError("no", status_code="NOPERM"), "NOPERM", False),
        (redis.ResponseError("unknown command 'XADD'", status_code="ERR"), "ERR", True),
    ],
)
def test_only_a_wrong_command_is_given_up(
    error: redis.ResponseError,
    code: str,
    lasting: bool,  # noqa: FBT001  a table of cases
) -> None:
    """Memory, permission, role and type can change; what Redis calls ERR will not."""
    assert code_of(error) == code
    assert is_lasting(error) is lasting


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (redis.AuthenticationError("WRONGPASS"), "refused the login"),
        (redis.BusyLoadingError("Redis is loading"), "still loading"),
        (redis.TimeoutError("Timeout reading from socket"), "no answer in time"),
        (redis.ConnectionError("Connection closed by server."), "the connection was lost"),
        (redis.ResponseError("unknown command 'AUTH', beginning with 'secret'"), "no command AUTH"),
        (redis.ResponseError("value is not 'secret'", status_code="ERR"), "answered ERR"),
        (redis.ConnectionError("max number of clients reached"), "too many clients"),
        (ConfigError("secret file x: is empty"), "secret file x: is empty"),
        (ValueError("'secret'"), "not understood (ValueError)"),
    ],
)
def test_every_failure_has_plain_words(error: Exception, words: str) -> None:
    """Each way to fail is told apart, and what Redis quotes is not repeated."""
    assert words in explain(error)
    assert "'secret'" not in explain(error)


@pytest.mark.parametrize(
    "url", ["rediss://redis:6379/0?ssl_ca_cert=/ca.pem", "redis://a..b:6379", "redis://a/0?db=x"]
)
def test_a_url_that_cannot_work_is_a_clear_error(url: str) -> None:
    """A mistyped option or host name is found at the start, in one line."""
    with pytest.raises(ConfigError, match=r"^redis\.url: [^\n]*: correct it$"):
        open_client(RedisSettings(url=url), None)


@pytest.mark.parametrize(
    "url", ["rediss://redis:6379/0?ssl_ca_certs=/ca.pem", "unix:///run/redis.sock?db=1"]
)
def test_every_kind_of_url_is_taken(url: str) -> None:
    """A private certificate authority or a socket's database needs no setting of its own."""
    open_client(RedisSettings(url=url), "secret").close()
