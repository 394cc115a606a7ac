// What is asked, handed to the worker, and its answers shown. The library says what things mean; this file does not.
"use strict";
const $ = (id) => document.getElementById(id);

/** An element with attributes and children. Text stays text: nothing is ever parsed as HTML. */
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "circle", "path", "text", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The library, packed into this page, and the worker that runs it.

async function unpack() {
  const packed = Uint8Array.from(atob($("wasm").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
const library = unpack();
const program = URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" }));
const waiting = new Map();
const STOPPED = new Error("stopped");
let worker;
let asked = 0;

function begin() {
  worker?.terminate();
  for (const { reject } of waiting.values()) reject(STOPPED);
  waiting.clear();
  const mine = (worker = new Worker(program));
  mine.onmessage = ({ data: { id, answer, error, trapped } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    error === undefined ? resolve(answer) : reject(new Error(error));
    if (trapped) ready = begin();
  };
  return library.then((wasm) => mine.postMessage({ wasm }));
}
let ready = begin();

async function ask(question, file) {
  await ready;
  const id = ++asked;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, question, file });
  });
}

// What is asked.

const EXAMPLES = {
  plain: () => "4, 1, 2\n1, 5, 3\n0, 2, 6",
  hilbert: () => rows(8, 8, (i, j) => 1 / (i + j + 1)),
  singular: () => "1, 2, 3\n4, 5, 6\n5, 7, 9",
  tall: () => rows(6, 3, (i, j) => (i + 1) ** j),
};
const rows = (m, n, entry) =>
  Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => entry(i, j)).join(", ")).join("\n");

/** The file that was dropped or chosen, if the text does not count: its name and its bytes. */
let file = null;
/** Of the questions the one whose answer is wanted. */
let current = 0;

function question() {
  const operation = document.querySelector("[name=operation]:checked").value;
  const common = { do: "invert", operation, assume: $("assume").value };
  return file
    ? { ...common, name: file.name, pasted: /\.txt$/i.test(file.name), array: Number($("array").value || 0) }
    : { ...common, name: "the text", pasted: true };
}

async function compute() {
  const mine = ++current;
  // Nobody waits any more for what is under way.
  if (waiting.size > 0) ready = begin();
  const start = performance.now();
  const tick = () => {
    const seconds = (performance.now() - start) / 1000;
    $("status").textContent = seconds < 2 ? "Computing …" : `Computing … ${Math.floor(seconds)} s`;
    $("stop").hidden = seconds < 1;
  };
  const clock = setInterval(tick, 250);
  $("results").classList.add("stale");
  $("results").setAttribute("aria-busy", "true");
  try {
    const bytes = file ? file.bytes : new TextEncoder().encode($("text").value);
    const answer = await ask(question(), bytes);
    if (mine !== current) return;
    showInverse(answer);
    const seconds = (performance.now() - start) / 1000;
    $("results").classList.remove("stale");
    const judged = await ask({ do: "judge" });
    if (mine !== current) return;
    showJudged(judged, answer);
    done(seconds < 0.5 ? `${answer.what}.` : `${answer.what}, inverted in ${seconds.toFixed(1)} s.`);
  } catch (error) {
    if (mine === current) fail(error.message);
  } finally {
    clearInterval(clock);
  }
}

function done(status) {
  $("status").textContent = status;
  $("stop").hidden = true;
  $("results").removeAttribute("aria-busy");
  $("results").classList.remove("stale");
}

function fail(why) {
  for (const id of ["verdict", "inverse", "pictures", "measured"]) $(id).hidden = true;
  done("");
  $("error").hidden = false;
  $("error").textContent = why;
}

/** Of what is asked beside the computing: a newer question may have ended it, and that is none to tell. */
function failed(error) {
  if (error !== STOPPED) fail(error.message);
}

// What came of it.

const NAMES = { inv: "inverse", pinv: "pseudo-inverse" };

function showInverse(answer) {
  $("error").hidden = true;
  const name = NAMES[answer.operation];
  $("arrays").hidden = !(file && answer.arrays.length > 1);
  $("array").replaceChildren(...answer.arrays.map((array, i) => make("option", { value: i }, array)));
  $("array").value = answer.array;
  $("inverse").hidden = false;
  $("inverse-title").textContent = answer.count > 1 ? `The ${name}s` : `The ${name}`;
  const chosen = document.querySelector("[name=operation]:checked").value;
  const notes = [];
  if (chosen === "inv" && !answer.square) {
    notes.push("Only a square matrix has an inverse; this is the pseudo-inverse.");
  }
  if (answer.failed) notes.push(answer.failed);
  $("note").textContent = notes.join(" ");
  $("note").hidden = notes.length === 0;
  $("note").className = answer.failed ? "failed" : "hint";
  $("which").hidden = answer.count === 1;
  $("index").max = answer.count - 1;
  $("index").value = 0;
  showTable(answer.table);
  const stem = file ? file.name.replace(/\.[^.]*$/, "") : "matrix";
  const save = (format) => {
    const button = make("button", { type: "button" }, `.${format}`);
    button.onclick = () => download(format, `${stem}-${name}.${format}`);
    return button;
  };
  $("downloads").replaceChildren();
  if (answer.table) {
    $("downloads").append(make("span", { class: "hint" }, "Save as"), ...answer.formats.map(save));
  } else if (answer.operation === "inv" && answer.square) {
    const button = make("button", { type: "button" }, "Take the pseudo-inverse");
    button.onclick = () => {
      document.querySelector("[name=operation][value=pinv]").checked = true;
      compute();
    };
    $("downloads").append(button);
  }
}

function showTable(table) {
  if (!table) return $("table").replaceChildren();
  const [rows, cols] = table.shape;
  const head = make("tr", {}, make("td"));
  table.cells[0]?.forEach((_, j) => head.append(make("th", { scope: "col" }, j + 1)));
  const body = make("tbody");
  table.cells.forEach((row, i) => {
    const line = make("tr", {}, make("th", { scope: "row" }, i + 1));
    for (const [shown, full] of row) line.append(make("td", { title: full }, shown.replace(/^-/, "−")));
    body.append(line);
  });
  const shown = [table.cells.length, table.cells[0]?.length ?? 0];
  const parts = [make("table", {}, make("thead", {}, head), body)];
  if (shown[0] < rows || shown[1] < cols) {
    const what = `The first ${shown[0]} rows and ${shown[1]} columns of ${rows} × ${cols}; a saved file has all.`;
    parts.push(make("p", { class: "hint" }, what));
  }
  $("table").replaceChildren(...parts);
}

async function download(format, name) {
  const bytes = await ask({ do: "save", format }).catch(failed);
  if (!bytes) return;
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Those that stand at the top; all of them have a row below. */
const FIRST = ["Digits", "rcond", "Right residual", "Left residual", "Rank", "Status", "|A X A − A|"];

function showJudged(judged, answer) {
  for (const id of ["verdict", "pictures", "measured"]) $(id).hidden = !judged;
  if (!judged) return;
  const several = answer.count > 1;
  $("verdict").className = `card verdict ${judged.verdict.replace(" ", "-")}`;
  const parts = [make("h2", {}, judged.headline), make("p", {}, judged.why)];
  if (several) parts.unshift(make("p", { class: "hint" }, `Matrix ${judged.matrix} is the worst of ${answer.count}.`));
  if (several && judged.counts) {
    const counts = judged.counts.filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name}`);
    parts.push(make("p", { class: "hint" }, `All of them: ${counts.join(", ")}.`));
  }
  const tiles = make("dl", { class: "figures-list" });
  for (const [label, value] of judged.measured.filter(([label]) => FIRST.includes(label))) {
    tiles.append(make("div", {}, make("dt", {}, label), make("dd", {}, value)));
  }
  parts.push(tiles);
  if (judged.advice.length > 0) {
    parts.push(make("p", {}, make("b", {}, "What to do")));
    parts.push(make("ul", {}, ...judged.advice.map((advice) => make("li", {}, advice))));
  }
  $("verdict").replaceChildren(...parts);
  const row = ([label, value, meaning]) =>
    make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, value), " ", make("td", {}, meaning));
  $("measured").querySelector("table").replaceChildren(make("tbody", {}, ...judged.measured.map(row)));
  $("text-report").hidden = !judged.text;
  $("text-report").querySelector("pre").textContent = judged.text ?? "";
  const figures = judged.maps.map(heatMap);
  if (judged.singular_values?.length > 1 && judged.singular_values[0] > 0) figures.push(singularValues(judged.singular_values, judged.cut));
  $("pictures").querySelector(".figures").replaceChildren(...figures);
}

// Pictures.

const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const CHANNELS = VIRIDIS.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));

function colour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return CHANNELS[i].map((c, k) => c + (CHANNELS[i + 1][k] - c) * (at - i));
}

/** Decades of a scale: those of the numbers, but half a decade at least and twenty at most. */
function scale(logs) {
  const high = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const low = Math.max(logs.reduce((a, b) => Math.min(a, b), Infinity), high - 20);
  return high - low < 0.5 ? [high - 0.5, high] : [low, high];
}

function brief(x) {
  return x >= 0.01 && x < 1e4 ? String(Number(x.toPrecision(2))) : x.toExponential(1).replace("e+", "e");
}

function figure(title, note, ...parts) {
  return make("figure", {}, ...parts, make("figcaption", {}, make("b", {}, title), note));
}

/** The sizes of a matrix's entries, on a logarithmic scale: blank is zero, red is no number. */
function heatMap({ title, note, shape, sides, cells }) {
  const [height, width] = sides;
  const logs = cells.filter((x) => x > 0).map(Math.log10);
  const [low, high] = scale(logs);
  const canvas = make("canvas", { width, height, role: "img" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  cells.forEach((x, i) => {
    if (x === 0) return;
    const rgb = x === null ? [214, 59, 59] : colour((Math.log10(x) - low) / (high - low));
    image.data.set([...rgb, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  const ratio = Math.min(Math.max(width / height, 1 / 3), 3);
  canvas.style.aspectRatio = ratio;
  const grid = make("div", { class: "grid" });
  // As large as its cells deserve, and as the place allows.
  const room = Math.min(16, ratio < 1 ? 16 * ratio : 16);
  grid.style.width = `${Math.min(room, Math.max(2.5 * width, 4))}rem`;
  grid.append(canvas);
  const parts = [grid];
  const more = [`${shape[0]} × ${shape[1]}.`];
  const each = shape.map((n, k) => Math.ceil(n / sides[k]));
  if (each[0] * each[1] > 1) more.push(`A cell shows the largest of up to ${each[0]} × ${each[1]} entries.`);
  if (cells.includes(0)) more.push("Blank is zero.");
  if (cells.includes(null)) more.push("Red is not finite.");
  let range = "all zero";
  if (logs.length > 0) {
    const labels = [high, (low + high) / 2, low].map((log) => brief(10 ** log));
    range = `from ${labels[2]} to ${labels[0]}`;
    const bar = make("i");
    bar.style.background = `linear-gradient(to top, ${VIRIDIS.join(", ")})`;
    parts.push(make("div", { class: "bar", "aria-hidden": "true" }, bar, make("div", {}, ...labels.map((l) => make("span", {}, l)))));
  }
  canvas.setAttribute("aria-label", `${title}: sizes ${range}`);
  return figure(title, [note, ...more].join(" "), make("div", { class: "map" }, ...parts));
}

/** Largest first; red is rounding. */
function singularValues(values, cut) {
  const logs = values.map(Math.log10);
  const [least, most] = scale([...logs, Math.log10(cut)].filter(Number.isFinite));
  const [low, high] = [Math.floor(least) - 0.5, Math.ceil(most) + 0.5];
  const [left, top, width, height] = [40, 6, 270, 190];
  const x = (i) => left + 10 + ((width - 20) * i) / (values.length - 1);
  const y = (log) => top + (height * (high - Math.max(log, low))) / (high - low);
  const svg = make("svg", { viewBox: `0 0 ${left + width + 6} ${top + height + 22}`, role: "img" });
  const step = Math.ceil((high - low) / 8);
  for (let p = Math.ceil(low / step) * step; p <= high; p += step) {
    svg.append(make("line", { x1: left, x2: left + width, y1: y(p), y2: y(p), stroke: "currentColor", opacity: 0.15 }));
    svg.append(make("text", { x: left - 6, y: y(p) + 4, "text-anchor": "end" }, `1e${p}`));
  }
  svg.append(make("text", { x: x(0), y: top + height + 16, "text-anchor": "middle" }, "1"));
  svg.append(make("text", { x: x(values.length - 1), y: top + height + 16, "text-anchor": "middle" }, values.length));
  const radius = Math.max(1, Math.min(4, 120 / values.length));
  values.forEach((value, i) => {
    const fill = value > cut ? "var(--accent)" : "var(--bad)";
    svg.append(make("circle", { cx: x(i), cy: y(logs[i]), r: radius, fill }));
  });
  if (cut > 0 && Math.log10(cut) > low) {
    const at = y(Math.log10(cut));
    svg.append(make("line", { x1: left, x2: left + width, y1: at, y2: at, stroke: "var(--bad)" }));
    svg.append(make("text", { x: left + 4, y: at - 4, style: "fill:var(--bad)" }, "rounding"));
  }
  svg.setAttribute("aria-label", `Singular values from ${brief(values[0])} to ${brief(values.at(-1))}`);
  const note = "How much the matrix stretches in each direction, the most first. The inverse divides by them: those at " +
    "or under the red line are rounding, and what it does there is noise.";
  const drawn = figure("Singular values", note, svg);
  drawn.className = "curve";
  return drawn;
}

// What the reader does.

async function take(chosen) {
  if (!chosen) return;
  // What is read last counts, also where an earlier file takes longer to be read.
  const mine = (take.last = (take.last ?? 0) + 1);
  let bytes;
  try {
    bytes = await chosen.arrayBuffer();
  } catch (error) {
    return fail(`${chosen.name}: ${error.message}`);
  }
  if (mine !== take.last) return;
  file = { name: chosen.name, bytes };
  $("filename").textContent = chosen.name;
  $("filesize").textContent = `${chosen.size.toLocaleString("en")} bytes`;
  $("array").replaceChildren();
  $("pasted").hidden = true;
  $("dropped").hidden = false;
  compute();
}

function back() {
  file = null;
  take.last = (take.last ?? 0) + 1;
  $("file").value = "";
  $("pasted").hidden = false;
  $("dropped").hidden = true;
  compute();
}

// A phone's first view has the result instead.
$("options").open = matchMedia("(min-width: 60rem)").matches;

let typing;
$("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(compute, 250);
});
$("ask").addEventListener("submit", (event) => event.preventDefault());
for (const control of [$("assume"), $("array"), ...document.querySelectorAll("[name=operation]")]) {
  control.addEventListener("change", compute);
}
$("file").addEventListener("change", () => take($("file").files[0]));
$("back").addEventListener("click", back);
$("stop").addEventListener("click", () => {
  current += 1;
  ready = begin();
  fail("Stopped.");
});
$("index").addEventListener("change", async () => {
  const index = Math.min(Math.max(Math.floor(Number($("index").value)) || 0, 0), Number($("index").max));
  $("index").value = index;
  const table = await ask({ do: "table", index }).catch(failed);
  if (table) showTable(table);
});
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    $("text").value = EXAMPLES[button.dataset.example]();
    document.querySelector("[name=operation][value=inv]").checked = true;
    $("assume").value = "auto";
    compute();
  });
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const text = event.dataTransfer.getData("text/plain");
  if (event.dataTransfer.files.length > 0) return take(event.dataTransfer.files[0]);
  if (text) {
    $("text").value = text;
    back();
  }
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length > 0) {
    event.preventDefault();
    take(event.clipboardData.files[0]);
  }
});
compute();
