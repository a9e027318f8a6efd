// What all moving figures are made of: their numbers as text, their controls, their pieces.
//
// A figure is `moving[name](element, data, words)`: it fills an element, from what the
// library computed and the words of one language. Each number stands in the figure twice,
// rounded as one reads it, and whole as the value of its <data>.
"use strict";

const moving = {};

const DIGITS = 3;

function piece(name, attributes = {}, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

function shape(name, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnish(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The text with its places, {like this}, filled.
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

const rounded = (x, digits = DIGITS) => x.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "\u2212");

// As few letters as say how large it is: 0.197, 2.78e-7, 38.7.
function brief(x) {
  const size = Math.abs(x);
  const isPlain = size === 0 || (size >= 0.001 && size < 10000);
  const text = isPlain ? String(Number(x.toPrecision(DIGITS))) : x.toExponential(2);
  return text.replace("e+", "e").replaceAll("-", "\u2212");
}

class Numbers {
  constructor() {
    this.places = new Map();
  }

  // Where that number stands, from now on.
  place(key, form = rounded) {
    const made = piece("data", { "data-of": key });
    this.places.set(key, { made, form });
    return made;
  }

  show(values) {
    for (const [key, value] of Object.entries(values)) {
      const { made, form } = this.places.get(key);
      made.value = value;
      made.textContent = Number.isNaN(value) ? "\u2013" : form(value);
    }
  }
}

// A table whose cells are texts or pieces.
function table(heads, rows, label) {
  const cell = (text) => piece("td", {}, text), head = (text) => (text ? piece("th", { scope: "col" }, text) : cell(text));
  const line = (cells, made) => piece("tr", {}, ...cells.map(made));
  return piece("div", { class: "table", role: "group", tabindex: 0, "aria-label": label },
    piece("table", {}, piece("thead", {}, line(heads, head)), piece("tbody", {}, ...rows.map((row) => line(row, cell)))));
}

// A slider with its name before and its value after it.
function slider(label, { min, max, step, value, form = brief }, onInput) {
  const input = piece("input", { type: "range", min, max, step, "aria-label": label });
  const output = piece("output");
  const tell = () => {
    output.textContent = form(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { tell(); onInput(Number(input.value)); });
  input.value = value;
  tell();
  const made = piece("label", { class: "slider" }, piece("span", {}, label), input, output);
  // Moved from elsewhere, by a drag in the picture: the same as by hand.
  const move = (to) => {
    input.value = to;
    input.dispatchEvent(new Event("input"));
  };
  return { made, input, move };
}

// A list to choose from: pairs of a value and its name.
function menu(label, options, value, onChange) {
  const made = piece("select", {}, ...options.map(([key, name]) => piece("option", { value: key }, name)));
  made.value = value;
  made.addEventListener("change", () => onChange(made.value));
  return piece("label", { class: "menu" }, piece("span", {}, label), made);
}

// Buttons of which one is pressed.
function switches(label, options, value, onChange) {
  const buttons = options.map(([key, name]) => piece("button", { type: "button", "aria-pressed": key === value }, name));
  const press = (chosen) => {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", at === chosen));
    onChange(options[chosen][0]);
  };
  buttons.forEach((button, at) => button.addEventListener("click", () => press(at)));
  return piece("div", { class: "switches", role: "group", "aria-label": label }, ...buttons);
}

function button(text, onClick) {
  const made = piece("button", { type: "button" }, text);
  made.addEventListener("click", onClick);
  return made;
}

// A figure's frame: a title and what to try, pictures at one side, the rest beside them.
// `tell` says in a sentence what there is to see; it is read aloud once a drag pauses.
function frame(element, title, task, pictures, beside, look = "") {
  const said = piece("p", { class: "said" }), aloud = piece("p", { class: "aloud", role: "status" });
  element.classList.add("moving");
  element.replaceChildren(
    piece("p", { class: "title" }, title), piece("p", { class: "task" }, task),
    piece("div", { class: `stage ${look}` }, piece("div", { class: "pictures" }, ...pictures),
      piece("div", { class: "beside" }, ...beside.slice(0, 1), said, ...beside.slice(1))), aloud);
  let waiting = 0;
  return function tell(text, isGood = false) {
    said.textContent = text;
    said.classList.toggle("good", isGood);
    clearTimeout(waiting);
    waiting = setTimeout(() => { aloud.textContent = text; }, 500);
  };
}
