"""What is said about Redis: never more than an operator may read in a log."""

from __future__ import annotations

import pytest
import redis
from redis._parsers.base import BaseParser

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.redis.client import address_of, open_client
from vision.redis.errors import code_of, explain, is_lasting


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


def parsed(reply: str) -> Exception:
    """What the client makes of an error that Redis answers."""
    error: Exception = BaseParser.parse_error(reply)  # type: ignore[no-untyped-call]  # as redis-py has it
    return error


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (
            "NOPERM User ingest has no permissions to run the 'client|setname' command",
            "NOPERM",
            "may not run CLIENT SETNAME (NOPERM): allow +client|setname in the ACL",
        ),
        (
            "NOPERM this user has no permissions to run the 'xadd' command or its subcommand",
            "NOPERM",
            "may not run XADD (NOPERM): allow +xadd",
        ),
        ("NOPERM No permissions to access a key", "NOPERM", "a key that is needed"),
        ("NOPERM No permissions to access a channel", "NOPERM", "allow &vision:*"),
        (
            (
                "ERR The user executing the script can't run this command or subcommand script: 17, on "
                "@user_script:8."
            ),
            "NOPERM",
            "that a script needs",
        ),
        (
            "ERR Error running script (call to f_17): @user_script:36: WRONGTYPE Operation against",
            "WRONGTYPE",
            "something of another type",
        ),
        (
            "ERR unknown command 'INFO', with args beginning with: 'se.cret'",
            "ERR",
            "no command INFO: it is renamed or turned off there",
        ),
        ("ERR unknown command `xadd`, with args", "ERR", "no command XADD"),
        ("READONLY You can't write against a read only replica.", "READONLY", "name the primary"),
        ("MISCONF Redis is configured to save RDB snapshots", "MISCONF", "room on its disk"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM", "raise maxmemory"),
        ("WRONGTYPE Operation against a key", "WRONGTYPE", "rename or delete it"),
        ("NOAUTH Authentication required.", "", "secret file redis_password"),
        ("WRONGPASS invalid username-password pair", "", "secret file redis_password"),
        ("ERR invalid password", "", "secret file redis_password"),
        (
            (
                "ERR AUTH <password> called without any password configured for the default user. Are "
                "you sure your configuration is correct?"
            ),
            "",
            "remove that, or set requirepass",
        ),
        ("ERR Client sent AUTH, but no password is set", "", "remove that, or set requirepass"),
        ("LOADING Redis is loading the dataset in memory", "", "once that is done"),
        ("MASTERDOWN Link with MASTER is down", "", "lost its primary"),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", "CLUSTER NODES"),
        ("MOVED 3999 127.0.0.1:6381", "MOVED", "redis.cluster_nodes"),
        ("ASK 3999 127.0.0.1:6381", "ASK", "tried again"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", "several slots"),
        ("TRYAGAIN Multiple keys request during rehashing", "TRYAGAIN", "tried again"),
        ("BUSY Redis is busy running a script.", "BUSY", "SCRIPT KILL"),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", "min-replicas-to-write"),
        ("NOSCRIPT No matching script.", "NOSCRIPT", "loaded again"),
        ("DENIED Redis is running in protected mode", "DENIED", "set requirepass"),
        ("ERR max number of clients reached", "", "raise maxclients"),
        ("ERR DB index is out of range", "ERR", "correct redis.url"),
        ("ERR SELECT is not allowed in cluster mode", "ERR", "redis.cluster_nodes"),
    ],
)
def test_every_refusal_names_what_helps(reply: str, code: str, words: str) -> None:
    """As Redis 6.2 to 8 and Valkey say it; what they quote stays out."""
    error = parsed(reply)
    assert words in explain(error)
    assert "the connection was lost" not in explain(error)
    assert "se.cret" not in explain(error)
    if code:
        assert isinstance(error, redis.ResponseError)
        assert code_of(error) == code


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
