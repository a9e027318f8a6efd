// The 2-3-2-2 network with every number alive: forward from the inputs to the loss, and
// backward from the loss to each weight. A unit that is chosen shows its arithmetic.
"use strict";

const COLUMNS = [38, 132, 234, 336], CARD = { width: 74, height: 42 };

moving.layers = (element, data, words) => {
  const numbers = new Numbers(), state = { x: [...data.x], label: data.label, isBack: false, chosen: [1, 0] };
  const sizes = [data.x.length, ...data.biases.map((bias) => bias.length)];
  const graph = new Graph(sizes, words, (chosen) => { state.chosen = chosen; show(); });
  const inputs = state.x.map((value, at) => slider(`x${at + 1}`, { min: -3, max: 3, step: 0.01, value, form: (one) => rounded(one, 2) },
    (to) => { state.x[at] = to; show(); }));
  const arithmetic = piece("div", { class: "arithmetic" });
  const units = data.biases.flatMap((bias, layer) => bias.map((_, unit) => [layer, unit]));
  const rows = units.map(([layer, unit]) => [nameOfUnit(layer, unit, words),
    ...["a", "z", "dz", "da"].map((key) => numbers.place(`${key}${layer}${unit}`, (x) => rounded(x, 4)))]);
  const gradients = data.weights.flatMap((weight, layer) => weight.map((row, from) => [`W${layer + 1}[${from}]`,
    ...row.map((_, unit) => numbers.place(`dw${layer}${from}${unit}`, (x) => rounded(x, 5))), ...Array(3 - row.length).fill("")]));
  const tell = frame(element, words.layers_title, words.layers_task, [graph.svg, arithmetic], [
    piece("div", { class: "controls" }, ...inputs.map((one) => one.made),
      switches(words.direction, [["forward", words.forward], ["back", words.backward]], "forward", (way) => { state.isBack = way === "back"; show(); }),
      switches(words.right_answer, [["0", `${words.wanted}: 0`], ["1", `${words.wanted}: 1`]], String(data.label), (label) => { state.label = Number(label); show(); })),
    piece("p", {}, "p = (", numbers.place("p0", (x) => rounded(x, 4)), ", ", numbers.place("p1", (x) => rounded(x, 4)), `), ${words.loss} L = \u2212ln p = `, numbers.place("loss", (x) => rounded(x, 4))),
    table([words.unit, "a", "z", "dL/dz", "dL/da"], rows, words.units),
    piece("p", { class: "small" }, words.layers_note),
    piece("details", {}, piece("summary", {}, words.gradients), table(["dL/dw", "0", "1", "2"], gradients, words.gradients)),
  ]);

  function show() {
    const passed = forwardPass(data, state.x), probs = softmax(passed[2].a);
    const back = backwardPass(data, passed, probs, state.label);
    const shown = { p0: probs[0], p1: probs[1], loss: -Math.log(probs[state.label]) };
    for (const [layer, unit] of units) {
      const { a, z } = passed[layer], { dz, da } = back[layer], key = `${layer}${unit}`;
      Object.assign(shown, { [`a${key}`]: a[unit], [`z${key}`]: z[unit], [`dz${key}`]: dz[unit], [`da${key}`]: da[unit] });
      back[layer].dw.forEach((row, from) => { shown[`dw${layer}${from}${unit}`] = row[unit]; });
    }
    numbers.show(shown);
    graph.show(data, state, passed, back, probs);
    arithmetic.replaceChildren(...sumsOf(state.chosen, data, state, passed, back, probs).map((text) => piece("p", {}, text)));
    const answer = Number(probs[1] > probs[0]);
    tell(state.isBack
      ? fill(words.going_back, { last: rounded(Math.hypot(...back[2].da) / Math.SQRT2, 4), first: rounded(Math.hypot(...back[0].da) / Math.sqrt(3), 4) })
      : fill(words.says, { answer, percent: (100 * probs[answer]).toFixed(1) }));
  }

  show();
};

const nameOfUnit = (layer, unit, words) => `${words[["hidden1", "hidden2", "scores"][layer]]}, ${unit}`;

// A = Z W + b, Z = sigmoid(A), the last layer's Z being its A.
function forwardPass({ weights, biases }, x) {
  const layers = [];
  weights.forEach((weight, layer) => {
    const inputs = layer ? layers[layer - 1].z : x;
    const a = biases[layer].map((bias, unit) => inputs.reduce((sum, one, from) => sum + one * weight[from][unit], 0) + bias);
    layers.push({ inputs, a, z: layer < weights.length - 1 ? a.map(ACTIVATIONS.sigmoid) : a });
  });
  return layers;
}

// dL/dA = dL/dZ s'(A), dL/dW = Z^T dL/dA, and on to the layer before: dL/dZ = dL/dA W^T.
function backwardPass({ weights }, passed, probs, label) {
  const found = [];
  let dz = probs.map((p, unit) => p - Number(unit === label));
  for (let layer = weights.length - 1; layer >= 0; layer--) {
    const { a, inputs } = passed[layer], arrived = dz, isLast = layer === weights.length - 1;
    const da = arrived.map((one, unit) => (isLast ? one : one * SLOPES.sigmoid(a[unit])));
    found[layer] = { dz: arrived, da, dw: inputs.map((input) => da.map((one) => input * one)) };
    dz = weights[layer].map((row) => row.reduce((sum, weight, unit) => sum + weight * da[unit], 0));
  }
  return found;
}

// The arithmetic of one unit, written out: how its numbers come from its neighbours'.
function sumsOf([layer, unit], { weights, biases }, state, passed, back, probs) {
  const say = (x) => rounded(x, 4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  const held = (x) => (x < 0 ? `(${say(x)})` : say(x)), isLast = layer === weights.length - 1;
  const { a, z, inputs } = passed[layer], { dz, da } = back[layer];
  if (!state.isBack) {
    const terms = inputs.map((input, from) => `${held(input)}\u00b7${held(weights[layer][from][unit])}`);
    const sum = `a = ${terms.join(" + ")} + ${held(biases[layer][unit])} = ${say(a[unit])}`;
    return [sum, isLast ? `p = e^a / \u03a3 e^a = ${say(probs[unit])}` : `z = sigmoid(a) = ${say(z[unit])}`];
  }
  const from = `dL/dw = z\u00b7dL/da = ${inputs.map((input) => say(input * da[unit])).join(", ")}`;
  if (isLast) return [`dL/da = p \u2212 t = ${say(probs[unit])} \u2212 ${Number(unit === state.label)} = ${say(da[unit])}`, from];
  const terms = weights[layer + 1][unit].map((weight, next) => `${held(weight)}\u00b7${held(back[layer + 1].da[next])}`);
  return [`dL/dz = ${terms.join(" + ")} = ${say(dz[unit])}`,
    `dL/da = dL/dz\u00b7s'(a) = ${held(dz[unit])}\u00b7${say(SLOPES.sigmoid(a[unit]))} = ${say(da[unit])}`, from];
}
