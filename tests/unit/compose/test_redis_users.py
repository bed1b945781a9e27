"""The users of the stack's Redis and of a cluster: the same ones, with the same rights."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.compose_model import FOLDER
from tests.support.compose_redis import CLUSTER_USERS, USERS, rights_of

_WITHOUT_PASSWORD = {"default", "health"}
# What `vision run` does in a cluster, and Sentinels; a cluster has no page of its own.
_NOT_IN_A_CLUSTER = {"ingest", "infer", "web", "sentinel"}


@pytest.mark.parametrize(
    ("file", "users"), [("users.acl", USERS), ("cluster-users.acl", CLUSTER_USERS)]
)
def test_a_file_has_the_users_that_are_known(file: str, users: tuple[str, ...]) -> None:
    """Each once, and nobody else; start.sh wants a secret file of each."""
    assert set(rights_of(file)) == {*users} | _WITHOUT_PASSWORD
    assert len(set(users)) == len(users)


def test_a_cluster_has_every_user_whose_role_it_serves() -> None:
    """Who is added to the stack is added there too, or named here as one it does not serve."""
    assert {*CLUSTER_USERS} - {"node"} == {*USERS} - _NOT_IN_A_CLUSTER


@pytest.mark.parametrize("user", sorted({*USERS} & {*CLUSTER_USERS} | _WITHOUT_PASSWORD))
def test_rights_are_the_same_in_a_cluster(user: str) -> None:
    """But that channels are sharded and have no patterns, and that one may ask where keys are."""
    in_stack, in_cluster = rights_of("users.acl")[user], rights_of("cluster-users.acl")[user]
    sharded = in_stack.replace("+publish", "+spublish").replace(
        "+subscribe +psubscribe +unsubscribe +punsubscribe", "+ssubscribe +sunsubscribe"
    )
    assert in_cluster.replace(" +cluster|slots", "") == sharded


def test_prepare_makes_a_password_of_each_user() -> None:
    """Of the stack; those of a cluster are made where its nodes are."""
    text = (FOLDER / "prepare.sh").read_text(encoding="utf-8")
    found = re.search(r"^for user in ([a-z ]+); do$", text, re.MULTILINE)
    assert found is not None
    assert {*found[1].split()} == {*USERS}


def test_the_documented_cluster_names_the_secret_files() -> None:
    """Without one of them start.sh refuses to start."""
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.search(r"^for user in ([a-z ]+); do # of cluster-users\.acl$", text, re.MULTILINE)
    assert found is not None
    assert {*found[1].split()} == {*CLUSTER_USERS}
