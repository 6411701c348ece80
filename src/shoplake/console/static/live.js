// Writes each sample of the platform into the page. Samples come as server-sent events; the browser connects again by itself.
"use strict";

const STATES = ["working", "idle", "behind", "down"];
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function megabytes(bytes) {
  return bytes ? `${whole.format(bytes / 1048576)} MB` : "";
}

function rateText(rate) {
  return rate === null ? "" : whole.format(rate);
}

function setState(box, state) {
  for (const one of STATES) box.classList.toggle(one, one === state);
}

function showNode(node) {
  const box = document.querySelector(`[data-node="${node.name}"]`);
  if (!box) return;
  setState(box, node.state);
  const parts = [short.format(node.total)];
  if (node.rate) parts.push(`+${short.format(node.rate)}/s`);
  if (node.lag) parts.push(`${short.format(node.lag)} behind`);
  box.querySelector(".value").textContent = node.problem ? "does not answer" : parts.join(" · ");
}

function showFlows(sample) {
  const moving = new Map([...sample.topics, ...sample.sinks].map((node) => [node.name, Boolean(node.rate)]));
  for (const line of document.querySelectorAll(".flow")) {
    const { from, to } = line.dataset;
    // Into a topic: the topic grows. Into or out of a reader: the reader does.
    const reader = from.startsWith("jobs.sink-") || from === "jobs.dead-letter-router" ? from : to;
    line.classList.toggle("moving", moving.get(reader) === true);
  }
}

function showServers(sample) {
  for (const box of document.querySelectorAll("[data-server]")) {
    const state = sample.servers[box.dataset.server];
    setState(box, state === undefined || state === "running" ? "" : "down");
    const memory = megabytes(sample.memory[box.dataset.server]);
    box.querySelector(".value").textContent = [state, memory].filter(Boolean).join(" · ");
  }
}

function cell(row, text, isNumber) {
  const made = row.insertCell();
  made.textContent = text;
  if (isNumber) made.className = "number";
}

function fill(body, rows) {
  body.replaceChildren();
  for (const columns of rows) {
    const row = body.insertRow();
    for (const [text, isNumber] of columns) cell(row, text, isNumber);
  }
}

function show(sample) {
  const at = new Date(sample.at_ms).toLocaleTimeString();
  const behind = sample.sinks.reduce((sum, node) => sum + node.lag, 0);
  const broken = sample.sinks.filter((node) => node.problem);
  const status = document.getElementById("state");
  status.classList.toggle("problem", Boolean(sample.problem) || broken.length > 0);
  status.textContent = sample.problem
    ? sample.problem
    : broken.length
      ? `${broken[0].name.replace("jobs.", "")}: ${broken[0].problem}`
      : `${at}: ${behind ? `${whole.format(behind)} records are not applied yet` : "every reader has the whole log"}`;
  for (const node of [...sample.topics, ...sample.sinks, sample.publisher].filter(Boolean)) showNode(node);
  document.querySelector('[data-node="jobs.warehouse"] .value').textContent = sample.warehouse;
  showServers(sample);
  showFlows(sample);
  fill(
    document.getElementById("sinks"),
    sample.sinks.map((node) => [
      [node.name.replace("jobs.", "")],
      [node.problem ? "" : whole.format(node.total), true],
      [rateText(node.rate), true],
      [node.problem ? "does not answer" : whole.format(node.lag), true],
    ]),
  );
  const names = [...new Set([...Object.keys(sample.servers), ...Object.keys(sample.memory)])];
  fill(
    document.getElementById("servers"),
    names.map((name) => [[name], [sample.servers[name] ?? "in the background"], [megabytes(sample.memory[name]), true]]),
  );
}

const source = new EventSource("live");
source.onmessage = (message) => show(JSON.parse(message.data));
source.onerror = () => {
  const status = document.getElementById("state");
  status.classList.add("problem");
  status.textContent = "The console does not answer. Start it again with `shoplake console`.";
};
