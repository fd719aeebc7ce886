// The explorer page. What draws is the engine, a server or the browser itself; this file is the same for both.
import { open } from "./engine.js";
import * as npy from "./npy.js";
import { along, joined, slerp, step } from "./latents.js";

const sliders = 8, variations = 12, frames = 9, gifFrames = 24;
const $ = (id) => document.getElementById(id);

let engine, model, directions;
const state = { z: null, amounts: [], varied: [], strip: [], corners: [], names: "" };

const truncation = () => Number($("truncation").value);
const cls = () => (model.classes > 0 ? $("class").value : undefined);
const current = () => along(state.z, directions.directions, state.amounts);
const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

function say(text) { $("status").textContent = text; }

function problem(error) {
  $("problem").hidden = !error;
  $("problem").textContent = error?.message ?? "";
}

// latest returns a function that does some work, once more if it is called meanwhile: of many moves of a slider the last one counts.
function latest(work) {
  let running = false, again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    busy(1);
    while (again) {
      again = false;
      try {
        await work();
        problem(null);
      } catch (e) {
        problem(e);
      }
    }
    running = false;
    busy(-1);
  };
}

let works = 0;
function busy(change) {
  works += change;
  $("main").setAttribute("aria-busy", String(works > 0));
}

// draw draws latents onto as many canvases.
async function draw(list, canvases) {
  const blob = await engine.images(model.name, "png", joined(list, truncation()), model.latent, { cls: cls(), cols: list.length });
  const sheet = await createImageBitmap(blob);
  canvases.forEach((canvas, i) => {
    canvas.width = model.width;
    canvas.height = model.height;
    canvas.getContext("2d").drawImage(sheet, -i * model.width, 0);
  });
  sheet.close();
}

const canvasesOf = (id) => [...$(id).querySelectorAll("canvas")];

const drawPicture = latest(async () => {
  await draw([current()], [$("picture")]);
  $("picture").setAttribute("aria-label", describe());
});

const className = (i) => model.class_names[i] ?? String(i);

function describe() {
  const moved = state.amounts.flatMap((a, k) => (a === 0 ? [] : [`direction ${k + 1} at ${a}`]));
  return [`Picture: ${state.names}`, ...(model.classes > 0 ? [`class ${className(cls())}`] : []), `truncation ${truncation()}`, ...moved].join(", ");
}

const drawVariations = latest(async () => {
  const noise = await engine.latents(model.name, randomSeed(), variations);
  const spread = Number($("spread").value);
  const z = current();
  const varied = Array.from({ length: variations }, (_, i) => step(z, noise.subarray(i * model.latent, (i + 1) * model.latent), spread));
  await draw(varied, canvasesOf("variations"));
  state.varied = varied;
});

const seedLatent = (id) => engine.latents(model.name, Number($(id).value) || 0, 1);

async function between(count) {
  const [a, b] = await Promise.all([seedLatent("from"), seedLatent("to")]);
  return Array.from({ length: count }, (_, i) => slerp(a, b, i / (count - 1)));
}

const drawStrip = latest(async () => {
  const strip = await between(frames);
  await draw(strip, canvasesOf("strip"));
  state.strip = strip;
});

const drawCorners = latest(async () => {
  const list = await engine.latents(model.name, randomSeed(), 4);
  state.corners = [0, 1, 2, 3].map((i) => list.slice(i * model.latent, (i + 1) * model.latent));
  await draw(state.corners, [...document.querySelectorAll(".corner")]);
  await drawBetween();
});

function morphed() {
  const u = Number($("across").value), v = Number($("down").value), [a, b, c, d] = state.corners;
  return slerp(slerp(a, b, u), slerp(c, d, u), v);
}

const drawBetween = latest(async () => {
  if (state.corners.length === 0) return;
  $("point").style.left = `${100 * $("across").value}%`;
  $("point").style.top = `${100 * $("down").value}%`;
  await draw([morphed()], [$("between")]);
});

function drawAll() {
  return Promise.all([drawPicture(), drawVariations(), drawStrip(), state.corners.length ? redrawCorners() : drawCorners()]);
}

const redrawCorners = latest(async () => {
  await draw(state.corners, [...document.querySelectorAll(".corner")]);
  await drawBetween();
});

// goOn makes z the picture from which everything else goes on.
function goOn(z, names) {
  state.z = z;
  state.names = names;
  setAmounts(0);
  drawPicture();
  drawVariations();
  say(`Now: ${names}.`);
}

const startFromSeed = latest(async () => goOn(await seedLatent("seed"), `seed ${$("seed").value}`));

function setAmounts(value) {
  state.amounts = state.amounts.map(() => value);
  $("directions").querySelectorAll("input").forEach((input) => {
    input.value = value;
    input.nextElementSibling.textContent = Number(value).toFixed(1);
  });
}

function element(name, properties, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

function makeSliders() {
  const list = directions.directions;
  state.amounts = list.map(() => 0);
  $("directions-section").hidden = list.length === 0;
  $("directions").replaceChildren(...list.map((_, k) => {
    const input = element("input", { type: "range", min: -4, max: 4, step: 0.1, value: 0, id: `direction-${k + 1}` });
    const output = element("output", { textContent: "0.0" });
    output.htmlFor = input.id;
    input.addEventListener("input", () => {
      state.amounts[k] = Number(input.value);
      output.textContent = state.amounts[k].toFixed(1);
      drawPicture();
    });
    input.addEventListener("change", () => drawVariations());
    return element("div", { className: "field" }, element("label", { htmlFor: input.id, textContent: `Direction ${k + 1}` }),
      element("span", { className: "together" }, input, output));
  }));
}

function makeButtons(id, count, label, choose) {
  $(id).replaceChildren(...Array.from({ length: count }, (_, i) => {
    const button = element("button", { type: "button" }, document.createElement("canvas"));
    button.setAttribute("aria-label", label(i));
    button.addEventListener("click", () => choose(i));
    return button;
  }));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  say(`${name} is downloaded.`);
}

// saving returns the work of a button that downloads a file.
const saving = (work) => latest(async () => save(...(await work())));

const savePNG = saving(async () => [
  await engine.images(model.name, "png", joined([current()], truncation()), model.latent, { cls: cls(), cols: 1 }), "gantiny.png"]);
const saveGIF = saving(async () => [
  await engine.images(model.name, "gif", joined(await between(gifFrames), truncation()), model.latent, { cls: cls() }), "gantiny.gif"]);
const saveLatent = saving(async () => [new Blob([npy.write(joined([current()], truncation()), model.latent)]), "gantiny.npy"]);

async function useModel() {
  model = engine.models[Number($("model").value)];
  directions = await engine.directions(model.name, sliders);
  $("about").textContent = `${model.name}: ${model.width} x ${model.height} pixels, ${model.latent} latent numbers, ${model.form}` +
    (model.classes ? `, ${model.classes} classes` : "");
  $("class-field").hidden = model.classes === 0;
  $("class").replaceChildren(...Array.from({ length: model.classes }, (_, i) => element("option", { value: i, textContent: className(i) })));
  state.corners = [];
  makeSliders();
  state.z = await seedLatent("seed");
  state.names = `seed ${$("seed").value}`;
  $("main").hidden = false;
  await drawAll();
}

function listen() {
  const on = (id, event, work) => $(id).addEventListener(event, () => work());
  on("model", "change", latest(useModel));
  on("seed", "change", startFromSeed);
  on("random", "click", () => {
    $("seed").value = randomSeed();
    startFromSeed();
  });
  on("class", "change", drawAll);
  on("truncation", "input", () => {
    $("truncation-value").textContent = truncation().toFixed(2);
    drawPicture();
  });
  on("truncation", "change", drawAll);
  on("spread", "change", drawVariations);
  on("reset", "click", () => {
    setAmounts(0);
    drawPicture();
    drawVariations();
  });
  on("from", "change", drawStrip);
  on("to", "change", drawStrip);
  on("across", "input", drawBetween);
  on("down", "input", drawBetween);
  on("corners", "click", drawCorners);
  on("take", "click", () => goOn(morphed(), "a morph"));
  on("save-png", "click", savePNG);
  on("save-gif", "click", saveGIF);
  on("save-latent", "click", saveLatent);
  const drag = (e) => {
    const box = $("pad").getBoundingClientRect();
    $("across").value = (e.clientX - box.left) / box.width;
    $("down").value = (e.clientY - box.top) / box.height;
    drawBetween();
  };
  $("pad").addEventListener("pointerdown", (e) => {
    $("pad").setPointerCapture(e.pointerId);
    drag(e);
  });
  $("pad").addEventListener("pointermove", (e) => {
    if ($("pad").hasPointerCapture(e.pointerId)) drag(e);
  });
}

async function main() {
  engine = await open();
  $("model").replaceChildren(...engine.models.map((m, i) => element("option", { value: i, textContent: m.name })));
  $("model-field").hidden = engine.models.length < 2;
  makeButtons("variations", variations, (i) => `Variation ${i + 1}`, (i) => state.varied[i] && goOn(state.varied[i], `variation ${i + 1}`));
  makeButtons("strip", frames, (i) => `Picture ${i + 1} of ${frames} between the seeds`, (i) => state.strip[i] && goOn(state.strip[i], `picture ${i + 1} between the seeds`));
  listen();
  await useModel();
}

main().catch((e) => {
  $("about").textContent = "";
  problem(e);
});
