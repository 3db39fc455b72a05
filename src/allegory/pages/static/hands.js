// Mouse, touch and keyboard.
const fingers = new Map();
let travelled = 0, apart = 0;

function at(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

const under = (event, reach) => nearest(now.grid, layouts[now.layout].xy, ...at(event), reach, visible);

canvas.addEventListener('pointerdown', (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, at(event));
  travelled = 0;
  apart = spread();
});

function spread() {
  const [a, b] = [...fingers.values()];
  return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
}

canvas.addEventListener('pointermove', (event) => {
  const was = fingers.get(event.pointerId), is = at(event);
  if (!was) return show(under(event, 14));
  const [dx, dy] = [is[0] - was[0], is[1] - was[1]];
  travelled += Math.abs(dx) + Math.abs(dy);
  fingers.set(event.pointerId, is);
  if (travelled < 4) return undefined;
  canvas.classList.add('drag');
  moveBy(dx / fingers.size, dy / fingers.size);
  if (fingers.size === 2) {
    const [a, b] = [...fingers.values()], wide = spread();
    if (apart > 0 && wide > 0) zoomAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, wide / apart);
    apart = wide;
  }
  return redraw();
});

canvas.addEventListener('pointerup', (event) => {
  if (travelled < 4) {
    const i = under(event, event.pointerType === 'mouse' ? 14 : 26);
    now.chosen = i;
    show(i);
    if (i >= 0) say(i);
    redraw();
  }
});
for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'])
  canvas.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    apart = spread();
    canvas.classList.remove('drag');
  });
canvas.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse') show(-1); });

canvas.addEventListener('wheel', (event) => {
  // The page scrolls on, unless the map was clicked or a pinch on a touchpad (ctrl) asks for it.
  if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomAt(...at(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.0018)));
  redraw();
}, { passive: false });
canvas.addEventListener('dblclick', (event) => { zoomAt(...at(event), 2); redraw(); });

const middle = (factor) => () => { zoomAt(view.width / 2, view.height / 2, factor); redraw(); };
const all = () => { fit(); redraw(); };
const keys = {
  ArrowLeft: () => moveBy(60, 0), ArrowRight: () => moveBy(-60, 0), ArrowUp: () => moveBy(0, 60), ArrowDown: () => moveBy(0, -60),
  '+': middle(1.4), '=': middle(1.4), '-': middle(1 / 1.4), '0': all, Escape: () => { now.chosen = -1; show(-1); },
  Enter: () => {
    const i = nearest(now.grid, layouts[now.layout].xy, view.width / 2, view.height / 2, Math.max(view.width, view.height), visible);
    now.chosen = i;
    show(i);
    say(i);
  },
};
canvas.addEventListener('keydown', (event) => {
  if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  keys[event.key]();
  redraw();
});
byId('zoom-in').onclick = middle(1.6);
byId('zoom-out').onclick = middle(1 / 1.6);
byId('zoom-all').onclick = all;

byId('search').addEventListener('submit', (event) => { event.preventDefault(); find(); });
byId('query').addEventListener('search', () => { if (!byId('query').value) find(); });
function options(select, names) {
  select.replaceChildren(...names.map((name, i) => Object.assign(element('option', name), { value: i })));
}
options(byId('colour'), colourings.map((c) => c.name));
options(byId('layout'), layouts.map((l) => l.name));
byId('colour').onchange = (event) => { now.colour = Number(event.target.value); now.only.clear(); legend(); repaint(); };
byId('layout').onchange = (event) => goTo(Number(event.target.value));

dark.addEventListener('change', () => { legend(); repaint(); });
canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
canvas.addEventListener('webglcontextrestored', () => { brush.restart(); repaint(); });
new ResizeObserver(size).observe(stage);
size();
fit();
legend();
repaint();
goTo(0);
