// Where the map is looked at: `x`, `y` is the place (0 .. 1) in the middle, `scale` the pixels a unit.
const view = { x: 0.5, y: 0.5, scale: 1, width: 1, height: 1, base: 1 };

function fit() {
  view.base = 0.92 * Math.min(view.width, view.height);
  Object.assign(view, { x: 0.5, y: 0.5, scale: view.base });
}

const toScreen = (a, b) => [(a - view.x) * view.scale + view.width / 2, (b - view.y) * view.scale + view.height / 2];
const toPlace = (px, py) => [(px - view.width / 2) / view.scale + view.x, (py - view.height / 2) / view.scale + view.y];
const zoomed = () => view.scale > view.base * 1.02;

function zoomAt(px, py, factor) {
  const [a, b] = toPlace(px, py);
  view.scale = Math.min(Math.max(view.scale * factor, view.base * 0.8), view.base * 400);
  view.x = a - (px - view.width / 2) / view.scale;
  view.y = b - (py - view.height / 2) / view.scale;
}

function moveBy(dx, dy) {
  view.x = Math.min(Math.max(view.x - dx / view.scale, -0.2), 1.2);
  view.y = Math.min(Math.max(view.y - dy / view.scale, -0.2), 1.2);
}

// Points by the cell of a grid (counting sort), so that the nearest one is found without looking at all of them.
const CELLS = 160;
const cellOf = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v * CELLS)));

function gridOf(xy) {
  const n = xy.length / 2, starts = new Uint32Array(CELLS * CELLS + 1), items = new Uint32Array(n);
  const cell = (i) => cellOf(xy[2 * i + 1]) * CELLS + cellOf(xy[2 * i]);
  for (let i = 0; i < n; i++) starts[cell(i) + 1]++;
  for (let c = 0; c < CELLS * CELLS; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < n; i++) items[next[cell(i)]++] = i;
  return { starts, items };
}

function nearest(grid, xy, px, py, reach, visible) {
  const [a, b] = toPlace(px, py), r = reach / view.scale;
  let best = -1, least = r * r;
  for (let row = cellOf(b - r); row <= cellOf(b + r); row++) {
    const from = grid.starts[row * CELLS + cellOf(a - r)], to = grid.starts[row * CELLS + cellOf(a + r) + 1];
    for (let j = from; j < to; j++) {
      const i = grid.items[j], d = (xy[2 * i] - a) ** 2 + (xy[2 * i + 1] - b) ** 2;
      if (d < least && visible(i)) { least = d; best = i; }
    }
  }
  return best;
}
