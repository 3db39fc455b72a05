// The map itself: what is shown, and what hands do with it.
let canvas = byId('points'), brush = withWebGL(canvas);
if (!brush) {
  // A canvas that was asked for WebGL once may give no other context.
  canvas.replaceWith(canvas.cloneNode());
  canvas = byId('points');
  brush = withCanvas(canvas);
}
const stage = byId('stage'), tip = byId('tip'), ring = byId('ring'), picked = byId('picked');
const paint = new Uint8Array(4 * data.n);
const now = { layout: 0, colour: 0, only: new Set(), over: -1, chosen: -1, grid: null };
let xy = layouts[0].xy.slice(), waiting = false, moving = 0;
canvas.dataset.brush = brush.kind;

const visible = (i) => now.only.size === 0 || now.only.has(colourings[now.colour].values[i]);

function repaint() {
  const c = colourings[now.colour], colours = coloursOf(c), missing = rgb(css('--quiet'));
  const alpha = data.n > 5000 ? 200 : 235;
  for (let i = 0; i < data.n; i++) {
    const known = c.values[i] >= 0;
    paint.set(visible(i) ? (known ? colours[c.values[i]] : missing) : missing, 4 * i);
    paint[4 * i + 3] = visible(i) ? (known ? alpha : 90) : 26;
  }
  brush.load(xy, paint);
  redraw();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    brush.draw(Math.min(devicePixelRatio || 1, 2));
    canvas.style.touchAction = zoomed() ? 'none' : 'pan-y';
    for (const [mark, i] of [[ring, now.over], [picked, now.chosen]]) place(mark, i);
    if (now.over >= 0) placeTip(now.over);
  });
}

function place(mark, i) {
  mark.hidden = i < 0;
  if (i < 0) return;
  const [px, py] = toScreen(xy[2 * i], xy[2 * i + 1]);
  mark.style.transform = `translate(${px}px, ${py}px)`;
}

function placeTip(i) {
  const [px, py] = toScreen(xy[2 * i], xy[2 * i + 1]), w = tip.offsetWidth, h = tip.offsetHeight;
  const left = px + 18 + w > view.width ? Math.max(4, px - 18 - w) : px + 18;
  const top = Math.min(Math.max(4, py - h / 2), Math.max(4, view.height - h - 4));
  tip.style.transform = `translate(${left}px, ${top}px)`;
}

function words(i) {
  return colourings.map((c) => [c.name, c.values[i] >= 0 ? c.names[c.values[i]] : 'unknown']);
}

function show(i) {
  if (i === now.over) return;
  now.over = i;
  tip.hidden = i < 0;
  if (i >= 0) {
    drawThumb(i);
    byId('tip-text').replaceChildren(...[['id', data.ids[i]], ...words(i)].flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
    tip.dataset.item = i;
  }
  redraw();
}

function say(i) {
  byId('said').textContent = i < 0 ? 'no item here' : `item ${data.ids[i]}, ${words(i).map(([k, v]) => `${k} ${v}`).join(', ')}`;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function drawThumb(i) {
  const thumb = byId('thumb'), a = data.atlas;
  thumb.hidden = !a;
  if (!a) return;
  thumb.width = a.width;
  thumb.height = a.height;
  thumb.getContext('2d').drawImage(byId('atlas'), (i % a.columns) * a.tile, Math.floor(i / a.columns) * a.tile, a.width, a.height, 0, 0, a.width, a.height);
}

function legend() {
  const c = colourings[now.colour], colours = coloursOf(c), counts = new Map();
  for (const v of c.values) counts.set(v, (counts.get(v) || 0) + 1);
  const box = byId('legend');
  if (c.ordered) {
    const bar = document.createElement('div'), ramp = document.createElement('canvas');
    bar.className = 'ramp';
    ramp.width = c.names.length;
    ramp.height = 1;
    colours.forEach((k, i) => { const pen = ramp.getContext('2d'); pen.fillStyle = `rgb(${k})`; pen.fillRect(i, 0, 1, 1); });
    bar.append(element('span', c.names[0]), ramp, element('span', c.names[c.names.length - 1]));
    return box.replaceChildren(bar);
  }
  const entries = c.names.map((name, v) => [name, v]).filter(([, v]) => counts.has(v));
  if (counts.has(-1)) entries.push(['no label', -1]);
  return box.replaceChildren(...entries.map(([name, v]) => legendEntry(name, v, v < 0 ? rgb(css('--quiet')) : colours[v], counts.get(v))));
}

function legendEntry(name, v, colour, count) {
  const button = document.createElement('button'), spot = document.createElement('i'), label = element('span', name);
  button.type = 'button';
  button.title = name;
  spot.style.background = `rgb(${colour})`;
  button.setAttribute('aria-pressed', now.only.has(v));
  button.append(spot, label, element('small', count.toLocaleString('en')));
  button.onclick = () => {
    if (!now.only.delete(v)) now.only.add(v);
    button.setAttribute('aria-pressed', now.only.has(v));
    show(-1);
    repaint();
  };
  return button;
}

function goTo(k) {
  now.layout = k;
  const from = xy.slice(), to = layouts[k].xy, begun = performance.now(), turn = ++moving;
  const long = matchMedia('(prefers-reduced-motion: reduce)').matches ? 1 : 450;
  now.grid = gridOf(to);
  show(-1);
  byId('kept').textContent = layouts[k].kept === null ? '' :
    `This layout keeps ${(100 * layouts[k].kept).toFixed(0)} % of each item's nearest neighbours in the code` +
    (layouts[k].trust === undefined ? '; ' : ` (trustworthiness ${layouts[k].trust.toFixed(3)}, continuity ${layouts[k].continuity.toFixed(3)}); `) +
    (layouts[k].name === 'PCA' ? 'it shows the two directions in which codes differ most.' : 'distances between far groups mean little.');
  (function glide() {
    if (turn !== moving) return;
    const t = Math.min(1, (performance.now() - begun) / long), s = t * t * (3 - 2 * t);
    for (let i = 0; i < xy.length; i++) xy[i] = from[i] + s * (to[i] - from[i]);
    brush.load(xy, paint);
    redraw();
    if (t < 1) requestAnimationFrame(glide);
  })();
}

const folded = data.ids.map((id) => id.toLowerCase());

function find() {
  const wanted = byId('query').value.trim().toLowerCase(), found = byId('found');
  if (!wanted) { now.chosen = -1; found.textContent = ''; show(-1); return redraw(); }
  const exact = folded.indexOf(wanted), hits = folded.reduce((all, id, i) => (id.includes(wanted) ? [...all.slice(-1e5), i] : all), []);
  if (!hits.length) { found.textContent = 'not on the map'; return undefined; }
  // The same words again go on to the next hit.
  const at = now.chosen >= 0 && folded[now.chosen].includes(wanted) && byId('query').dataset.last === wanted ? hits.indexOf(now.chosen) + 1 : exact >= 0 ? hits.indexOf(exact) : 0;
  now.chosen = hits[at % hits.length];
  byId('query').dataset.last = wanted;
  found.textContent = hits.length > 1 ? `${(at % hits.length) + 1} of ${hits.length.toLocaleString('en')}` : 'found';
  const [a, b] = [xy[2 * now.chosen], xy[2 * now.chosen + 1]];
  Object.assign(view, { x: a, y: b, scale: Math.max(view.scale, view.base * 3) });
  show(now.chosen);
  say(now.chosen);
  return redraw();
}

function size() {
  const ratio = Math.min(devicePixelRatio || 1, 2), box = canvas.getBoundingClientRect(), was = view.scale / view.base;
  Object.assign(view, { width: box.width, height: box.height, base: 0.92 * Math.min(box.width, box.height) });
  view.scale = was * view.base;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  redraw();
}
