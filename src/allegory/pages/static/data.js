// What the page carries: places, names, colours. Text from data is only ever set as textContent.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId('map-data').textContent);

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Kind(bytes.buffer);
}

const layouts = data.layouts.map((l) => ({ name: l.name, kept: l.kept, trust: l.trustworthiness, continuity: l.continuity, xy: Float32Array.from(unpack(l.xy, Uint16Array), (v) => v / 65535) }));
const colourings = data.colours.map((c) => ({ ...c, values: unpack(c.values, Int32Array) }));

const dark = matchMedia('(prefers-color-scheme: dark)');
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function hsl(h, s, l) {
  const f = (n) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [f(0), f(8), f(4)];
}

// Twelve colours that everybody can tell apart; beyond that hues by the golden angle in three lightnesses, and the legend singles out.
function kindColour(i, n) {
  if (n <= 12) return rgb(css(`--c${i}`));
  const light = dark.matches ? [0.72, 0.6, 0.82] : [0.42, 0.3, 0.52];
  return hsl((i * 137.508) % 360, [0.75, 0.5, 0.6][i % 3], light[i % 3]);
}

function rampColour(t) {
  const at = Math.min(Math.max(t, 0), 1) * 8, low = Math.min(Math.floor(at), 7), part = at - low;
  const a = rgb(css(`--r${low}`)), b = rgb(css(`--r${low + 1}`));
  return a.map((v, i) => Math.round(v + part * (b[i] - v)));
}

function coloursOf(c) {
  const n = c.names.length;
  return c.names.map((_, i) => (c.ordered ? rampColour(n > 1 ? i / (n - 1) : 0) : kindColour(i, n)));
}
