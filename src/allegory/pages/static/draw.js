// Two ways to draw the same points: WebGL, and the 2-D canvas where there is none. `paint` holds 4 bytes a point: colour, alpha.
const POINT = `attribute vec2 at; attribute vec4 paint; uniform vec2 middle, size; uniform float scale; uniform mediump float wide; varying vec4 ink;
void main() { vec2 p = (at - middle) * scale / (size * 0.5); gl_Position = vec4(p.x, -p.y, 0.0, 1.0); gl_PointSize = wide; ink = paint; }`;
const DOT = `precision mediump float; varying vec4 ink; uniform mediump float wide;
void main() { float r = length(gl_PointCoord - 0.5) * wide; float a = ink.a * clamp(wide * 0.5 - r, 0.0, 1.0); if (a <= 0.0) discard; gl_FragColor = vec4(ink.rgb * a, a); }`;

function dotSize() {
  const many = Math.min(Math.max(13.5 - 2.2 * Math.log10(data.n + 1), 3.6), 10);
  return Math.min(many * Math.pow(view.scale / view.base, 0.25), 16);
}

function withWebGL(canvas) {
  const gl = canvas.getContext('webgl', { antialias: false, premultipliedAlpha: true });
  if (!gl) return null;
  let program, places, paints;
  function start() {
    program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, POINT], [gl.FRAGMENT_SHADER, DOT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return false;
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    places = gl.createBuffer();
    paints = gl.createBuffer();
    return true;
  }
  if (!start()) return null;
  function fill(buffer, name, values, size, kind, normalised) {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    const at = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, kind, normalised, 0, 0);
  }
  const uniform = (name) => gl.getUniformLocation(program, name);
  return {
    kind: 'webgl',
    restart: start,
    load(xy, paint) {
      fill(places, 'at', xy, 2, gl.FLOAT, false);
      fill(paints, 'paint', paint, 4, gl.UNSIGNED_BYTE, true);
    },
    draw(ratio) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniform('middle'), view.x, view.y);
      gl.uniform2f(uniform('size'), view.width, view.height);
      gl.uniform1f(uniform('scale'), view.scale);
      gl.uniform1f(uniform('wide'), dotSize() * ratio);
      gl.drawArrays(gl.POINTS, 0, data.n);
    },
  };
}

// A disc as places around its middle, with how much of each pixel it covers.
function disc(radius) {
  const reach = Math.ceil(radius), stamp = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.min(Math.max(radius + 0.5 - Math.hypot(dx, dy), 0), 1);
      if (cover > 0) stamp.push([dx, dy, cover]);
    }
  }
  return stamp;
}

// Pixel by pixel: twenty thousand calls to the canvas, each with a colour of its own, would take most of a second.
function withCanvas(canvas) {
  const pen = canvas.getContext('2d');
  let xy, paint;
  function blend(pixels, to, from, cover) {
    const a = (paint[from + 3] / 255) * cover, under = (pixels[to + 3] / 255) * (1 - a), sum = a + under;
    for (let k = 0; k < 3; k++) pixels[to + k] = (paint[from + k] * a + pixels[to + k] * under) / sum;
    pixels[to + 3] = 255 * sum;
  }
  return {
    kind: '2d',
    load(places, paints) { xy = places; paint = paints; },
    draw(ratio) {
      const { width, height } = canvas;
      if (!width || !height) return;
      const image = pen.createImageData(width, height), stamp = disc((dotSize() / 2) * ratio);
      for (let i = 0; i < data.n; i++) {
        const px = Math.round(((xy[2 * i] - view.x) * view.scale + view.width / 2) * ratio);
        const py = Math.round(((xy[2 * i + 1] - view.y) * view.scale + view.height / 2) * ratio);
        if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue;
        for (const [dx, dy, cover] of stamp) {
          const x = px + dx, y = py + dy;
          if (x >= 0 && y >= 0 && x < width && y < height) blend(image.data, 4 * (y * width + x), 4 * i, cover);
        }
      }
      pen.putImageData(image, 0, 0);
    },
  };
}
