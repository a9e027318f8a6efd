"""`python -m torchbasics.mnist.evaluate`: a network's score, or one sentence."""

import pytest
import torch

from torchbasics.evaluation import Evaluation
from torchbasics.mnist.evaluate import confusion_table, main


def test_the_table_has_a_row_for_each_digit_and_its_share_read_right():
    confusion = torch.diag(torch.arange(1, 11))
    confusion[9, 4] = 30
    head, *rows = confusion_table(Evaluation(0.0, confusion)).splitlines()
    assert head.split() == ["digit", "read", "as", *map(str, range(10)), "right"]
    assert [row.split()[0] for row in rows] == list(map(str, range(10)))
    assert rows[3].split() == ["3", *"...4......", "100.0%"]
    assert rows[9].split() == ["9", *"....", "30", *"....", "10", "25.0%"]


def test_the_shipped_network_reads_the_test_set(capsys):
    assert main(["pretrained"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    last = said.splitlines()[-1]
    assert last.startswith("test accuracy 97.")
    assert last.endswith("of 10,000)")


def test_the_training_set_can_be_read_too(capsys):
    assert main(["pretrained", "--split", "train"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("of 60,000)")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nowhere"], "there is no run 'nowhere'"),
        (["."], "holds no checkpoint"),
        (["pretrained", "--device", "cuda:99"], "'cuda:99' is not there"),
        (["pretrained", "--split", "tset"], "'test', 'train'"),
    ],
)
def test_bad_input_is_one_message_and_exit_status_2(capsys, argv, said):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert said in " ".join(err.split())
    assert "Traceback" not in err
    assert out == ""
