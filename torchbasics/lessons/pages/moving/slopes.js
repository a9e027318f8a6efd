// An activation and its slope at a place, and how much a chain of them lets through.
"use strict";

const MOST_LAYERS = 10;

moving.slopes = (element, data, words) => {
  const numbers = new Numbers(), state = { activation: "sigmoid", x: 1, depth: 5 };
  const ends = [-5, 5], places = [-4, -2, 0, 2, 4].map((x) => [x, rounded(x, 0)]);
  const ticks = (values) => [places, values.map((y) => [y, brief(y)])];
  const size = [340, 190], margin = [34, 8, 8, 32];
  const value = new Plane(words.value_plane, { x: ends, y: [-2, 3], ticks: ticks([-1, 0, 1, 2]), names: ["x", words.value], size, margin });
  const slope = new Plane(words.slope_plane, { x: ends, y: [-0.2, 1.3], ticks: ticks([0, 0.25, 1]), names: ["x", words.slope], size, margin });
  const graphs = [[value, "curve"], [slope, "slope"]].map(([plane, look]) => {
    const curve = shape("path", { class: look }), tangent = shape("path", { class: "tangent" });
    const at = shape("path", { class: "cursor" }), point = shape("circle", { r: 6, class: `point ${look}` });
    plane.layers.lines.append(shape("path", { class: "axis", d: plane.path([[-5, 0], [5, 0]]) }), at, curve, tangent);
    plane.layers.marks.append(point);
    return { plane, curve, tangent, at, point };
  });
  const bars = new Bars(words, MOST_LAYERS);

  const x = slider(words.input_x, { min: -5, max: 5, step: 0.01, value: state.x, form: (one) => rounded(one, 2) }, (to) => { state.x = to; show(); });
  const depth = slider(words.layers, { min: 1, max: MOST_LAYERS, step: 1, value: state.depth }, (to) => { state.depth = to; show(); });
  for (const { plane } of graphs) draggable(plane.svg, plane, ([to]) => x.move(to));
  const chosen = menu(words.activation, data.activations.map((name) => [name, nameOf(name)]), state.activation, (name) => { state.activation = name; draw(); });
  const rows = Array.from({ length: MOST_LAYERS }, (_, at) => [`${at + 1}`,
    ...["in", "slope", "product"].map((key) => numbers.place(`${key}${at}`, brief))]);
  const chain = table([words.layer, words.into, words.slope, words.product], rows, words.chain);
  const lines = chain.querySelectorAll("tbody tr");
  const tell = frame(element, words.slopes, words.slopes_task, [value.svg, slope.svg], [
    piece("div", { class: "controls" }, chosen, x.made, depth.made),
    piece("p", {}, `${words.value} `, numbers.place("value", brief), `, ${words.slope} `, numbers.place("slope", brief)), bars.svg, chain,
  ]);

  // What changes with the activation only: the two curves, in two halves that may not meet.
  function draw() {
    const half = Array.from({ length: 101 }, (_, at) => 1e-9 + 5 * (at / 100) ** 1.5);
    graphs.forEach(({ plane, curve }, which) => {
      const f = (which ? SLOPES : FUNCTIONS)[state.activation];
      const sides = [-1, 1].map((sign) => plane.path(half.map((at) => [sign * at, clamp(f(sign * at), [-9, 9])])));
      curve.setAttribute("d", sides.join(""));
    });
    show();
  }

  function show() {
    const { activation, x: at, depth: count } = state;
    const values = [FUNCTIONS[activation](at), SLOPES[activation](at)];
    graphs.forEach(({ plane, point, at: cursor }, which) => {
      point.setAttribute("cx", plane.px(at));
      point.setAttribute("cy", plane.py(clamp(values[which], plane.y)));
      cursor.setAttribute("d", plane.path([[at, plane.y[0]], [at, plane.y[1]]]));
    });
    const [y, steep] = values, along = 1.2 / Math.hypot(1, steep);
    graphs[0].tangent.setAttribute("d", value.path([-along, along].map((step) => [at + step, y + steep * step])));
    const layers = chainOf(activation, at, count);
    bars.show(layers);
    lines.forEach((line, number) => { line.hidden = number >= count; });
    numbers.show({ value: y, slope: steep, ...Object.fromEntries(layers.flatMap(({ input, slope: one, product }, number) =>
      [[`in${number}`, input], [`slope${number}`, one], [`product${number}`, product]])) });
    tell(fill(words.through, { count, activation: nameOf(activation), product: brief(layers[count - 1].product) }));
  }

  draw();
};

// A bar for each layer: as high as the product of the slopes so far, beside its own slope.
class Bars {
  constructor(words, most) {
    this.plane = new Plane(words.chain, {
      x: [0.4, most + 0.6], y: [0, 1.6], size: [340, 170], margin: [34, 8, 8, 32], names: [words.layer, words.product],
      ticks: [Array.from({ length: most }, (_, at) => [at + 1, `${at + 1}`]), [[0, "0"], [0.5, "0.5"], [1, "1"]]],
    });
    this.svg = this.plane.svg;
    this.own = shape("path", { class: "own" });
    this.product = shape("path", { class: "product" });
    this.plane.layers.lines.append(this.product, this.own);
  }

  show(layers) {
    const { plane } = this, top = (y) => clamp(y, [0, 2]);
    const box = (at, y, wide) => plane.path([[at - wide, 0], [at - wide, top(y)], [at + wide, top(y)], [at + wide, 0]]) + "z";
    this.product.setAttribute("d", layers.map(({ product }, at) => box(at + 1, product, 0.32)).join(""));
    this.own.setAttribute("d", layers.map(({ slope }, at) => plane.path([[at + 0.6, top(slope)], [at + 1.4, top(slope)]])).join(""));
  }
}
