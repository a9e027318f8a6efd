"""What every function refuses or takes: labels, choices, whole numbers, types."""

import math
from functools import partial

import pytest
import torch

import torchbasics
from torchbasics import AND, MLP, NOT, OR, evaluate, most_confident_errors
from torchbasics import arguments as require
from torchbasics.activations import ACTIVATIONS, gelu, softmax
from torchbasics.data import load, scale_pixels
from torchbasics.evaluation import predict_probs
from torchbasics.initialization import init_variance, initialize
from torchbasics.losses import cross_entropy, cross_entropy_gradient, squared_error
from torchbasics.mean_field import (
    critical_sigma_w,
    root_mean_square,
    signal_propagation,
)
from torchbasics.mnist.training.step import with_autocast
from torchbasics.perceptron import (
    INPUTS,
    Perceptron,
    Verdict,
    mistake_bound,
    perceptron_rule,
    separability,
)
from torchbasics.probes import (
    Probes,
    dead,
    first_nonfinite,
    probe_copy,
    saturated,
    update_ratio,
)
from torchbasics.trace import central_differences, derivative, forward_trace

LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.5, 3.0, 0.0]])
RIGHT = torch.tensor([0, 1])
TARGETS = torch.tensor([0, 0, 0, 1])
TAKES_LABELS = {
    "cross_entropy": cross_entropy,
    "cross_entropy_gradient": cross_entropy_gradient,
    "evaluate": lambda logits, labels: (
        evaluate(torch.nn.Identity(), logits, labels).loss
    ),
    "most_confident_errors": lambda p, labels: most_confident_errors(p, labels, 2),
}
WIDTHS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@pytest.mark.parametrize("dtype", WIDTHS)
@pytest.mark.parametrize("name", TAKES_LABELS)
def test_labels_of_any_width_mean_the_same(name, dtype):
    function = TAKES_LABELS[name]
    wanted, got = function(LOGITS, RIGHT), function(LOGITS, RIGHT.to(dtype))
    assert torch.equal(torch.as_tensor(got), torch.as_tensor(wanted))


@pytest.mark.parametrize("name", TAKES_LABELS)
@pytest.mark.parametrize(
    ("labels", "error"),
    [
        (torch.tensor([True, True]), TypeError),
        (torch.tensor([0.0, 1.0]), TypeError),
        (torch.tensor([0, 3]), ValueError),
        (torch.tensor([-1, 1]), ValueError),
        (torch.tensor([255, 1], dtype=torch.uint8), ValueError),
        (torch.tensor([0, 1, 2]), ValueError),
        (torch.tensor([[0, 1]]), ValueError),
        ([0, 1], (TypeError, AttributeError)),
    ],
)
def test_labels_that_name_no_class_are_one_clear_error(name, labels, error):
    with pytest.raises(error):
        TAKES_LABELS[name](LOGITS, labels)


def test_evaluation_counts_classes_beyond_what_a_byte_can_multiply():
    logits = torch.eye(200)
    labels = torch.arange(200, dtype=torch.uint8)
    assert evaluate(torch.nn.Identity(), logits, labels).num_correct == 200


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.bool])
def test_targets_of_any_width_give_the_same_bound_and_verdict(dtype):
    targets = torch.tensor([0, 0, 0, 1])
    assert mistake_bound(INPUTS, targets.to(dtype), [-3, 2, 2]) == pytest.approx(51)
    verdict = separability(INPUTS.to(dtype), targets.to(dtype))
    assert verdict == separability(INPUTS, targets)
    assert verdict.is_proved(INPUTS, targets.to(dtype))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.float64])
def test_gates_take_numbers_of_any_kind(dtype):
    assert AND(INPUTS.to(dtype)).tolist() == [0, 0, 0, 1]
    assert OR(INPUTS.to(dtype)).tolist() == [0, 1, 1, 1]
    assert NOT(torch.tensor([[0], [1]]).to(dtype)).tolist() == [1, 0]


@pytest.mark.parametrize("name", ["softmax", *ACTIVATIONS])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_activations_of_whole_numbers_are_those_of_the_same_fractions(name, dtype):
    x, function = torch.tensor([0, 1, 2, 200]), getattr(torchbasics, name)
    x = x.to(torch.uint8).to(dtype)
    torch.testing.assert_close(function(x), function(x.float()), check_dtype=False)
    slope = derivative(function, x)
    torch.testing.assert_close(slope, derivative(function, x.float()))


@pytest.mark.parametrize("name", ["step", "softmax", *ACTIVATIONS])
def test_a_list_is_no_tensor(name):
    with pytest.raises(TypeError, match="x is a list; wanted a Tensor"):
        getattr(torchbasics, name)([1.0, 2.0])


def test_losses_of_whole_numbers_do_not_wrap_round():
    small, large = torch.tensor([1, 200]), torch.tensor([3, 1])
    wanted = squared_error(small.float(), large.float())
    assert squared_error(small.to(torch.uint8), large.to(torch.uint8)) == wanted
    logits = torch.tensor([[1, 200]], dtype=torch.uint8)
    assert cross_entropy(logits, torch.tensor([1])).item() == pytest.approx(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_scaling_leaves_the_images_as_they_were(dtype, scale):
    images = (torch.rand(2, 28, 28) * 255).round().to(dtype)
    before = images.clone()
    scale_pixels(images, scale)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: load("training"), "split is 'training'; wanted 'train' or 'test'"),
        (
            lambda: scale_pixels(torch.zeros(1, 2, 2), "units"),
            "scale is 'units'; wanted",
        ),
        (lambda: MLP(2, [2], 2, "sigmoids"), "activation is 'sigmoids'; wanted"),
        (lambda: MLP(2, [2], 2, init="kaiming"), "init is 'kaiming'; wanted 'auto'"),
        (lambda: propagated("swish"), "activation is 'swish'; wanted 'identity'"),
        (lambda: propagated("softmax"), "activation is 'softmax'; wanted 'identity'"),
        (lambda: softmax(LOGITS, dim=2), "dim is 2; wanted -2 or -1 or 0 or 1"),
        (lambda: softmax(LOGITS, dim=None), "dim is None; wanted -2 or -1 or 0 or 1"),
        (
            lambda: saturated(torch.nn.ELU(), LOGITS),
            "activation is .*ELU.*; wanted .*Sigmoid",
        ),
        (lambda: init_variance("he", "swish", 2, 2), "activation is 'swish'; wanted"),
        (
            lambda: with_autocast(MLP(2, [2], 2), "fp16", torch.device("cpu")),
            "precision is 'fp16'; wanted 'fp32' or 'bf16'",
        ),
    ],
)
def test_a_name_that_is_no_choice_is_never_another(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


def propagated(activation="tanh", variance=0.5, x=INPUTS, widths=(3, 3)):
    """The signal's sizes in a network of such layers."""
    return signal_propagation(x, widths, activation, lambda *fans: (variance, 0.0))


NO_MODELS = {
    "evaluate": lambda model: evaluate(model, LOGITS, RIGHT),
    "predict_probs": lambda model: predict_probs(model, LOGITS),
    "Probes": Probes,
    "probe_copy": lambda model: probe_copy(model, cross_entropy, LOGITS, RIGHT),
    "first_nonfinite": lambda m: first_nonfinite(m, cross_entropy, LOGITS, RIGHT),
}


@pytest.mark.parametrize("model", [None, torch.sin, [torch.nn.Linear(3, 3)]])
@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model_is_refused_by_name(name, model):
    with pytest.raises(TypeError, match=r"model is a \w+; wanted a Module"):
        NO_MODELS[name](model)


def test_weights_are_drawn_from_a_generator_one_input_or_many():
    with pytest.raises(TypeError, match=r"generator is a NoneType; wanted a Generator"):
        initialize(torch.nn.Linear(2, 2), "he", "relu", None)
    linear = torch.nn.Linear(1, 3)
    initialize(linear, "he", "relu", torch.Generator())
    assert linear.bias.tolist() == [0, 0, 0]


def test_only_a_linear_layer_has_weights_to_draw():
    with pytest.raises(TypeError, match=r"linear is a Conv1d; wanted a Lin"):
        initialize(torch.nn.Conv1d(1, 1, 1), "he", "relu", torch.Generator())


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: dead(torch.zeros(2, 0)), r"out has shape \(2, 0\)"),
        (lambda: saturated(torch.nn.Tanh(), torch.zeros(2, 0)), r"out has shape"),
        (lambda: update_ratio(torch.zeros(2, 0), torch.zeros(2, 0)), "before has sh"),
        (lambda: propagated(x=torch.zeros(2, 0)), "x has shape"),
        (lambda: cross_entropy(torch.zeros(2, 0), RIGHT), "logits has shape"),
        (lambda: Probes(MLP(2, [3], 2)).statistics(), "no layer has been seen at work"),
        (lambda: MLP(2, [3, 0], 2), r"hidden is \[3, 0\]; wanted whole numbers >= 1"),
        (lambda: MLP(2, [3], 0), "out_features is 0; wanted whole numbers >= 1"),
        (
            lambda: propagated(widths=[3, 0]),
            r"widths is \[3, 0\]; wanted whole numbers",
        ),
        (lambda: propagated(variance=-1.0), "variances -1.0 and 0.0: wanted 0 or"),
        (lambda: propagated(variance=math.nan), "variances nan and 0.0: wanted 0 or"),
        (
            lambda: central_differences(lambda: 0.0, INPUTS.double(), h=math.inf),
            "h is inf beside 0.0",
        ),
    ],
)
def test_what_makes_no_sense_is_named_not_made_a_number(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


EXAMPLES_AND_TARGETS = {
    "perceptron_rule": lambda x, targets: next(perceptron_rule(x, targets)),
    "mistake_bound": lambda x, targets: mistake_bound(x, targets, [-3, 2, 2]),
    "separability": separability,
    "is_proved": lambda x, targets: Verdict(True, (-3, 2, 2), ()).is_proved(x, targets),
}


@pytest.mark.parametrize(
    ("x", "targets", "wanted"),
    [
        (INPUTS[0], TARGETS[:2], r"x has shape \(2,\); wanted \(N, D\)"),
        (INPUTS, TARGETS[:3], r"targets has shape \(3,\); wanted examples, as many"),
        (INPUTS[:0], TARGETS[:0], r"targets has shape \(0,\); wanted examples"),
        (INPUTS, TARGETS[:, None], r"targets has shape \(4, 1\); wanted \(4,\), like"),
    ],
)
@pytest.mark.parametrize("name", EXAMPLES_AND_TARGETS)
def test_each_example_has_one_target(name, x, targets, wanted):
    with pytest.raises(ValueError, match=wanted):
        EXAMPLES_AND_TARGETS[name](x, targets)


@pytest.mark.parametrize("name", EXAMPLES_AND_TARGETS)
def test_examples_that_record_gradients_count_as_the_same_examples(name):
    function = EXAMPLES_AND_TARGETS[name]
    wanted = function(INPUTS, TARGETS)
    assert function(INPUTS.clone().requires_grad_(), TARGETS) == wanted


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: AND.margin(INPUTS[:0]), r"x has shape \(0, 2\); wanted examples"),
        (lambda: AND.margin(INPUTS[0]), r"x has shape \(2,\); wanted \(N, 2\)"),
        (lambda: propagated(x=INPUTS[0]), r"x has shape \(2,\); wanted \(N, D\)"),
        (lambda: dead(LOGITS[0]), r"out has shape \(3,\); wanted \(N, D\)"),
        (
            lambda: update_ratio(LOGITS, LOGITS[:1]),
            r"after has shape \(1, 3\); wanted \(2, 3\), like before",
        ),
        (lambda: squared_error(LOGITS, LOGITS[:1]), r"wanted has shape \(1, 3\)"),
        (
            lambda: predict_probs(torch.nn.Identity(), torch.tensor(1.0)),
            r"inputs has shape \(\); wanted examples",
        ),
        (
            lambda: probe_copy(MLP(3, [2], 3), cross_entropy, LOGITS, RIGHT[:1]),
            r"labels has shape \(1,\); wanted examples, as many",
        ),
        (
            lambda: first_nonfinite(MLP(3, [2], 3), cross_entropy, LOGITS, RIGHT[:1]),
            r"labels has shape \(1,\); wanted examples, as many",
        ),
    ],
)
def test_a_shape_that_would_be_taken_for_another_is_refused(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


def test_softmax_of_no_scores_is_as_pytorchs():
    assert softmax(torch.zeros(2, 0)).shape == torch.softmax(torch.zeros(2, 0), 1).shape


class TestSizes:
    """Numbers near the ends of what a computer can hold."""

    def test_a_step_of_tiny_weights_has_its_ratio(self):
        tiny = torch.full((2, 2), 1e-310, dtype=torch.float64)
        assert update_ratio(tiny, 2 * tiny) == pytest.approx(1, rel=1e-9)

    def test_a_far_example_has_its_distance(self):
        x = torch.tensor([[1e25, 1e25]])
        far = Perceptron([1e20, 1e20], 0).margin(x)
        assert far == pytest.approx(math.sqrt(2) * 1e25)

    @pytest.mark.parametrize("size", [3e-200, 1.0, 3e200])
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_what_is_all_on_one_side_of_0_has_its_size(self, size, sign):
        x = torch.tensor([3.0, 4.0], dtype=torch.float64) * sign * size
        wanted = pytest.approx(math.sqrt(12.5) * size)
        assert float(root_mean_square(x)) == wanted

    def test_what_is_infinite_has_an_infinite_size(self):
        assert root_mean_square(torch.tensor([math.inf, 1.0])) == math.inf

    def test_a_signal_too_large_to_be_squared_has_its_size(self):
        x = torch.full((1, 2), 1e200, dtype=torch.float64)
        sums = propagated("relu", x=x).pre_activations
        assert float(sums[0]) == pytest.approx(1e200)

    @pytest.mark.parametrize("x", [-8.0, -3.0, -1.0])
    def test_gelu_keeps_its_digits_far_below_0(self, x):
        exact = x * math.erfc(-x / math.sqrt(2)) / 2
        assert float(gelu(torch.tensor(x))) == pytest.approx(exact, rel=1e-5, abs=0)


CALLS = [
    lambda: cross_entropy(LOGITS, RIGHT),
    lambda: cross_entropy_gradient(LOGITS, RIGHT),
    lambda: mistake_bound(INPUTS, TARGETS, [-3, 2, 2]),
    lambda: derivative(torch.sin, LOGITS),
    lambda: propagated().gradients,
    lambda: critical_sigma_w.__wrapped__("sigmoid"),
    lambda: evaluate(torch.nn.Identity(), LOGITS, RIGHT).loss,
    lambda: most_confident_errors(LOGITS, RIGHT, 2),
    lambda: separability(INPUTS, TARGETS),
]
"""One of each kind of function."""


class TestWhereCallersStand:
    """What a caller has switched on does not change what a function says."""

    def test_autocast_changes_no_evaluation_and_no_trace(self):
        model, x = MLP(20, [30], 10), torch.rand(8, 20)
        labels = torch.arange(8)
        before = evaluate(model, x, labels), predict_probs(model, x)
        trace = forward_trace(model, x)[-1].outputs
        with torch.autocast("cpu", torch.bfloat16):
            after = evaluate(model, x, labels), predict_probs(model, x)
            assert torch.equal(forward_trace(model, x)[-1].outputs, trace)
        assert before[0].loss == after[0].loss
        assert torch.equal(before[1], after[1])

    def test_autocast_makes_no_bf16_of_a_training_in_fp32(self):
        model, x = MLP(20, [30], 10), torch.rand(8, 20)
        wanted = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            forward = with_autocast(model, "fp32", torch.device("cpu"))
            assert torch.equal(forward(x), wanted)

    def test_another_default_dtype_works(self, monkeypatch):
        torch.set_default_dtype(torch.float64)
        try:
            model = MLP(3, [4], 2, batch_norm=True, dropout=0.5)
            x = torch.rand(5, 3)
            assert model(x).dtype == torch.float64
            assert forward_trace(model, x)[-1].outputs.dtype == torch.float64
            assert AND(INPUTS).tolist() == [0, 0, 0, 1]
            labels = torch.tensor([0, 1, 0, 1, 0])
            assert 0 <= evaluate(model, x, labels).accuracy <= 1
        finally:
            torch.set_default_dtype(torch.float32)

    def test_all_parts_of_a_network_are_on_the_default_device(self):
        with torch.device("meta"):
            model = MLP(3, [4], 2, batch_norm=True)
        assert {part.device.type for part in model.state_dict().values()} == {"meta"}

    def test_a_network_without_numbers_still_tells_its_shapes(self):
        with torch.device("meta"):
            logits = MLP(3, [4], 2)(torch.zeros(5, 3))
        assert logits.is_meta
        assert logits.shape == (5, 2)

    @pytest.mark.parametrize("call", CALLS)
    def test_another_default_device_changes_no_number_of_this_one(self, call):
        wanted = call()
        with torch.device("meta"):
            got = call()
        assert torch.equal(got, wanted) if torch.is_tensor(wanted) else got == wanted

    @pytest.mark.parametrize("call", CALLS)
    def test_no_function_draws_from_what_a_caller_seeded(self, call):
        before = torch.get_rng_state()
        call()
        assert torch.equal(torch.get_rng_state(), before)

    def test_batches_made_for_inference_can_be_probed(self):
        model, wanted = MLP(3, [4], 2), INPUTS[:2].repeat(1, 2)[:, :3]
        with torch.inference_mode():
            x, labels = wanted.clone(), RIGHT.clone()
            seen = probe_copy(model, cross_entropy, x, labels).statistics()
        assert seen == probe_copy(model, cross_entropy, wanted, RIGHT).statistics()
        assert probe_copy(model, cross_entropy, x, labels).statistics() == seen
        assert first_nonfinite(model, cross_entropy, x, labels) == ""
        with torch.inference_mode():
            parameter = x.double()
        with pytest.raises(ValueError, match="cannot be changed by itself"):
            central_differences(lambda: 0.0, parameter)

    def test_probes_look_into_any_sequential(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
        with Probes(model) as probes:
            model(torch.rand(5, 3)).sum().backward()
        assert list(probes.activations) == ["0", "1"]
        assert list(probes.weights()) == list(probes.gradients()) == ["0"]
        assert probes.statistics()["gradient_norm"].keys() == {"0"}


class TestRequire:
    """The checks themselves: what is refused is named with what is wanted."""

    X, LOGITS = torch.zeros(4, 2), torch.zeros(3, 4)

    def test_the_first_that_is_no_tensor_is_named(self):
        require.tensor(x=self.X, targets=self.X)
        with pytest.raises(TypeError, match=r"^targets is a tuple; wanted a Tensor"):
            require.tensor(x=self.X, targets=(1, 0), weights=[1.0])

    @pytest.mark.parametrize("shape", [(2,), (4, 3), (2, 2, 2), (), (0,)])
    def test_another_shape_is_named_with_the_one_wanted(self, shape):
        wanted = r"x has shape \(.*\); wanted \(N, 2\), one"
        with pytest.raises(ValueError, match=wanted):
            require.rows(2, x=torch.zeros(shape))

    def test_rows_are_a_tensor_of_any_length(self):
        for count in (0, 1, 7):
            require.rows(2, x=torch.zeros(count, 2))
        with pytest.raises(TypeError, match="x is a list"):
            require.rows(2, x=[[1.0, 2.0]])

    @pytest.mark.parametrize("dtype", WIDTHS)
    def test_labels_become_int64(self, dtype):
        labels = require.labels(torch.tensor([3, 0, 1], dtype=dtype), self.LOGITS)
        assert labels.dtype == torch.int64
        assert labels.tolist() == [3, 0, 1]

    @pytest.mark.parametrize(
        ("labels", "kind", "sentence"),
        [
            (torch.tensor([0, 1, 4]), ValueError, "labels go from 0 to 4; .* 0 to 3"),
            (torch.tensor([0, -1, 2]), ValueError, "labels go from -1 to 2"),
            (torch.tensor([0, 1]), ValueError, r"labels has \(2,\); wanted \(N, C\)"),
            (torch.zeros(3, 4).long(), ValueError, r"labels has \(3, 4\)"),
            (torch.zeros(3), TypeError, "labels is torch.float32; wanted class num"),
            (torch.zeros(3).bool(), TypeError, "labels is torch.bool"),
            (torch.zeros(3).cfloat(), TypeError, "labels is torch.complex64"),
            ([0, 1, 2], TypeError, "labels is a list; wanted a Tensor"),
        ],
    )
    def test_what_names_no_class_is_refused_in_words(self, labels, kind, sentence):
        with pytest.raises(kind, match=sentence):
            require.labels(labels, self.LOGITS)

    def test_no_examples_are_refused_and_as_many_of_each_are_wanted(self):
        with pytest.raises(ValueError, match=r"logits has shape \(0, 4\); wanted ex"):
            require.labels(torch.zeros(0).long(), self.LOGITS[:0])
        require.examples(x=self.X, y=self.X[:, 0])
        for wrong in (self.X[:3], self.X[:0], self.X[0, 0]):
            with pytest.raises(ValueError, match=r"x has shape .*, y has shape .*many"):
                require.examples(x=self.X, y=wrong)

    @pytest.mark.parametrize(
        "check",
        [
            partial(require.dtype, torch.float32),
            partial(require.rows, 2),
            require.examples,
            require.same_shape,
            require.floating,
            lambda x: require.labels(torch.tensor([0]), logits=x),
        ],
    )
    def test_each_check_names_what_is_no_tensor(self, check):
        with pytest.raises(TypeError, match=r"(x|logits) is a list; wanted a Tensor"):
            check(x=[[1.0, 2.0]])

    def test_one_number_is_no_example(self):
        with pytest.raises(ValueError, match=r"x has shape \(\); wanted examples"):
            require.examples(x=torch.tensor(1.0))

    def test_another_dtype_is_named_with_the_one_wanted(self):
        require.dtype(torch.float32, x=self.X)
        with pytest.raises(TypeError, match=r"^y is torch.float64; wanted torch.float"):
            require.dtype(torch.float32, x=self.X, y=self.X.double())

    def test_another_shape_than_the_firsts_is_named(self):
        require.same_shape(x=self.X, y=self.X + 1, z=self.X)
        with pytest.raises(
            ValueError, match=r"^z has .*\(3, 4\); wanted \(4, 2\), like x"
        ):
            require.same_shape(x=self.X, y=self.X, z=self.LOGITS)

    def test_any_number_of_features_is_still_a_row_each(self):
        require.rows(None, x=self.X, y=self.LOGITS)
        with pytest.raises(
            ValueError, match=r"x has shape \(2,\); wanted \(N, D\), one"
        ):
            require.rows(None, x=self.X[0])

    @pytest.mark.parametrize(
        ("choices", "sentence"),
        [
            (("a", "b", "c"), "^name is 'd'; wanted 'a' or 'b' or 'c'$"),
            (["a"], "^name is 'd'; wanted 'a'$"),
            ({"a": 1, "b": 2}, "^name is 'd'; wanted 'a' or 'b'$"),
        ],
    )
    def test_what_is_none_of_the_choices_is_refused_with_all(self, choices, sentence):
        require.choice(choices, name="a")
        with pytest.raises(ValueError, match=sentence):
            require.choice(choices, other="a", name="d")

    @pytest.mark.parametrize("dtype", [*WIDTHS, torch.bool])
    def test_whole_numbers_become_floats(self, dtype):
        whole = torch.tensor([0, 1]).to(dtype)
        assert torch.equal(require.floating(whole), torch.tensor([0.0, 1.0]))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
    def test_other_numbers_stay_what_they_are(self, dtype):
        x = torch.ones(2, dtype=dtype)
        assert require.floating(x) is x
