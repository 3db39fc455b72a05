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

function withCanvas(canvas) {
  const pen = canvas.getContext('2d');
  let xy, paint;
  return {
    kind: '2d',
    load(places, paints) { xy = places; paint = paints; },
    draw(ratio) {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, view.width, view.height);
      const r = dotSize() / 2, round = r > 1.8 && data.n <= 6000;
      let last = -1;
      for (let i = 0; i < data.n; i++) {
        const [px, py] = toScreen(xy[2 * i], xy[2 * i + 1]);
        if (px < -r || py < -r || px > view.width + r || py > view.height + r) continue;
        const [red, green, blue, alpha] = paint.subarray(4 * i, 4 * i + 4);
        const ink = ((red << 24) | (green << 16) | (blue << 8) | alpha) >>> 0;
        if (ink !== last) { pen.fillStyle = `rgba(${red},${green},${blue},${alpha / 255})`; last = ink; }
        if (round) { pen.beginPath(); pen.arc(px, py, r, 0, 2 * Math.PI); pen.fill(); } else pen.fillRect(px - r, py - r, 2 * r, 2 * r);
      }
    },
  };
}
