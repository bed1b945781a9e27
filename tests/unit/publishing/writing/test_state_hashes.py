"""What the state hashes say and when they are written."""

from __future__ import annotations

from tests.support.messages import status
from vision.domain.status import CameraState
from vision.publishing.writing.state_hashes import StateHashes


def test_a_state_is_written_once() -> None:
    """A hash is due after a change and not again."""
    hashes = StateHashes()
    hashes.update(status(CameraState.STARTING))
    hashes.update(status(CameraState.ONLINE))
    assert hashes.take_unwritten()["front"]["state"] == "online"
    assert hashes.take_unwritten() == {}


def test_a_loss_changes_the_hash_of_a_known_camera() -> None:
    """The count is kept before the first status and written with every one after it."""
    hashes = StateHashes()
    hashes.add_lost("front", 3)
    assert hashes.take_unwritten() == {}
    hashes.update(status())
    assert hashes.take_unwritten()["front"]["lost"] == 3
    hashes.add_lost("front", 2)
    assert hashes.take_unwritten()["front"]["lost"] == 5


def test_everything_is_written_again_on_demand() -> None:
    """A Redis that forgot is told of every camera."""
    hashes = StateHashes()
    hashes.update(status())
    hashes.update(status(camera="yard"))
    hashes.take_unwritten()
    hashes.rewrite_all()
    assert set(hashes.take_unwritten()) == {"front", "yard"}
