// A network as the page holds it, and its forward pass: what nn.Module does once training is over.
//
// A layer is {name, inputs, outputs, activation, weight, bias}: its weight row by row, as
// in nn.Linear (outputs, inputs), with what batch norm is once training is over in it.
"use strict";

const MEAN = 0.1307, STD = 0.3081;

const SCALES = {
  unit: (pixel) => pixel / 255,
  standard: (pixel) => (pixel / 255 - MEAN) / STD,
};

// x W^T + b, and the activation of that. `off` has a unit's place where the unit is
// switched off, so that it gives 0.
function runLayer(layer, inputs, off) {
  const { weight, bias, activation } = layer;
  const sums = new Float32Array(layer.outputs);
  for (let unit = 0, at = 0; unit < layer.outputs; unit++) {
    let sum = bias[unit];
    for (let i = 0; i < inputs.length; i++) sum += weight[at++] * inputs[i];
    sums[unit] = sum;
  }
  const outputs = sums.map(ACTIVATIONS[activation]);
  off.forEach((unit) => { outputs[unit] = 0; });
  return { inputs, sums, outputs };
}

const NONE = new Set();

// Everything between 784 pixels, 0 to 255, and the probabilities of 10 digits. `off`
// holds a set of units for each layer.
function forward(network, pixels, off = []) {
  const layers = [];
  let values = Float32Array.from(pixels, SCALES[network.scale]);
  network.layers.forEach((layer, index) => {
    layers.push(runLayer(layer, values, off[index] || NONE));
    values = layers[index].outputs;
  });
  const probs = softmax(values);
  return { layers, logits: values, probs, answer: probs.indexOf(Math.max(...probs)) };
}

// What a unit listens to: its inputs by how much they add to its sum, the most first.
function heard(layer, unit, inputs, count) {
  const row = layer.weight.subarray(unit * layer.inputs, (unit + 1) * layer.inputs);
  const all = Array.from(row, (weight, from) => ({ from, weight, adds: weight * inputs[from] }));
  return all.sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds)).slice(0, count);
}

// --- what the page holds --------------------------------------------------------------

// The network that was packed: little-endian numbers, layer by layer weight and bias.
// Throws where it is not whole.
function unpack(packed) {
  const read = { float32: fromFloat32, float16: fromFloat16 }[packed.dtype];
  const numbers = read(bytesOf(packed.numbers));
  let start = 0;
  const take = (length) => numbers.subarray(start, start += length);
  const layers = packed.layers.map((layer) => ({
    ...layer,
    weight: take(layer.inputs * layer.outputs),
    bias: take(layer.outputs),
  }));
  const known = packed.scale in SCALES && layers.every(({ activation }) => activation in ACTIVATIONS);
  if (!known || start !== numbers.length) throw new Error("no network of this page");
  return { ...packed, numbers: null, layers };
}

// The bytes of a block, if they are what was written.
function bytesOf({ base64, adler32: wanted }) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  if (adler32(bytes) !== wanted) throw new Error("altered");
  return bytes;
}

// As zlib has it: sees a changed byte, and two that changed places.
function adler32(bytes) {
  let a = 1, b = 0;
  for (let i = 0; i < bytes.length; i++) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

function fromFloat32(bytes) {
  const view = new DataView(bytes.buffer), numbers = new Float32Array(bytes.length / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat32(4 * i, true);
  return numbers;
}

// A sign, five bits of exponent, ten of fraction; what is not finite is not packed.
function fromFloat16(bytes) {
  const view = new DataView(bytes.buffer), numbers = new Float32Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const bits = view.getUint16(2 * i, true), fraction = bits & 1023, exponent = (bits >> 10) & 31;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    numbers[i] = bits >> 15 ? -size : size;
  }
  return numbers;
}
