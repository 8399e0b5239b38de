"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const state = { image: 0, pattern: -1, x: 0.5, y: 0.5, channels: {} };
const rows = [...document.querySelectorAll("section.row")];
const decoded = new Map();

function valuesOf(map) {
  if (!decoded.has(map)) {
    decoded.set(map, Uint8Array.from(atob(map.values), (letter) => letter.charCodeAt(0)));
  }
  return decoded.get(map);
}

// The value of a plane (a channel or a pattern) at a position, or of all positions.
function valueAt(map, size, plane, index) {
  const [low, high] = map.limits;
  return low + ((high - low) * valuesOf(map)[plane * size[0] * size[1] + index]) / 255;
}

function planeOf(map, size, plane) {
  return Array.from({ length: size[0] * size[1] }, (_, i) => valueAt(map, size, plane, i));
}

function indexOf(size) {
  const [height, width] = size;
  const row = Math.min(height - 1, Math.floor(state.y * height));
  return row * width + Math.min(width - 1, Math.floor(state.x * width));
}

function fill(canvas, size, colorAt) {
  const [height, width] = size;
  canvas.width = width;
  canvas.height = height;
  canvas.style.aspectRatio = `${data.images[state.image].width} / ${data.images[state.image].height}`;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set([...colorAt(i), 255], 4 * i);
  context.putImageData(pixels, 0, 0);
}

function tableColor(table, value, [low, high]) {
  const place = Math.floor((256 * (value - low)) / (high - low || 1));
  return table[Math.max(0, Math.min(255, place))];
}

function rangeText(values, unit = "") {
  const known = values.filter((value) => value !== null);
  if (!known.length) return "no feature";
  const ends = [Math.min(...known), Math.max(...known)];
  const text = ends.map((end) => end.toFixed(2) + unit).join(" to ");
  return ends[1] - ends[0] < 0.02 ? `nearly constant: ${text}` : text;
}

// The hue of the strongest pattern, as in the figures of keras-resattn.
function patternColor(values, strong) {
  const powers = values.map((value) => value ** 3);
  const sum = powers.reduce((a, b) => a + b, 0) || 1;
  const strength = Math.min(1, values.reduce((a, b) => a + b, 0) / Math.max(strong, 0.01));
  return [0, 1, 2].map((part) => {
    const hue = powers.reduce((total, power, k) => total + (power / sum) * data.hues[k][part], 0);
    return Math.round(255 * (data.paper * (1 - strength) + strength * hue));
  });
}

function drawModule(row) {
  const name = row.dataset.module;
  const maps = data.images[state.image].modules[name];
  const { scale, strong, shares } = data.modules[name];
  const [amplification, patterns, mask] = row.querySelectorAll("figure");
  const amplified = maps.amplification;
  fill(amplification.firstElementChild, maps.size, (i) =>
    amplified[i] === null ? [128, 128, 128] : tableColor(data.amplificationColors, amplified[i], scale));
  amplification.lastElementChild.textContent = 
    `Amplification: ${rangeText(amplified, "x")} (blue to red: ${scale.map((end) => end.toFixed(2) + "x").join(" to ")})`;

  const chosen = shares.map((_, k) => k).filter((k) => state.pattern < 0 || k === state.pattern);
  const planes = shares.map((_, k) => planeOf(maps.patterns, maps.size, k));
  fill(patterns.firstElementChild, maps.size, (i) =>
    patternColor(planes.map((plane, k) => (chosen.includes(k) ? plane[i] : 0)), strong));
  const key = chosen.map((k) => {
    const part = document.createElement("span");
    const box = document.createElement("span");
    box.className = "box";
    box.style.background = `rgb(${data.hues[k].map((x) => Math.round(255 * x)).join(" ")})`;
    part.append(box, `${k + 1}: ${Math.round(100 * shares[k])}% `);
    return part;
  });
  patterns.lastElementChild.replaceChildren("Patterns ", ...key);

  const channel = state.channels[name] ?? maps.channel;
  const slider = mask.querySelector("input");
  slider.max = maps.size[2] - 1;
  slider.value = channel;
  const plane = planeOf(maps.mask, maps.size, channel);
  fill(mask.firstElementChild, maps.size, (i) => tableColor(data.maskColors, plane[i], maps.mask.limits));
  mask.lastElementChild.textContent =
    `Mask, channel ${channel} of 0 to ${maps.size[2] - 1}: ${rangeText(plane)} (colours: ${maps.mask.limits.join(" to ")})`;
  drawThere(row, maps, channel);
}

function drawThere(row, maps, channel) {
  const index = indexOf(maps.size);
  const count = maps.size[2];
  const values = Array.from({ length: count }, (_, c) => valueAt(maps.mask, maps.size, c, index));
  const profile = row.querySelector(".profile");
  [profile.width, profile.height] = [Math.max(256, count), 64];
  const context = profile.getContext("2d");
  const [low, high] = maps.mask.limits;
  const step = profile.width / count;
  values.forEach((value, c) => {
    const tall = (64 * (value - low)) / (high - low);
    context.fillStyle = c === channel ? "#ee6677" : "#4a90c8";
    context.fillRect(c * step, 64 - tall, Math.max(1, step * 0.85), tall);
  });
  const order = values.map((_, c) => c).sort((a, b) => values[b] - values[a]);
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const amplified = maps.amplification[index];
  const patterns = data.modules[row.dataset.module].shares.map((_, k) =>
    valueAt(maps.patterns, maps.size, k, index).toFixed(3));
  const named = (some) => some.map((c) => `${c} (${values[c].toFixed(2)})`).join(", ");
  row.querySelector(".there p").textContent =
    `Here: amplified ${amplified === null ? "no feature" : `${amplified.toFixed(2)}x`}; ` +
    `mask ${values[channel].toFixed(2)} in channel ${channel}, ${mean.toFixed(2)} on average; ` +
    `highest in channels ${named(order.slice(0, 3))}; lowest in ${named(order.slice(-3).reverse())}; ` +
    `patterns ${patterns.join(", ")}.`;
}

function drawPicture() {
  const image = data.images[state.image];
  const canvas = document.getElementById("picture");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.style.aspectRatio = `${image.width} / ${image.height}`;
  const context = canvas.getContext("2d");
  context.drawImage(image.element, 0, 0);
  const [x, y] = [state.x * image.width, state.y * image.height];
  const radius = Math.max(1.5, Math.min(image.width, image.height) / 24);
  for (const [color, width] of [["black", radius / 2], ["white", radius / 4]]) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
  document.getElementById("position").textContent =
    `Position: ${Math.round(100 * state.x)} % from the left, ${Math.round(100 * state.y)} % from the top`;
  document.getElementById("classes").textContent = image.classes
    .map(([label, share]) => `${label} ${(100 * share).toFixed(1)} %`).join(", ");
}

function draw() {
  drawPicture();
  rows.forEach(drawModule);
}

function moveTo(x, y) {
  state.x = Math.max(0, Math.min(0.999, x));
  state.y = Math.max(0, Math.min(0.999, y));
  draw();
}

// One step of the arrow keys is one position of the finest module.
function press(event) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
  if (dx === undefined) return;
  event.preventDefault();
  const sizes = Object.values(data.images[state.image].modules).map((maps) => maps.size);
  const finest = [0, 1].map((axis) => Math.max(...sizes.map((size) => size[axis])));
  moveTo(state.x + dx / finest[1], state.y + dy / finest[0]);
}

for (const canvas of document.querySelectorAll("#picture, figure canvas")) {
  canvas.addEventListener("click", (event) => {
    moveTo(event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight);
    document.getElementById("picture").focus({ preventScroll: true });
  });
}
document.getElementById("picture").addEventListener("keydown", press);
document.getElementById("image").addEventListener("input", (event) => {
  state.image = Number(event.target.value);
  draw();
});
document.getElementById("pattern").addEventListener("input", (event) => {
  state.pattern = Number(event.target.value);
  draw();
});
for (const row of rows) {
  row.querySelector("input").addEventListener("input", (event) => {
    state.channels[row.dataset.module] = Number(event.target.value);
    drawModule(row);
  });
}
Promise.all(data.images.map((image) => new Promise((resolve, reject) => {
  image.element = new Image();
  image.element.onload = () => {
    [image.width, image.height] = [image.element.naturalWidth, image.element.naturalHeight];
    resolve();
  };
  image.element.onerror = reject;
  image.element.src = image.source;
}))).then(draw);
