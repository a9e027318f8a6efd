// Steps downhill: two of the numbers of a network that learned XOR are taken back, and
// learned again by gradient descent, from where one likes and with any learning rate.
"use strict";

const MOST_STEPS = 50;
const LEVELS = [0.12, 0.2, 0.35, 0.5, 0.7, 0.9, 1.2, 1.6, 2.2];

moving.downhill = (element, data, words) => {
  const numbers = new Numbers(), state = { lr: 10 ** 0.4, steps: 1 };
  const ticks = data.ends.map(([low, high]) => [-4, 0, 4, 8].flatMap((at) => (at < low || at > high ? [] : [[at, rounded(at, 0)]])));
  const plane = new Plane(words.loss_plane, { x: data.ends[0], y: data.ends[1], names: [words.bias1, words.bias2], ticks });
  for (const level of LEVELS) {
    const region = plane.region((b1, b2) => level - xorLoss(data, [b1, b2]).loss);
    plane.layers.back.append(shape("path", { class: "low", d: region }));
  }
  const way = shape("path", { class: "way" }), first = shape("path", { class: "step" }), stops = shape("path", { class: "stops" });
  plane.layers.lines.append(way, stops, first);
  const last = shape("circle", { class: "point last", r: 4 });
  plane.layers.marks.append(last);
  const start = new Handle(plane, words.start, data.start, (place) => { start.put(place); show(); });

  const lr = slider(words.lr, { min: -1, max: 2, step: 0.02, value: 0.4, form: (power) => brief(10 ** power) }, (power) => { state.lr = 10 ** power; show(); });
  const steps = slider(words.steps, { min: 1, max: MOST_STEPS, step: 1, value: 1 }, (count) => { state.steps = count; show(); });
  const rows = Array.from({ length: MOST_STEPS + 1 }, (_, at) => [`${at}`,
    ...["b1_", "b2_", "loss"].map((key) => numbers.place(`${key}${at}`, (x) => rounded(x, 4)))]);
  const list = table([words.step, words.bias1, words.bias2, words.loss], rows, words.way), lines = list.querySelectorAll("tbody tr");
  const tell = frame(element, words.downhill, words.downhill_task, [plane.svg], [
    piece("div", { class: "controls" }, lr.made, steps.made),
    piece("p", { class: "formula" }, `${words.gradient} = (`, numbers.place("g1"), ", ", numbers.place("g2"), ")"),
    piece("p", {}, `${words.new_bias} = ${words.bias} \u2212 lr \u00b7 ${words.gradient}; lr = `, numbers.place("lr", brief)),
    piece("p", { class: "small" }, words.downhill_note), list,
  ]);

  function show() {
    const path = descend(data, start.place, state.lr, state.steps), end = path[path.length - 1];
    const drawn = path.map(({ at }) => at.map((one, i) => clamp(one, [data.ends[i][0] - 40, data.ends[i][1] + 40])));
    way.setAttribute("d", plane.path(drawn));
    first.setAttribute("d", arrow(plane, drawn[0], drawn[1]));
    stops.setAttribute("d", drawn.slice(1).map(([x, y]) => circle(plane.px(x), plane.py(y), 2.5)).join(""));
    const isInside = end.at.every((one, i) => one >= data.ends[i][0] && one <= data.ends[i][1]);
    last.classList.toggle("gone", !isInside);
    last.setAttribute("cx", plane.px(drawn[state.steps][0]));
    last.setAttribute("cy", plane.py(drawn[state.steps][1]));
    lines.forEach((line, at) => { line.hidden = at > state.steps; });
    numbers.show({ lr: state.lr, g1: path[0].gradient[0], g2: path[0].gradient[1], ...Object.fromEntries(
      path.flatMap(({ at, loss }, step) => [[`b1_${step}`, at[0]], [`b2_${step}`, at[1]], [`loss${step}`, loss]])) });
    const said = { steps: state.steps, before: rounded(path[0].loss), after: rounded(end.loss) };
    const gain = path[0].loss - end.loss, rose = path.some(({ loss }, at) => at && loss > path[at - 1].loss);
    const kind = !isInside ? (rose ? words.flew : words.left_downhill) : end.loss < 0.12 ? words.arrived : gain < 0 ? words.worse : gain < 0.05 ? words.crept : words.better;
    tell(`${fill(words.loss_went, said)} ${kind}`, kind === words.arrived);
  }

  show();
};

// The mean cross-entropy over the four inputs, and its slopes by the two hidden biases.
function xorLoss({ inputs, targets, weight1, weight2, bias2 }, biases) {
  let loss = 0;
  const gradient = [0, 0];
  inputs.forEach(([x1, x2], at) => {
    const h = biases.map((bias, unit) => ACTIVATIONS.sigmoid(x1 * weight1[0][unit] + x2 * weight1[1][unit] + bias));
    const score = h[0] * weight2[0] + h[1] * weight2[1] + bias2;
    loss += (Math.max(score, 0) - score * targets[at] + Math.log1p(Math.exp(-Math.abs(score)))) / inputs.length;
    const asked = (ACTIVATIONS.sigmoid(score) - targets[at]) / inputs.length;
    h.forEach((value, unit) => { gradient[unit] += asked * weight2[unit] * value * (1 - value); });
  });
  return { loss, gradient };
}

// new bias = bias - lr gradient, again and again.
function descend(data, start, lr, steps) {
  const path = [{ at: start, ...xorLoss(data, start) }];
  for (let step = 0; step < steps; step++) {
    const { at, gradient } = path[step], next = at.map((bias, unit) => bias - lr * gradient[unit]);
    path.push({ at: next, ...xorLoss(data, next) });
  }
  return path;
}

const circle = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

function arrow(plane, from, to) {
  const [x, y, X, Y] = [plane.px(from[0]), plane.py(from[1]), plane.px(to[0]), plane.py(to[1])];
  const far = Math.hypot(X - x, Y - y);
  if (far < 1) return "";
  const [u, v] = [(X - x) / far, (Y - y) / far], head = Math.min(9, far);
  const side = (sign) => `L${X - head * u + sign * head * v / 2} ${Y - head * v - sign * head * u / 2}`;
  return `M${x} ${y}L${X} ${Y}${side(1)}M${X} ${Y}${side(-1)}`;
}
