// The activations and softmax, as torchbasics/activations.py has them.
"use strict";

const NEGATIVE_SLOPE = 0.01;
const AMPLITUDE = 1.7159, STRETCH = 2 / 3;

const ACTIVATIONS = {
  identity: (x) => x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  scaled_tanh: (x) => AMPLITUDE * Math.tanh(STRETCH * x),
  relu: (x) => Math.max(0, x),
  leaky_relu: (x) => (x > 0 ? x : NEGATIVE_SLOPE * x),
  gelu: (x) => x * (1 + erf(x / Math.SQRT2)) / 2,
};

// The error function by a series all of whose terms have one sign, so nothing cancels.
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

// The largest score is subtracted first, so that exp does not overflow.
function softmax(scores) {
  const most = Math.max(...scores);
  const exps = Array.from(scores, (score) => Math.exp(score - most));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((one) => one / sum);
}
