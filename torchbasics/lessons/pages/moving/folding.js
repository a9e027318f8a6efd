// XOR's hidden layer: two lines in the plane of the inputs, and where they move that plane.
"use strict";

moving.folding = (element, data, words) => {
  const { inputs, targets, output, sharpness } = data, numbers = new Numbers();
  const before = unitPlane(words.plane, ["x1", "x2"]), after = unitPlane(words.hidden_plane, ["h1", "h2"]);
  const planes = [before, after].map((plane) => {
    const shade = shape("path", { class: "shade" });
    const across = shape("path", { class: "across" }), up = shape("path", { class: "up" });
    plane.layers.back.append(shade);
    plane.layers.grid.append(across, up);
    return { plane, shade, across, up, dots: targets.map((target) => folded(plane, target)) };
  });
  const looks = ["first", "second"];
  const lines = data.start.map((weights, at) =>
    new HeldLine(before, [`h${at + 1}: ${words.end_a}`, `h${at + 1}: ${words.end_b}`], weights, () => show(), looks[at]));
  const cut = shape("path", { class: "line" });
  after.layers.lines.append(cut);
  cut.setAttribute("d", after.path([-0.5, 1.5].map((x) => [x, -(output[0] + output[1] * x) / output[2]])));
  let soft = true;

  const rows = inputs.map(([x, y], at) => {
    const cells = [piece("span"), piece("span"), piece("span")];
    planes[0].dots[at].cells = cells;
    return [`(${x}, ${y})`, numbers.place(`h1_${at}`), numbers.place(`h2_${at}`), numbers.place(`sum${at}`, signedly), ...cells];
  });
  const formulas = [1, 2].map((unit) => piece("p", { class: `formula ${looks[unit - 1]}` }, `h${unit}: `,
    numbers.place(`w1_${unit}`, (x) => rounded(x, 2)), " x1 ", numbers.place(`w2_${unit}`, plus), " x2 ", numbers.place(`b_${unit}`, plus)));
  const tell = frame(element, words.folding, words.folding_task, [before.svg, after.svg], [
    piece("div", { class: "controls" },
      switches(words.edge, [["soft", words.soft], ["sharp", words.sharp]], "soft", (edge) => { soft = edge === "soft"; show(); }),
      ...lines.map((line, at) => button(`${words.turn}: h${at + 1}`, () => { line.turn(); show(); })),
      button(words.textbook, () => { lines.forEach((line, at) => { line.weights = data.hidden[at]; }); show(); })),
    ...formulas, piece("p", { class: "small" }, words.folding_output),
    table([words.input, "h1", "h2", words.sum, words.answer, words.wanted, ""], rows, words.sums),
  ], "pair");

  // Where the hidden layer moves a place; a step, or the same softened.
  function hidden(weights, x, y) {
    return weights.map((one) => {
      const sum = sumAt(one, x, y);
      return soft ? ACTIVATIONS.sigmoid(sharpness * sum) : Number(sum > 0);
    });
  }

  function show() {
    const weights = lines.map((line) => line.weights);
    const values = inputs.map(([x, y]) => hidden(weights, x, y)), sums = values.map((h) => sumAt(output, ...h));
    planes[0].shade.setAttribute("d", before.region((x, y) => sumAt(output, ...hidden(weights, x, y))));
    planes[1].shade.setAttribute("d", after.region((x, y) => sumAt(output, x, y), 1));
    sheet(planes[0], (x, y) => [x, y], true);
    sheet(planes[1], (x, y) => hidden(weights, x, y), soft);
    inputs.forEach((input, at) => {
      planes[0].dots[at].put(input, sums[at], names([input], at));
      planes[1].dots[at].put(values[at], sums[at], names(values, at));
      planes[0].dots[at].tell(sums[at], words);
    });
    numbers.show(Object.fromEntries([
      ...weights.flatMap(([b, w1, w2], at) => [[`b_${at + 1}`, b], [`w1_${at + 1}`, w1], [`w2_${at + 1}`, w2]]),
      ...sums.flatMap((sum, at) => [[`sum${at}`, sum], [`h1_${at}`, values[at][0]], [`h2_${at}`, values[at][1]]]),
    ]));
    const count = sums.filter((sum, at) => Number(sum > 0) === targets[at]).length;
    tell(`${fill(words.right_of, { gate: "XOR", count })} ${count === 4 ? words.folded : words.not_yet}`, count === 4);
  }

  // Which inputs stand at the place of this one; said once, by the first of them.
  function names(places, at) {
    if (places.length === 1) return `(${inputs[at]})`;
    const near = places.flatMap(([x, y], other) => (Math.hypot(x - places[at][0], y - places[at][1]) < 0.12 ? [other] : []));
    return near[0] === at ? near.map((other) => `(${inputs[other]})`).join(" ") : "";
  }

  show();
};

// The plane's grid where a function moves it: lines of equal x1, and of equal x2.
function sheet({ plane, across, up }, move, isShown) {
  const places = Array.from({ length: 9 }, (_, at) => -0.5 + at / 4);
  const along = Array.from({ length: 41 }, (_, at) => -0.5 + at / 20);
  const drawn = (point) => (isShown ? places.map((at) => plane.path(along.map((to) => point(at, to)))).join("") : "");
  across.setAttribute("d", drawn((at, to) => move(at, to)));
  up.setAttribute("d", drawn((at, to) => move(to, at)));
}

// An input's dot in one of the planes, with its name.
function folded(plane, target) {
  const mark = shape("circle", { r: 7, class: target ? "one" : "zero" }), ring = shape("circle", { class: "ring", r: 13 });
  const text = shape("text", { "text-anchor": "middle", class: "value" });
  plane.layers.marks.append(mark, ring, text);
  return {
    put([x, y], sum, name) {
      const centre = { cx: plane.px(x), cy: plane.py(y) };
      for (const circle of [mark, ring]) for (const [key, value] of Object.entries(centre)) circle.setAttribute(key, value);
      ring.classList.toggle("wrong", Number(sum > 0) !== target);
      text.setAttribute("x", centre.cx);
      text.setAttribute("y", centre.cy + (y > 0.5 ? -18 : 27));
      text.textContent = name;
    },
    tell(sum, words) {
      const [answer, wanted, verdict] = this.cells, isRight = Number(sum > 0) === target;
      answer.textContent = Number(sum > 0);
      wanted.textContent = target;
      verdict.textContent = isRight ? "\u2713" : `\u2717 ${words.wrong}`;
      verdict.className = isRight ? "right" : "wrong";
    },
  };
}
