"""Evaluation is exact, repeatable, and leaves the model as it found it."""

import re
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchbasics import MLP, evaluation
from torchbasics.data import scale_pixels
from torchbasics.evaluation import (
    Evaluation,
    eval_mode,
    evaluate,
    most_confident_errors,
    predict_probs,
)
from torchbasics.perceptron import AND, INPUTS
from torchbasics.trace import forward_trace

CHUNKS = pytest.mark.parametrize("chunk", [1, 4, 10, 100])


@pytest.fixture
def ten(mnist):
    """Ten digits, as rows of numbers, and their labels."""
    images, labels = mnist[1]
    return scale_pixels(images[:10]), labels[:10]


@CHUNKS
def test_ten_examples_in_any_chunks_equal_one_batch(ten, monkeypatch, chunk):
    monkeypatch.setattr(evaluation, "CHUNK", chunk)
    inputs, labels = ten
    model = MLP(784, [50], 10)
    logits = model(inputs)
    result = evaluate(model, inputs, labels)
    wanted = F.cross_entropy(logits, labels).item()
    assert result.loss == pytest.approx(wanted, rel=1e-6)
    assert result.num_correct == (logits.argmax(1) == labels).sum().item()
    assert result.count == 10
    probs = predict_probs(model, inputs)
    torch.testing.assert_close(probs, logits.softmax(1))
    assert not probs.requires_grad


@pytest.mark.parametrize("chunk", [1, 1000])
def test_losses_however_unlike_are_added_up_without_loss(monkeypatch, chunk):
    """In float32, there is no number between 30,003,000 and 30,003,002."""
    monkeypatch.setattr(evaluation, "CHUNK", chunk)
    logits = torch.tensor([[0.0, 3e7]] + 100 * [[0.0, 30.01]])
    result = evaluate(nn.Identity(), logits, torch.zeros(101, dtype=torch.int64))
    assert result.loss == pytest.approx((3e7 + 100 * 30.01) / 101, rel=1e-9)


def test_each_example_needs_a_label(ten, monkeypatch):
    monkeypatch.setattr(evaluation, "CHUNK", 4)
    inputs, labels = ten
    for count in (8, 9):
        with pytest.raises(ValueError, match=r"labels has \(\d,\); wanted"):
            evaluate(MLP(784, [], 10), inputs, labels[:count])


def test_an_evaluation_is_counts_that_stay_as_they_are(ten):
    result = evaluate(MLP(784, [], 10), *ten)
    assert result.confusion.dtype == torch.int64
    with pytest.raises(AttributeError):
        result.loss = 0.0


@CHUNKS
def test_an_answer_does_not_depend_on_which_examples_are_beside_it(
    ten, monkeypatch, chunk
):
    """Not even with batch norm, which in training mixes a batch."""
    monkeypatch.setattr(evaluation, "CHUNK", chunk)
    inputs, labels = ten
    model = MLP(784, [50], 10, batch_norm=True, dropout=0.5)
    model(torch.rand(20, 784))  # for the running means
    order = torch.tensor([7, 2, 9, 0, 5, 4, 6, 3, 8, 1])
    here, there = (predict_probs(model, x) for x in (inputs, inputs[order]))
    torch.testing.assert_close(there, here[order])
    first = evaluate(model, inputs, labels)
    second = evaluate(model, inputs[order], labels[order])
    assert first.loss == pytest.approx(second.loss, rel=1e-6)
    assert torch.equal(first.confusion, second.confusion)
    halves = [evaluate(model, inputs[i:j], labels[i:j]) for i, j in ((0, 5), (5, 10))]
    assert first.loss == pytest.approx(sum(h.loss for h in halves) / 2, rel=1e-6)
    assert torch.equal(first.confusion, sum(half.confusion for half in halves))


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_the_model_reads_what_the_transform_makes_of_the_examples(mnist, scale):
    images, labels = (part[:10] for part in mnist[1])
    transform = partial(scale_pixels, scale=scale)
    seen = []
    model = MLP(784, [50], 10)
    model.register_forward_pre_hook(lambda model, args: seen.append(args[0]))
    result = evaluate(model, images, labels, transform)
    probs = predict_probs(model, images, transform)
    assert all(torch.equal(x, scale_pixels(images, scale)) for x in seen)
    assert result.num_correct == int((probs.argmax(1) == labels).sum())


def test_the_confusion_matrix_counts_true_by_read():
    model = MLP(4, [], 10)
    with torch.no_grad():
        model.logits.weight.zero_()
        model.logits.bias.copy_(F.one_hot(torch.tensor(7), 10))
    result = evaluate(model, torch.zeros(3, 4), torch.tensor([7, 2, 2]))
    assert result.confusion[7, 7] == 1
    assert result.confusion[2, 7] == 2
    assert result.confusion.sum() == 3
    assert result.accuracy == pytest.approx(1 / 3)


def test_the_last_line_is_the_one_the_design_fixes():
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    confusion[0, 0], confusion[0, 1] = 9712, 288
    line = Evaluation(0.1, confusion).summary("test")
    assert line == "test accuracy 97.12 % (9,712 of 10,000)"


def frozen():
    """A model in training, but for one batch norm."""
    model = MLP(4, [5, 3], 2, batch_norm=True, dropout=0.5).train()
    model.hidden1.norm.eval()
    return model


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


X, LABELS = torch.ones(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])
READERS = {
    "evaluate": lambda model, x: evaluate(model, x, LABELS),
    "predict_probs": predict_probs,
    "forward_trace": forward_trace,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("make", [frozen, lambda: frozen().eval()])
def test_each_part_keeps_its_mode_also_a_frozen_one_also_after_an_exception(name, make):
    read, model = READERS[name], make()
    before, state = modes(model), {k: v.clone() for k, v in model.state_dict().items()}
    read(model, X)
    assert modes(model) == before
    with pytest.raises(TypeError):
        read(model, X.double())  # float64 inputs, float32 weights
    assert modes(model) == before
    assert torch.is_grad_enabled()
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key


@pytest.mark.parametrize("name", ["evaluate", "predict_probs"])
def test_dropout_is_off_and_nothing_is_drawn(name):
    model = MLP(4, [50], 2, dropout=0.5).train()
    before = torch.get_rng_state()
    first, second = (READERS[name](model, X) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    both = (first, second) if name == "predict_probs" else (first.loss, second.loss)
    torch.testing.assert_close(*both, rtol=0, atol=0)


def test_inside_eval_mode_all_parts_are_and_gradients_are_off():
    model = frozen()
    before = modes(model)
    with eval_mode(model):
        assert not any(modes(model).values())
        assert not model(X).requires_grad
    assert modes(model) == before
    assert model(X).requires_grad
    with pytest.raises(ZeroDivisionError), eval_mode(model):
        raise ZeroDivisionError
    assert modes(model) == before


def test_a_model_that_is_one_module_has_a_mode_too():
    norm = nn.BatchNorm1d(4)
    with eval_mode(norm):
        assert not norm.training
    assert norm.training


class TestMostConfidentErrors:
    PROBS = torch.tensor(
        [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.99, 0.01], [0.45, 0.55]]
    )
    LABELS = torch.tensor([0, 1, 0, 0, 0])  # only the fourth is read right

    def test_the_surest_comes_first_and_what_is_right_never(self):
        wrong = most_confident_errors(self.PROBS, self.LABELS, 5)
        assert wrong.tolist() == [0, 1, 2, 4]

    def test_no_more_are_given_than_asked_for(self):
        wrong = most_confident_errors(self.PROBS, self.LABELS, 2)
        assert wrong.tolist() == [0, 1]

    def test_labels_that_name_no_class_are_refused(self):
        with pytest.raises(ValueError, match="labels go from 0 to 2"):
            most_confident_errors(
                self.PROBS, self.LABELS + torch.eye(5).long()[0] * 2, 1
            )
        with pytest.raises(ValueError, match=r"labels has \(4,\)"):
            most_confident_errors(self.PROBS, self.LABELS[:4], 1)

    def test_where_all_is_right_there_are_none(self):
        right = most_confident_errors(self.PROBS, self.PROBS.argmax(1), 3)
        assert right.tolist() == []


@pytest.mark.parametrize(
    ("model", "shape"),
    [(AND, "(4,)"), (nn.Unflatten(1, (1, 2)), "(4, 1, 2)")],
)
def test_without_a_row_of_scores_for_each_example_there_are_no_probabilities(
    model, shape
):
    """The softmax of four examples' answers would go across the examples."""
    sentence = rf"logits has shape {re.escape(shape)}; wanted \(N, D\)"
    with pytest.raises(ValueError, match=sentence):
        predict_probs(model, INPUTS)


def test_a_model_that_answers_for_fewer_examples_is_refused():
    pairs = nn.Sequential(nn.Unflatten(0, (2, 2)), nn.Flatten())
    with pytest.raises(ValueError, match=r"logits has shape \(2, 4\); wanted examples"):
        predict_probs(pairs, INPUTS)


def test_of_the_surest_errors_there_may_be_none():
    assert len(most_confident_errors(torch.eye(3), torch.tensor([1, 2, 0]), 0)) == 0


@pytest.mark.parametrize("count", [-1, 1.5, "2", None])
def test_a_count_is_a_whole_number_of_errors(count):
    with pytest.raises(ValueError, match=f"count is {count!r}; wanted whole numbers"):
        most_confident_errors(torch.ones(2, 3), torch.tensor([1, 2]), count)
