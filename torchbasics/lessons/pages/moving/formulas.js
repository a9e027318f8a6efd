// The slopes of the activations, and what a wide layer makes of a signal and its gradient.
"use strict";

const ACTIVATION_NAMES = { relu: "ReLU", leaky_relu: "leaky ReLU", gelu: "GELU" };
const nameOf = (activation) => ACTIVATION_NAMES[activation] ?? activation.replace("_", " ");

const FUNCTIONS = { step: (x) => (x > 0 ? 1 : x <= 0 ? 0 : NaN), ...ACTIVATIONS };

const SLOPES = {
  step: (x) => 0 * FUNCTIONS.step(x),
  identity: () => 1,
  sigmoid: (x) => ACTIVATIONS.sigmoid(x) * (1 - ACTIVATIONS.sigmoid(x)),
  tanh: (x) => 1 - Math.tanh(x) ** 2,
  scaled_tanh: (x) => STRETCH * (AMPLITUDE - ACTIVATIONS.scaled_tanh(x) ** 2 / AMPLITUDE),
  relu: FUNCTIONS.step,
  leaky_relu: (x) => NEGATIVE_SLOPE + (1 - NEGATIVE_SLOPE) * FUNCTIONS.step(x),
  gelu: (x) => (1 + erf(x / Math.SQRT2)) / 2 + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
};

// A chain of layers of one unit (weight 1, bias 0): of each what goes in, what comes out,
// its slope, and the product of all slopes so far, which is d out / d x.
function chainOf(activation, x, depth) {
  const layers = [];
  for (let input = x, product = 1, layer = 0; layer < depth; layer++) {
    const slope = SLOPES[activation](input), output = FUNCTIONS[activation](input);
    product *= slope;
    layers.push({ input, output, slope, product });
    input = output;
  }
  return layers;
}

// --- mean-field theory: as torchbasics/mean_field.py has it --------------------------

const NORMAL_NODES = Array.from({ length: 240 }, (_, at) => -9 + 18 * (at + 0.5) / 240);
const NORMAL_WEIGHTS = NORMAL_NODES.map((z) => Math.exp(-z * z / 2));
const NORMAL_TOTAL = NORMAL_WEIGHTS.reduce((a, b) => a + b);

// E[f(sqrt(q) z)^2], z standard normal; no node lies at 0, where there may be a kink.
function meanSquare(f, q) {
  const root = Math.sqrt(q);
  return NORMAL_NODES.reduce((sum, z, at) => sum + NORMAL_WEIGHTS[at] * f(root * z) ** 2, 0) / NORMAL_TOTAL;
}

// The variances of a weight and a bias at the start, as initialization.py has them.
function initVariance(init, activation, fanIn, fanOut, critical) {
  const weight = {
    default: 1 / (3 * fanIn),
    xavier: 2 / (fanIn + fanOut),
    he: 2 / fanIn,
    lecun: 1 / fanIn,
    small: 0.01 ** 2,
    critical: critical[activation] ** 2 / fanIn,
  }[init];
  return { weight, bias: init === "default" ? weight : 0 };
}

// By how much each hidden layer but the first multiplies the size of a gradient, the
// inputs' mean square being `square`: the roots of chi of layers 2, 3, ...
function factors(activation, init, width, depth, { inputs, square, critical }) {
  const first = initVariance(init, activation, inputs, width, critical);
  const { weight, bias } = initVariance(init, activation, width, width, critical);
  const found = [];
  for (let q = inputs * first.weight * square + first.bias, layer = 2; layer <= depth; layer++) {
    found.push(Math.sqrt(width * weight * meanSquare(SLOPES[activation], q)));
    q = width * weight * meanSquare(ACTIVATIONS[activation], q) + bias;
  }
  return found;
}
