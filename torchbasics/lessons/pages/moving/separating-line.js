// A perceptron's line, dragged over a gate: what its four sums are, and its margin.
"use strict";

moving["separating-line"] = (element, data, words) => {
  const plane = unitPlane(words.plane, ["x1", "x2"]), numbers = new Numbers();
  const shade = shape("path", { class: "shade" });
  const foot = shape("path", { class: "margin" });
  plane.layers.back.append(shade);
  plane.layers.lines.append(foot);
  const dots = data.inputs.map(() => new Dot(plane)), verdicts = data.inputs.map(() => new Verdict());
  const line = new HeldLine(plane, [words.end_a, words.end_b], data.start, () => show());
  let gate = "AND";

  const rows = data.inputs.map(([x, y], at) => [`(${x}, ${y})`, numbers.place(`sum${at}`, signedly), ...verdicts[at].cells]);
  const formula = piece("p", { class: "formula" },
    numbers.place("w1", (x) => rounded(x, 2)), " x1 ", numbers.place("w2", plus), " x2 ", numbers.place("b", plus), " > 0");
  const book = button(words.textbook, () => { line.weights = data.gates[gate].weights; show(); });
  const tell = frame(element, words.separating_line, words.separating_line_task, [plane.svg], [
    piece("div", { class: "controls" },
      switches(words.gate, Object.keys(data.gates).map((name) => [name, name]), gate, (chosen) => { gate = chosen; show(); }),
      button(words.turn, () => { line.turn(); show(); }), book),
    formula, table([words.input, words.sum, words.answer, words.wanted, ""], rows, words.sums),
    piece("p", {}, `${words.margin}: `, numbers.place("margin"), ". ", words.margin_note),
  ]);

  function show() {
    const weights = line.weights, { targets } = data.gates[gate], [b, w1, w2] = weights;
    const sums = data.inputs.map(([x, y]) => sumAt(weights, x, y)), length = Math.hypot(w1, w2);
    shade.setAttribute("d", plane.region((x, y) => sumAt(weights, x, y), 1));
    sums.forEach((sum, at) => {
      dots[at].show(data.inputs[at], sum, targets[at], signedly(sum));
      verdicts[at].show(sum, targets[at], words);
    });
    const near = sums.reduce((best, sum, at) => (Math.abs(sum) < Math.abs(sums[best]) ? at : best), 0);
    const [x, y] = data.inputs[near], away = sums[near] / length ** 2;
    foot.setAttribute("d", plane.path([[x, y], [x - away * w1, y - away * w2]]));
    numbers.show({ b, w1, w2, margin: Math.abs(sums[near]) / length, ...Object.fromEntries(sums.map((sum, at) => [`sum${at}`, sum])) });
    book.disabled = !data.gates[gate].weights;
    const count = sums.filter((sum, at) => isRight(sum, targets[at])).length;
    const note = count === 4 ? words.all_right : gate === "XOR" && count === 3 ? words.never : words.not_yet;
    tell(`${fill(words.right_of, { gate, count })} ${note}`, count === 4);
  }

  show();
};

const plus = (x) => `${x < 0 ? "\u2212" : "+"} ${rounded(Math.abs(x), 2)}`;
