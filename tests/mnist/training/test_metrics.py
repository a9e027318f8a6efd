"""metrics.jsonl: every line is checked, and many are read soon."""

import json
import time

import pytest

from torchbasics.command.errors import UserError
from torchbasics.mnist.training import metrics


def lines(count):
    """So many lines as a training writes them."""
    return [
        {
            "epoch": number, "step": 10 * number, "lr": 0.1, "loss/train": 1 / number,
            "accuracy/train": 0.5, "time/images_per_s": 1e4, "loss/test": 0.1,
        }
        for number in range(1, count + 1)
    ]  # fmt: skip


def written(path, some):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in some))
    return path


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("loss/test", float("nan")), ("loss/test", float("inf")), ("loss/test", "1"),
        ("lr", -1), ("lr", None), ("lr", True), ("step", 0), ("step", 25.0),
        ("epoch", 0), ("epoch", 10**400), ("accuracy/train", 1.5), ("loss/test", [1]),
        ("time/images_per_s", 0), ("more", 1.0), ("loss/test", {"a": 1}),
        ("epoch", float("-inf")), ("epoch", True), ("loss/train", -1e-9),
        ("loss/test", -1), ("accuracy/test", -3), ("accuracy/test", 1e30),
        ("saturated/hidden1", 1.1), ("gradient_norm/hidden1", -1), ("dead/hidden1", -1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 2, 4])
def test_what_is_wrong_in_any_line_is_found_and_its_line_named(
    tmp_path, tag, value, place
):
    some = lines(5)
    some[place][tag] = value
    path = written(tmp_path / "metrics.jsonl", some)
    with pytest.raises(UserError, match=f"line {place + 1}: "):
        metrics.read(path)


@pytest.mark.parametrize(("what", "value"), [("step", 10), ("step", 5), ("epoch", 1)])
def test_steps_and_epochs_rise(tmp_path, what, value):
    some = lines(5)
    some[1][what] = value
    with pytest.raises(UserError, match=rf"line 2: {what} = \d+: it must be after"):
        metrics.read(written(tmp_path / "metrics.jsonl", some))


def test_what_may_be_below_0_or_above_1_is_read(tmp_path):
    some = lines(3)
    for line in some:
        line |= {"activation_mean/hidden1": -2.0, "loss/test": 1e30, "dead/a": 1.0}
    assert metrics.read(written(tmp_path / "metrics.jsonl", some)) == some


@pytest.mark.parametrize("place", [0, 2, 5])
@pytest.mark.parametrize("garbage", ["\0\0\0", "<html>", '{"epoch": 6', ""])
def test_a_whole_line_that_is_no_json_is_no_torn_one(tmp_path, garbage, place):
    texts = [*map(json.dumps, lines(5))]
    texts.insert(place, garbage)
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f"{text}\n" for text in texts))
    with pytest.raises(UserError, match=f"line {place + 1} is no JSON"):
        metrics.read(path)


@pytest.mark.parametrize(
    "torn", ['{"epoch": 6', '{"epoch": 6, "step": 60}, {', '{"a": "}', "[1", "]"]
)
def test_a_torn_last_line_is_left_out_whatever_it_looks_like(tmp_path, torn):
    path = written(tmp_path / "metrics.jsonl", lines(5))
    with path.open("a") as file:
        file.write(torn)
    assert metrics.read(path) == lines(5)


def test_lines_with_other_tags_and_with_null_are_read_too(tmp_path):
    some = lines(4)
    some[1]["loss/train"] = None
    some[2]["loss/validation"] = 0.3
    assert metrics.read(written(tmp_path / "metrics.jsonl", some)) == some


def test_lines_that_only_together_are_lines_are_refused(tmp_path):
    one, two, three = map(json.dumps, lines(3))
    half = len(three) // 2
    start, _, end = three[:half].rpartition(",")
    path = tmp_path / "metrics.jsonl"
    path.write_text(f"{one},{two}\n{start}\n{end}{three[half:]}\n")
    with pytest.raises(UserError, match="line 1 is no JSON"):
        metrics.read(path)


def test_a_line_is_of_bounded_length(tmp_path):
    some = lines(3)
    some[1] |= {f"loss/{number}": 1.0 for number in range(20_000)}
    path = written(tmp_path / "metrics.jsonl", some)
    with pytest.raises(UserError, match=r"line 2 has [\d,]+ bytes: too many"):
        metrics.read(path)


@pytest.mark.slow
def test_many_lines_are_read_soon(tmp_path):
    path = written(tmp_path / "metrics.jsonl", lines(20_000))
    start = time.process_time()
    assert len(metrics.read(path)) == 20_000
    assert time.process_time() - start < 5
