// A perceptron's line, dragged over a gate: what its four sums are, and its margin.
"use strict";

moving["separating-line"] = (element, data, words) => {
  const plane = unitPlane(words.plane, ["x1", "x2"]), numbers = new Numbers();
  const shade = shape("path", { class: "shade" });
  const foot = shape("path", { class: "margin" });
  plane.layers.back.append(shade);
  plane.layers.lines.append(foot);
  const points = data.inputs.map(([x, y]) => dot(plane, x, y));
  const line = new HeldLine(plane, [words.end_a, words.end_b], data.start, () => show());
  let gate = "AND";

  const rows = data.inputs.map(([x, y], at) => {
    const marks = [piece("span"), piece("span"), piece("span")];
    points[at].cells = marks;
    return [`(${x}, ${y})`, numbers.place(`sum${at}`, signedly), ...marks];
  });
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
    const right = sums.map((sum, at) => Number(sum > 0) === targets[at]);
    sums.forEach((sum, at) => points[at].show(sum, targets[at], right[at], words));
    const near = sums.reduce((best, sum, at) => (Math.abs(sum) < Math.abs(sums[best]) ? at : best), 0);
    const [x, y] = data.inputs[near], away = sums[near] / length ** 2;
    foot.setAttribute("d", plane.path([[x, y], [x - away * w1, y - away * w2]]));
    numbers.show({ b, w1, w2, margin: Math.abs(sums[near]) / length, ...Object.fromEntries(sums.map((sum, at) => [`sum${at}`, sum])) });
    book.disabled = !data.gates[gate].weights;
    const count = right.filter(Boolean).length;
    const note = count === 4 ? words.all_right : gate === "XOR" && count === 3 ? words.never : words.not_yet;
    tell(`${fill(words.right_of, { gate, count })} ${note}`, count === 4);
  }

  show();
};

const signedly = (x) => (x > 0 ? "+" : "") + rounded(x);
const plus = (x) => `${x < 0 ? "\u2212" : "+"} ${rounded(Math.abs(x), 2)}`;

// One of the four inputs: filled where 1 is wanted, crossed out where the answer is wrong.
function dot(plane, x, y) {
  const centre = { cx: plane.px(x), cy: plane.py(y) }, [across, down] = [plane.px(x), plane.py(y)];
  const mark = shape("circle", { r: 7, ...centre });
  const ring = shape("circle", { class: "ring", r: 13, ...centre });
  const text = shape("text", { x: across, y: down + (y ? -18 : 27), "text-anchor": "middle", class: "value" });
  plane.layers.marks.append(mark, ring, text);
  return {
    show(sum, target, isRight, words) {
      mark.setAttribute("class", target ? "one" : "zero");
      ring.classList.toggle("wrong", !isRight);
      text.textContent = signedly(sum);
      const [answer, wanted, verdict] = this.cells;
      answer.textContent = Number(sum > 0);
      wanted.textContent = target;
      verdict.textContent = isRight ? "\u2713" : `\u2717 ${words.wrong}`;
      verdict.className = isRight ? "right" : "wrong";
    },
  };
}
