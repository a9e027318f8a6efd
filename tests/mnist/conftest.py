"""What several test files of this wing share."""

import pytest

from torchbasics.mnist import playground


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The pages of a shipped network alone, and of both."""
    place = tmp_path_factory.mktemp("written")
    best = "pretrained-best"
    for name, argv in {"one": [best], "two": ["pretrained", best]}.items():
        assert playground.main([*argv, "--out", str(place / f"{name}.html")]) == 0
    return place
