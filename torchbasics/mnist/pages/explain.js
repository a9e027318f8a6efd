// Draws the page from the JSON in it. What is text there becomes text here, never markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const SIDE = 28;
const UP = [217, 95, 2], DOWN = [31, 105, 196];

function element(tag, text = "", names = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (names) made.className = names;
  return made;
}

const fixed = (x, digits = 3) => (x === 0 ? "0" : x.toFixed(digits)).replace("-", "\u2212");
const signed = x => (x > 0 ? "+" : "") + fixed(x, 2);
const percent = x => `${(100 * x).toFixed(2)} %`;

// Pixels as shades: ink from 0 to 255 in one colour, or numbers around 0 in two.
function paint(place, values, kind) {
  const canvas = place.querySelector(`.${kind}`) || place.appendChild(element("canvas", "", kind));
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
  const largest = kind === "ink" ? 255 : Math.max(1e-30, ...values.map(Math.abs));
  values.forEach((value, i) => {
    const colour = kind === "ink" ? [0, 0, 0] : value > 0 ? UP : DOWN;
    image.data.set([...colour, 255 * Math.abs(value) / largest], 4 * i);
  });
  context.putImageData(image, 0, 0);
  place.setAttribute("role", "img");
}

const picture = name => document.querySelector(`[data-picture="${name}"]`);

function bars(name, probs) {
  const place = document.querySelector(`[data-bars="${name}"]`), best = Math.max(...probs);
  place.replaceChildren(...probs.flatMap((prob, digit) => {
    const names = prob === best ? "best" : "", bar = element("i", "", names);
    bar.style.width = `${100 * prob}%`;
    return [element("span", digit, names), bar, element("span", percent(prob), names)];
  }));
}

function tell(name, text) {
  for (const place of document.querySelectorAll(`[data-text="${name}"]`)) place.textContent = text;
}

// The layers, and what is known of a unit.
function unitText(layer, unit) {
  const facts = [
    `pre-activation ${fixed(layer.pre_activations[unit])}`, `output ${fixed(layer.outputs[unit])}`,
    `slope ${layer.derivatives[unit].toPrecision(3)}`, `counts ${signed(layer.counts[unit])}`,
  ];
  if (layer.fires[unit]) facts.push("fires");
  if (layer.saturated[unit]) facts.push("saturated");
  return `${layer.name}, unit ${unit}: ${facts.join(", ")}`;
}

function choose(card, layer, before, unit, square) {
  card.querySelector(".chosen")?.classList.remove("chosen");
  square.classList.add("chosen");
  const told = card.querySelector(".told"), text = element("div");
  text.append(element("p", unitText(layer, unit)));
  told.replaceChildren(text);
  const strong = layer.strongest.find(one => one.unit === unit);
  if (!strong) return;
  if (strong.looks_for.length === SIDE * SIDE) {
    const place = element("div", "", "picture unit");
    place.setAttribute("aria-label", `the weights of unit ${unit}`);
    paint(place, strong.looks_for, "sign");
    text.append(element("p", "Its weights, where they stand on the picture: it looks for ink where they are above 0."));
    told.className = "told row";
    told.prepend(place);
    return;
  }
  const order = strong.hears.map((adds, i) => [adds, i]);
  order.sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
  const most = order.slice(0, 8).map(([adds, i]) => `${i} (${signed(adds)})`);
  text.append(element("p", `Adds most to its pre-activation: in ${before}, units ${most.join(", ")}`));
}

function layerCard(layer, index) {
  const card = element("div", "", "layer"), [inputs, width] = layer.weight_shape;
  const before = index ? data.layers[index - 1].name : "the input";
  card.append(element("h3", layer.name));
  const count = name => layer[name].filter(Boolean).length;
  const shapes = `x (1, ${inputs}) · W (${inputs}, ${width}) + b (${width},) → (1, ${width})`;
  card.append(element("code", layer.residual ? `${shapes}, and x is added` : shapes));
  card.append(element("div", `${count("fires")} of ${width} fire, ${count("saturated")} are saturated`, "small soft"));
  const units = element("div", "", "units");
  const largest = Math.max(1e-30, ...layer.outputs.map(Math.abs));
  const strongest = new Set(layer.strongest.map(one => one.unit));
  layer.outputs.forEach((output, unit) => {
    const square = element(strongest.has(unit) ? "button" : "span");
    square.title = unitText(layer, unit);
    if (strongest.has(unit)) square.setAttribute("aria-label", square.title);
    if (layer.saturated[unit]) square.className = "saturated";
    const colour = output > 0 ? "orange" : "blue";
    square.style.background = `color-mix(in srgb, var(--${colour}) ${100 * Math.abs(output) / largest}%, transparent)`;
    square.addEventListener("click", () => choose(card, layer, before, unit, square));
    units.append(square);
  });
  card.append(units, element("div", "", "told"));
  if (layer.strongest.length) {
    const first = layer.strongest[0].unit;
    choose(card, layer, before, first, units.children[first]);
  }
  return card;
}

// The change, as much of it as the slider says.
function showChange() {
  const change = data.change, before = data.image.flat();
  if (!change) {
    tell("change", "No change of its pixels was found that changes the answer.");
    for (const id of ["changed", "share"]) document.getElementById(id).remove();
    return;
  }
  const difference = change.after.flat().map((value, i) => value - before[i]);
  tell("change", `The smallest change found that makes ${data.answer} into ${change.answer}: ` +
    `${change.num_changed} pixels by at most ${change.linf} of 255 grey levels, ` +
    `${change.l2.toFixed(1)} in all (the root of the sum of squares).`);
  paint(picture("difference"), difference, "sign");
  const slider = document.querySelector("#share input"), last = change.path.length - 1;
  const show = () => {
    const share = slider.value / last;
    paint(picture("changed"), before.map((value, i) => value + share * difference[i]), "ink");
    bars("changed", change.path[slider.value]);
  };
  slider.max = slider.value = last;
  slider.addEventListener("input", show);
  show();
}

function numbersTable(layer) {
  const table = element("table"), columns = ["pre_activations", "outputs", "derivatives", "counts"];
  table.append(element("caption", layer.name));
  const head = table.insertRow();
  for (const name of ["unit", "pre-activation", "output", "slope", "counts"]) head.append(element("th", name));
  layer.outputs.forEach((_, unit) => {
    const row = table.insertRow();
    row.append(element("td", unit), ...columns.map(name => element("td", layer[name][unit])));
  });
  return table;
}

tell("answer", data.answer);
tell("name", data.name);
tell("label", data.label < 0 ? "" : `; the label says ${data.label}`);
for (const name of ["gap", "rounding"]) tell(name, data[name] ? data[name].toExponential(0) : "0");
paint(picture("image"), data.image.flat(), "ink");
paint(picture("saliency"), data.image.flat().map(value => value / 3), "ink");
paint(picture("saliency"), data.saliency, "sign");
bars("probs", data.probs);
document.getElementById("layers").append(...data.layers.map(layerCard));
showChange();
document.querySelector("details").addEventListener("toggle", event => {
  const place = document.getElementById("numbers");
  if (event.target.open && !place.hasChildNodes()) place.append(...data.layers.map(numbersTable));
});
