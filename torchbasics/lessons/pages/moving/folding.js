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
    return { plane, shade, across, up, dots: targets.map(() => new Dot(plane)) };
  });
  const looks = ["first", "second"];
  const lines = data.start.map((weights, at) =>
    new HeldLine(before, [`h${at + 1}: ${words.end_a}`, `h${at + 1}: ${words.end_b}`], weights, () => show(), looks[at]));
  const cut = shape("path", { class: "line" });
  after.layers.lines.append(cut);
  cut.setAttribute("d", after.path([-0.5, 1.5].map((x) => [x, -(output[0] + output[1] * x) / output[2]])));
  let soft = true;

  const verdicts = targets.map(() => new Verdict());
  const rows = inputs.map(([x, y], at) => [`(${x}, ${y})`, numbers.place(`h1_${at}`), numbers.place(`h2_${at}`),
    numbers.place(`sum${at}`, signedly), ...verdicts[at].cells]);
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
      planes[0].dots[at].show(input, sums[at], targets[at], `(${input})`);
      planes[1].dots[at].show(values[at], sums[at], targets[at], names(values, at));
      verdicts[at].show(sums[at], targets[at], words);
    });
    numbers.show(Object.fromEntries([
      ...weights.flatMap(([b, w1, w2], at) => [[`b_${at + 1}`, b], [`w1_${at + 1}`, w1], [`w2_${at + 1}`, w2]]),
      ...sums.flatMap((sum, at) => [[`sum${at}`, sum], [`h1_${at}`, values[at][0]], [`h2_${at}`, values[at][1]]]),
    ]));
    const count = sums.filter((sum, at) => isRight(sum, targets[at])).length;
    tell(`${fill(words.right_of, { gate: "XOR", count })} ${count === 4 ? words.folded : words.not_yet}`, count === 4);
  }

  // Which inputs stand at the place of this one; said once, by the first of them.
  function names(places, at) {
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
