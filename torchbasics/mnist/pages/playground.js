// The playground: a sheet to draw on, and one or two networks that answer as one draws.

const $ = (id) => document.getElementById(id);
const SLIDERS = ["noise", "across", "down"];
let playground = null;

// The page's script stands before its data, so that it can say where these are torn.
document.addEventListener("DOMContentLoaded", () => {
  const language = navigator.language.startsWith("ko") ? "ko" : "en";
  let data, networks, pictures;
  try {
    data = JSON.parse($("data").textContent);
    networks = data.networks.map(unpack);
    pictures = bytesOf(data.pictures);
  } catch {
    tellIn(language);
    $("torn").replaceChildren(WORDS[language].torn);
    $("torn").classList.add("now");
    return;
  }
  $("torn").hidden = true;
  $("playground").hidden = false;
  playground = new Playground(networks, digitsOf(data.digits, pictures), data.language ?? language);
});

const digitsOf = (digits, pictures) => digits.map(([index, label], at) =>
  ({ index, label, pixels: pictures.slice(at * SIDE * SIDE, (at + 1) * SIDE * SIDE) }));

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
  constructor(networks, digits, language) {
    this.language = language;
    this.cards = networks.map((network) => new Card(network));
    this.shelf = digits.map((digit) => shelve(digit, networks[0]));
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
    for (const name of SLIDERS) {
      $(name).nextElementSibling.textContent = name === "noise" ? settings.noise.toFixed(2) : signed(settings[name], 0);
    }
    const pixels = altered(this.sketch.pixels, settings), blank = !pixels.some(Boolean);
    paintInk($("seen"), pixels, this.sketch.ink);
    $("hint").textContent = this.hintTo(blank);
    $("hint").hidden = !$("hint").textContent;
    for (const card of this.cards) card.show(blank ? null : pixels, this.sketch.label);
    if (done) this.announce(blank);
  }

  // On an empty sheet; or, once a stroke has ended, where nothing is read in it.
  hintTo(blank) {
    if (this.sketch.isBlank) return this.words.hint;
    return blank && !this.sketch.stroke ? this.words.faint : "";
  }

  announce(blank) {
    const said = this.cards.map(({ network, result: { answer, probs } }) =>
      `${network.name}: ${this.words.reads(answer, percent(probs[answer]))}`);
    const nothing = this.sketch.isBlank ? this.words.empty : this.words.faint;
    $("status").textContent = blank ? nothing : said.join("; ");
  }

  // All of it anew: in this language, in the theme's colours, in the window's size.
  dress() {
    this.words = tellIn(this.language);
    const palette = paletteOf(), isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    this.sketch.redraw();
    for (const card of this.cards) card.dress(this.words, palette);
    const whose = this.cards.length > 1 ? ` (${this.cards[0].network.name})` : "";
    for (const name of ["right", "wrong"]) {
      $(name).textContent = this.words[name] + whose;
      $(name).hidden = !$(`${name}s`).hasChildNodes();
    }
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
    $("reset").addEventListener("click", () => {
      for (const name of SLIDERS) $(name).value = 0;
      this.answer(true);
    });
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
      const isZ = ["z", "Z", "ㅋ"].includes(event.key); // as a Korean keyboard has it
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || !isZ) return;
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
