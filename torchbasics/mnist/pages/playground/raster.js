// The picture that is read: what is on the sheet, as grey levels on white paper.
//
// It is drawn here and not by the browser: always of one size, by distances, the darker of
// two where they meet. So any screen, any theme, and the same strokes in any pieces give
// the same picture.
"use strict";

const TIMES = 3; // as large as it is a test digit stands on the sheet
const MARGIN = 6; // of paper around it: what touches a picture's edges is dropped as a photo's frame
const SHEET = TIMES * SIDE, PICTURE = SHEET + 2 * MARGIN;
const WHITE = 255;

const whitePaper = () => imageOf(PICTURE, PICTURE, new Float32Array(PICTURE ** 2).fill(WHITE));

// A straight line with round ends. Points and width are in sheets, from 0 to 1.
function layLine({ values }, from, to, width) {
  const [x, y] = from.map((at) => MARGIN + SHEET * at);
  const [across, down] = to.map((at, i) => SHEET * (at - from[i]));
  const radius = SHEET * width / 2, square = across ** 2 + down ** 2;
  const [left, right] = spanOf(x, x + across, radius), [top, bottom] = spanOf(y, y + down, radius);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const dx = column + 0.5 - x, dy = row + 0.5 - y;
      const share = square && Math.min(1, Math.max(0, (dx * across + dy * down) / square));
      const distance = Math.sqrt((dx - share * across) ** 2 + (dy - share * down) ** 2);
      const paper = Math.min(1, Math.max(0, distance - radius + 0.5));
      lay(values, row * PICTURE + column, Math.round(WHITE * paper));
    }
  }
}

// The pixels of the sheet that a line between two places may touch.
function spanOf(first, second, radius) {
  const start = Math.floor(Math.min(first, second) - radius - 1);
  const end = Math.ceil(Math.max(first, second) + radius + 1);
  return [Math.max(MARGIN, start), Math.min(MARGIN + SHEET, end)];
}

// A test digit, as large as the sheet.
function layDigit({ values }, digit) {
  const large = enlarged(imageOf(SIDE, SIDE, digit), SHEET, SHEET).values;
  for (let row = 0, i = 0; row < SHEET; row++) {
    const start = (MARGIN + row) * PICTURE + MARGIN;
    for (let column = 0; column < SHEET; column++, i++) {
      lay(values, start + column, WHITE - Math.round(large[i]));
    }
  }
}

function lay(values, at, grey) {
  if (grey < values[at]) values[at] = grey;
}
