"""Evaluation is exact: every example counts once, whatever the chunk."""

import pytest
import torch
import torch.nn.functional as F

from torchbasics import MLP
from torchbasics.data import Digits, scale_pixels
from torchbasics.mnist import evaluate as module
from torchbasics.mnist.evaluate import Evaluation, evaluate, main


@pytest.mark.parametrize("chunk", [1, 4, 10, 100])
def test_ten_examples_in_any_chunks_equal_one_batch(mnist, monkeypatch, chunk):
    monkeypatch.setattr(module, "CHUNK", chunk)
    ten = Digits(mnist[1].images[:10], mnist[1].labels[:10])
    model = MLP(784, [50], 10)
    logits = model(scale_pixels(ten.images))
    result = evaluate(model, ten, "unit")
    wanted = F.cross_entropy(logits, ten.labels).item()
    assert result.loss == pytest.approx(wanted, rel=1e-6)
    assert result.correct == (logits.argmax(1) == ten.labels).sum().item()
    assert result.count == 10


def test_the_confusion_matrix_counts_true_by_read():
    images = torch.zeros(3, 28, 28, dtype=torch.uint8)
    model = MLP(784, [], 10)
    with torch.no_grad():
        model.logits.weight.zero_()
        model.logits.bias.copy_(F.one_hot(torch.tensor(7), 10))
    result = evaluate(model, Digits(images, torch.tensor([7, 2, 2])), "unit")
    assert result.confusion[7, 7] == 1
    assert result.confusion[2, 7] == 2
    assert result.confusion.sum() == 3
    assert result.accuracy == pytest.approx(1 / 3)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_as_before_and_dropout_is_off(few, training):
    model = MLP(784, [50], 10, batch_norm=True, dropout=0.5).train(training)
    first, second = (evaluate(model, few.test, "unit") for _ in range(2))
    assert first.loss == second.loss
    assert model.training is training


def test_the_last_line_is_the_one_the_design_fixes():
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    confusion[0, 0], confusion[0, 1] = 9712, 288
    line = Evaluation(0.1, confusion).summary("test")
    assert line == "test accuracy 97.12 % (9,712 of 10,000)"


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
