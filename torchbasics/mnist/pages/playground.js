// The playground: a sheet to draw on, and one or two networks that answer as one draws.

const $ = (id) => document.getElementById(id);
const SLIDERS = ["noise", "across", "down"];
let playground = null;

// The page's script stands before its data, so that it can say where these are torn.
document.addEventListener("DOMContentLoaded", () => {
  const language = navigator.language.startsWith("ko") ? "ko" : "en";
  let data, networks;
  try {
    data = JSON.parse($("data").textContent);
    networks = data.networks.map(unpack);
  } catch {
    tellIn(language);
    $("torn").hidden = false;
    return;
  }
  $("playground").hidden = false;
  playground = new Playground(data, networks, data.language ?? language);
});

// Fill in all words that do not depend on what is drawn.
function tellIn(language) {
  const words = WORDS[language];
  document.documentElement.lang = language;
  document.title = document.title.replace(/^[^:]*/, words.title);
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = words[place.dataset.text];
  for (const place of document.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", words[place.dataset.label]);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", button.dataset.language === language);
  }
  return words;
}

class Playground {
  constructor(data, networks, language) {
    const pictures = bytesOf(data.pictures), size = SIDE * SIDE;
    this.language = language;
    this.cards = networks.map((network) => new Card(network));
    this.shelf = data.digits.map(([index, label], at) =>
      shelve({ index, label, pixels: pictures.slice(at * size, (at + 1) * size) }, networks[0]));
    $("networks").append(...this.cards.map((card) => card.element));
    $("networks").classList.toggle("two", networks.length > 1);
    for (const card of this.cards) card.calibrate(this.shelf.map(({ pixels }) => pixels));
    this.sketch = new Sketch($("sheet"), $("pen"), (done) => this.answer(done));
    this.dress();
    this.listen();
  }

  // From what is on the sheet to the last tile; `done` where a stroke has ended.
  answer(done) {
    const settings = Object.fromEntries(SLIDERS.map((name) => [name, Number($(name).value)]));
    const pixels = altered(this.sketch.pixels, settings), blank = !pixels.some(Boolean);
    paintInk($("seen"), pixels, this.sketch.ink);
    $("hint").hidden = !this.sketch.isBlank;
    for (const card of this.cards) card.show(blank ? null : pixels, this.sketch.label);
    if (done) this.announce(blank);
  }

  announce(blank) {
    const said = this.cards.map(({ network, result: { answer, probs } }) =>
      `${network.name}: ${this.words.reads(answer, percent(probs[answer]))}`);
    $("status").textContent = blank ? this.words.empty : said.join("; ");
  }

  // All of it anew: in this language, in the theme's colours, in the window's size.
  dress() {
    this.words = tellIn(this.language);
    const palette = paletteOf();
    this.sketch.redraw();
    for (const card of this.cards) card.dress(this.words, palette);
    for (const { button, canvas, index, label, pixels } of this.shelf) {
      button.title = this.words.digit(index, label);
      button.setAttribute("aria-label", button.title);
      paintInk(canvas, pixels, this.sketch.ink);
    }
    this.answer(false);
  }

  listen() {
    const { sketch } = this;
    $("undo").addEventListener("click", () => sketch.undo());
    $("clear").addEventListener("click", () => sketch.clear());
    $("brush").addEventListener("input", () => { sketch.size = $("brush").value / 100; });
    for (const name of SLIDERS) $(name).addEventListener("input", () => this.answer(true));
    for (const { button, pixels, label } of this.shelf) {
      button.addEventListener("click", () => sketch.load(pixels, label));
    }
    for (const button of document.querySelectorAll("[data-language]")) {
      button.addEventListener("click", () => {
        this.language = button.dataset.language;
        this.dress();
      });
    }
    addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      sketch.undo();
    });
    addEventListener("resize", () => this.dress());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
  }
}

// A test digit on the shelf of those that a network reads right, or wrong.
function shelve(digit, network) {
  const canvas = element("canvas", { width: SIDE, height: SIDE });
  const button = element("button", { type: "button", class: "thumb" }, canvas);
  const { answer } = forward(network, digit.pixels);
  if (answer !== digit.label) button.append(element("small", {}, `${digit.label} → ${answer}`));
  $(answer === digit.label ? "rights" : "wrongs").append(button);
  return { ...digit, canvas, button };
}
