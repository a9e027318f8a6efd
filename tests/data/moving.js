// A figure by itself, to be tried: what it says, and what somebody does to it.

const shown = JSON.parse(document.getElementById("data").textContent);
const figure = document.getElementById("figure");
moving[shown.name](figure, shown.data, shown.words);

// Its numbers, whole, and how its controls stand; what is hidden says nothing.
function read() {
  const numbers = [...figure.querySelectorAll("data")].filter((one) => !one.closest("[hidden]"));
  const places = [...figure.querySelectorAll(".handle")].map((one) => one.getAttribute("transform").match(/[-\d.]+/g).map(Number));
  return {
    numbers: Object.fromEntries(numbers.map((one) => [one.dataset.of, Number(one.value)])),
    ranges: [...figure.querySelectorAll("input")].map((input) => Number(input.value)),
    chosen: [...figure.querySelectorAll("select")].map((select) => select.value),
    pressed: [...figure.querySelectorAll(".switches [aria-pressed=true]")].map((button) => button.textContent),
    handles: places,
    said: figure.querySelector(".said").textContent,
  };
}

// A random number from 0 to 1, the same ones each time.
let state = 1;
const random = () => (state = state * 48271 % 2147483647) / 2147483647;
const oneOf = (list) => list[Math.floor(random() * list.length)];

function pointer(made, name, [x, y]) {
  made.setPointerCapture = () => {};
  made.dispatchEvent(new PointerEvent(name, { pointerId: 1, isPrimary: true, bubbles: true, clientX: x, clientY: y }));
}

// Each control and each handle is put anywhere, through the handlers that a hand would reach.
function shake() {
  for (const input of figure.querySelectorAll("input")) {
    input.value = Number(input.min) + random() * (input.max - input.min);
    input.dispatchEvent(new Event("input"));
  }
  for (const select of figure.querySelectorAll("select")) {
    select.value = oneOf(select.options).value;
    select.dispatchEvent(new Event("change"));
  }
  for (const switches of figure.querySelectorAll(".switches")) oneOf(switches.children).click();
  for (const handle of figure.querySelectorAll(".handle")) {
    const box = handle.ownerSVGElement.querySelector(".edge").getBoundingClientRect();
    const place = [box.left + random() * box.width, box.top + random() * box.height];
    pointer(handle, "pointerdown", place);
    pointer(handle, "pointerup", place);
  }
  return read();
}

const shaken = (times) => Array.from({ length: times }, shake);

// Milliseconds that each slider and each handle takes to be moved once, layout included.
function timed() {
  const times = [];
  const watch = (move) => {
    const start = performance.now();
    move();
    figure.getBoundingClientRect();
    times.push(performance.now() - start);
  };
  for (const input of figure.querySelectorAll("input")) {
    input.value = Number(input.min) + random() * (input.max - input.min);
    watch(() => input.dispatchEvent(new Event("input")));
  }
  for (const handle of figure.querySelectorAll(".handle")) {
    const box = handle.ownerSVGElement.querySelector(".edge").getBoundingClientRect();
    const place = () => [box.left + random() * box.width, box.top + random() * box.height];
    pointer(handle, "pointerdown", place());
    watch(() => pointer(handle, "pointermove", place()));
    pointer(handle, "pointerup", place());
  }
  return times;
}
