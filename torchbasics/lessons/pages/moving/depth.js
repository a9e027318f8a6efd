// What is left of a gradient at the first layer of a deep network, before any training.
"use strict";

moving.depth = (element, data, words) => {
  const numbers = new Numbers(), state = { activation: "sigmoid", init: "xavier", width: 128, depth: 10 };
  const deepest = data.depths[data.depths.length - 1], low = -34, high = 6;
  const powers = [-30, -24, -18, -12, -6, 0, 6].map((power) => [power, power ? `1e${power}`.replace("-", "\u2212") : "1"]);
  const plane = new Plane(words.depth_plane, {
    x: [0, deepest], y: [low, high], size: [340, 300], margin: [46, 8, 10, 32], names: [words.hidden_layers, words.left],
    ticks: [[[1, "1"], [10, "10"], [20, "20"], [30, "30"], [40, "40"], [50, "50"]], powers],
  });
  const at = (left) => clamp(Math.log10(left), [low - 9, high + 9]);
  const curve = shape("path", { class: "curve" }), bound = shape("path", { class: "bound" }), cursor = shape("path", { class: "cursor" });
  const point = shape("circle", { r: 6, class: "point curve" }), measured = shape("g", { class: "measured" });
  plane.layers.lines.append(shape("path", { class: "axis", d: plane.path([[0, 0], [deepest, 0]]) }), bound, cursor, curve);
  plane.layers.marks.append(measured, point);
  bound.setAttribute("d", plane.path([[1, 0], [deepest, at(0.25 ** (deepest - 1))]]));

  const change = (key) => (to) => { state[key] = to; predict(); };
  const inits = menu(words.init, data.inits.map((init) => [init, words[`init_${init}`]]), state.init, change("init"));
  const activations = menu(words.activation, data.activations.map((name) => [name, nameOf(name)]), state.activation, change("activation"));
  const width = slider(words.width, { min: 3, max: 11, step: 1, value: 7, form: (power) => String(2 ** power) }, (power) => change("width")(2 ** power));
  const depth = slider(words.hidden_layers, { min: 2, max: deepest, step: 1, value: state.depth }, (to) => { state.depth = to; show(); });
  draggable(plane.svg, plane, ([to]) => depth.move(Math.max(2, to)));
  const rows = data.depths.map((layers, row) => [`${layers}`, numbers.place(`predicted${row}`, brief), numbers.place(`measured${row}`, brief)]);
  const tell = frame(element, words.depth, words.depth_task, [plane.svg], [
    piece("div", { class: "controls" }, activations, inits, width.made, depth.made),
    piece("p", {}, `${words.factor}: `, numbers.place("factor"), `. ${words.left}: `, numbers.place("left", brief)),
    table([words.hidden_layers, words.predicted, words.measured], rows, words.depth_plane),
    piece("p", { class: "small" }, fill(words.measured_note, { width: data.width })),
  ]);
  let lefts = [];

  // What is left at the first of 1, 2, ... hidden layers: a product of factors.
  function predict() {
    const { activation, init, width: units } = state;
    if (init === "critical" && !data.critical[activation]) return none();
    lefts = [1];
    for (const factor of factors(activation, init, units, deepest, data)) lefts.push(lefts[lefts.length - 1] * factor);
    curve.setAttribute("d", plane.path(lefts.map((left, layer) => [layer + 1, at(left)])));
    const found = units === data.width ? new Map(data.measured[activation][init]) : new Map();
    measured.replaceChildren(...Array.from(found, ([layers, left]) =>
      shape("circle", { r: 5, cx: plane.px(layers), cy: plane.py(clamp(at(left), plane.y)) })));
    data.depths.forEach((layers, row) => {
      numbers.show({ [`predicted${row}`]: lefts[layers - 1], [`measured${row}`]: found.get(layers) ?? NaN });
    });
    show();
  }

  // Some, as GELU, have no weights at which the gradient neither vanishes nor explodes.
  function none() {
    lefts = [];
    curve.setAttribute("d", "");
    measured.replaceChildren();
    for (const row of data.depths.keys()) numbers.show({ [`predicted${row}`]: NaN, [`measured${row}`]: NaN });
    show();
  }

  function show() {
    const { depth: layers, activation, init } = state, left = lefts[layers - 1] ?? NaN;
    const factor = left ** (1 / (layers - 1));
    cursor.setAttribute("d", plane.path([[layers, low], [layers, high]]));
    point.classList.toggle("gone", Number.isNaN(left));
    numbers.show({ factor, left });
    if (Number.isNaN(left)) return tell(fill(words.no_critical, { activation: nameOf(activation) }));
    point.setAttribute("cx", plane.px(layers));
    point.setAttribute("cy", plane.py(clamp(at(left), plane.y)));
    const kind = left < 0.1 ? words.vanishes : left > 10 ? words.explodes : words.stays;
    tell(fill(kind, { activation: nameOf(activation), init: words[`init_${init}`], layers, left: brief(left), factor: rounded(factor) }), kind === words.stays);
  }

  predict();
};
