"""Arguments: what is no tensor, or of another shape, is named with what is wanted."""

import pytest
import torch

from torchbasics.arguments import require_rows, require_tensor

X = torch.zeros(4, 2)


def test_the_first_that_is_no_tensor_is_named():
    require_tensor(x=X, targets=X)
    with pytest.raises(TypeError, match=r"^targets is a tuple; wanted a torch"):
        require_tensor(x=X, targets=(1, 0), weights=[1.0])


@pytest.mark.parametrize("shape", [(2,), (4, 3), (2, 2, 2), (), (0,)])
def test_another_shape_is_named_with_the_one_wanted(shape):
    with pytest.raises(ValueError, match=r"x has shape \(.*\); wanted \(N, 2\), one"):
        require_rows(torch.zeros(shape), 2)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_batch_may_be_of_any_size(count):
    require_rows(torch.zeros(count, 2), 2)


def test_rows_are_a_tensor():
    with pytest.raises(TypeError, match="x is a list"):
        require_rows([[1.0, 2.0]], 2)
