// The course's page: without this it can be read; with it, it can be searched and moved.

const { words: WORDS, moving: DATA, moving_words: MOVING_WORDS } =
  JSON.parse(document.getElementById("data").textContent);

new Places(WORDS);
new Search(WORDS);
new Tips();
mountFigures();
foldAtOnce();
for (const figure of document.querySelectorAll(".still")) enlargeable(figure);
for (const frame of document.querySelectorAll(".drawing iframe")) asTallAsItIs(frame);
openForPrint();
reachWhatScrolls();
if (matchMedia("(max-width: 899px)").matches) document.getElementById("contents").open = false;

// One figure after the other, while nobody waits for anything.
function mountFigures() {
  const later = globalThis.requestIdleCallback ?? setTimeout;
  const waiting = [...document.querySelectorAll("[data-moving]")];
  const mount = () => {
    const figure = waiting.shift();
    if (!figure) return;
    const name = figure.dataset.moving;
    moving[name](figure, DATA[name], MOVING_WORDS);
    later(mount);
  };
  later(mount);
}

// All answers can be shown at once, and folded again.
function foldAtOnce() {
  const button = document.getElementById("unfold"), folds = document.querySelectorAll("main details");
  button.hidden = !folds.length;
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    for (const fold of folds) fold.open = open;
    button.setAttribute("aria-pressed", open);
    button.textContent = open ? WORDS.fold : WORDS.unfold;
  });
}

// A figure with small letters can be made larger; it scrolls in its frame then.
function enlargeable(figure) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = WORDS.enlarge;
  button.addEventListener("click", () => {
    button.textContent = figure.classList.toggle("large") ? WORDS.shrink : WORDS.enlarge;
    dispatchEvent(new Event("resize")); // what scrolls now is to be reached
  });
  figure.append(button);
}

// What is wider than its frame is scrolled by the keyboard, too.
function reachWhatScrolls() {
  const look = () => {
    for (const frame of document.querySelectorAll("main pre, .wide")) {
      if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
      else frame.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", look);
  document.addEventListener("toggle", look, true);
  look();
}

function asTallAsItIs(frame) {
  const fit = () => {
    const inside = frame.contentDocument?.body;
    if (inside) frame.style.height = `${inside.scrollHeight + 2}px`;
  };
  const watch = () => new ResizeObserver(fit).observe(frame.contentDocument.body);
  frame.addEventListener("load", watch);
  if (frame.contentDocument?.body?.childElementCount) watch();
}

// What is folded is printed as well, and is folded again after it.
function openForPrint() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    for (const fold of folded) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of folded) fold.open = false; });
}
