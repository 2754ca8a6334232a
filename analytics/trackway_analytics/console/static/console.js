// The console's one script. Whatever an event carries reaches the page as text, never as HTML.

const POLL_MS = 1000;
const RETRY_MS = 5000;

const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en-US");
const decimal = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

function element(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function seconds(value) {
  return value < 120 ? `${value.toFixed(1)} s` : `${Math.round(value / 60)} min`;
}

function bytes(value) {
  const unit = value < 1e3 ? ["B", 1] : value < 1e6 ? ["kB", 1e3] : value < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${decimal.format(Math.round((value / unit[1]) * 10) / 10)} ${unit[0]}`;
}

// ---- The moving numbers -------------------------------------------------------------------------------------------

function showFigures(live) {
  byId("events").textContent = count.format(live.events);
  byId("per-second").textContent = count.format(Math.round(live.per_second * 10) / 10);
  byId("quarantined").textContent = count.format(live.quarantined);
  byId("lag-bytes").textContent = bytes(live.lag_bytes);
  byId("lag-seconds").textContent = seconds(live.lag_seconds);
  byId("quarantine-figure").dataset.level = live.quarantined > 0 ? "bad" : "";
  byId("lag-figure").dataset.level = live.loading_error ? "bad" : live.lag_seconds > 10 ? "warn" : "";
  for (const node of byId("loaded").querySelectorAll("[data-outcome]")) {
    node.textContent = count.format(live.loaded[node.dataset.outcome]);
  }
  showHistory(live.history);
}

function showHistory(history) {
  const top = Math.max(1, ...history);
  const points = history.map((n, i) => `${((i * 240) / (history.length - 1)).toFixed(1)},${(39 - (n / top) * 37).toFixed(1)}`);
  const [area, line] = byId("history").querySelectorAll("path");
  line.setAttribute("d", `M${points.join("L")}`);
  area.setAttribute("d", `M0,40L${points.join("L")}L240,40Z`);
}

function showState(live) {
  const problem = live.store_error ? `The store does not answer: ${live.store_error}`
    : live.loading_error ? `Events are accepted and kept, but cannot be loaded now: ${live.loading_error}` : "";
  setText(byId("problem"), problem);
  byId("problem").hidden = !problem;
  if (problem) setState("behind", "Not loading");
  else if (live.lag_seconds > 10) setState("behind", "Catching up");
  else if (live.per_second > 0) setState("receiving", "Receiving");
  else setState("idle", "Waiting for events");
}

function setState(name, text) {
  byId("state").dataset.state = name;
  setText(byId("state"), text);
}

// A live region speaks whenever its text is set, so set it only when it differs.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ---- The last events ----------------------------------------------------------------------------------------------

const rows = new Map(); // message id → table row: rows stay the same nodes, so focus and open details survive

function showRecent(live) {
  const anything = live.events + live.quarantined > 0;
  byId("feed").hidden = !anything;
  byId("empty").hidden = anything || Boolean(live.store_error);
  if (byId("pause").getAttribute("aria-pressed") === "true") return;
  if (byId("recent").querySelector("details[open]")) return; // somebody reads; the table waits
  const seen = new Set();
  live.recent.forEach((event, position) => {
    const key = `${event.source}\u0000${event.id}\u0000${event.verdict}`;
    seen.add(key);
    if (!rows.has(key)) rows.set(key, eventRow(event));
    const row = rows.get(key);
    if (byId("recent").children[position] !== row) byId("recent").insertBefore(row, byId("recent").children[position] ?? null);
  });
  for (const [key, row] of rows) {
    if (!seen.has(key)) { row.remove(); rows.delete(key); }
  }
}

function eventRow(event) {
  const row = element("tr");
  const received = new Date(event.received);
  const clock = received.toLocaleTimeString("en-GB") + "." + String(received.getMilliseconds()).padStart(3, "0");
  const time = element("td");
  time.append(element("time", clock, { datetime: event.received, title: event.received }));
  const verdict = element("td", undefined, { class: "verdict" });
  verdict.append(element("span", event.verdict, { class: "badge", "data-verdict": event.verdict }));
  for (const reason of event.reasons) verdict.append(element("bdi", reason, { class: "reasons" }));
  const content = element("td", undefined, { class: "content" });
  if (event.content && event.content !== "{}") {
    const details = element("details");
    details.append(element("summary", event.content), element("pre", pretty(event.content)));
    content.append(details);
  }
  row.append(time, textCell(event.source), textCell(event.event, "event"), textCell(event.person), verdict, content);
  return row;
}

function textCell(text, name = "") {
  // <bdi>: a name written right to left keeps its order and stays where the column begins.
  const cell = element("td", undefined, { class: name, title: text });
  cell.append(element("bdi", text));
  return cell;
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

byId("pause").addEventListener("click", () => {
  const paused = byId("pause").getAttribute("aria-pressed") !== "true";
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Paused" : "Pause";
});

// ---- The charts ---------------------------------------------------------------------------------------------------

const shown = new Map(); // chart → what the API answered
let chartsAt = -1; // the event count that the charts were asked at
let lastCount = -1;

// A chart is asked for when it has never been, and again once new events have stopped coming: never while they pour in.
function refreshCharts(live) {
  const settled = live.events === lastCount;
  lastCount = live.events;
  if (chartsAt === live.events || (chartsAt >= 0 && !settled)) return;
  chartsAt = live.events;
  showCharts(document.querySelectorAll("[data-chart]"));
}

async function showCharts(sections) {
  for (const section of sections) { // one after the other: the store has better things to do than draw
    section.setAttribute("aria-busy", "true");
    try {
      const of = environment();
      const answer = await ask(`/api/charts/${section.dataset.chart}?environment=${of}`);
      if (of !== environment()) return; // another one was chosen meanwhile, and its charts are on their way
      shown.set(section.dataset.chart, answer);
      showChart(section, answer);
    } catch (error) {
      showMissing(section, `This chart cannot be drawn now: ${error.message}`);
    }
    section.setAttribute("aria-busy", "false");
  }
}

function showMissing(section, why) {
  section.querySelector(".missing").textContent = why;
  section.querySelector(".missing").hidden = false;
}

function showChart(section, answer) {
  const found = answer.available;
  for (const selector of [".plot", ".semantics", ".numbers", ".sql"]) section.querySelector(selector).hidden = !found;
  section.querySelector(".missing").hidden = found;
  if (!found) return showMissing(section, answer.message);
  section.querySelector(".semantics").textContent = answer.semantics;
  section.querySelector(".sql code").textContent = answer.sql;
  section.querySelector(".numbers table").replaceChildren(...tableParts(answer));
  draw(section, answer.figure);
}

function tableParts({ columns, rows: lines }) {
  const numeric = columns.map((_, i) => lines.every((line) => line[i] === null || typeof line[i] === "number"));
  const cell = (tag, text, i, extra = {}) => element(tag, text, { ...extra, class: numeric[i] ? "number" : "" });
  const head = element("thead");
  head.append(element("tr"));
  head.firstChild.append(...columns.map((name, i) => cell("th", name, i, { scope: "col" })));
  const body = element("tbody");
  for (const line of lines) {
    const row = element("tr");
    row.append(...line.map((value, i) => cell("td", shownValue(value), i)));
    body.append(row);
  }
  return [head, body];
}

function shownValue(value) {
  if (value === null) return "–";
  return typeof value === "number" ? decimal.format(value) : String(value);
}

function draw(section, figure) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: color("--line"), linecolor: color("--line"), zerolinecolor: color("--line"), automargin: true };
  const layout = {
    ...figure.layout,
    autosize: true,
    margin: { l: 16, r: 16, t: 12, b: 16 },
    paper_bgcolor: color("--card"), // not transparent: plotly.js picks the links of a Sankey by its lightness
    plot_bgcolor: color("--card"),
    font: { family: color("--text-font"), size: 12, color: color("--text") },
    legend: { ...figure.layout.legend, font: { color: color("--text") } },
    hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--text") } },
  };
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(layout)])) {
    if (/^[xy]axis\d*$/.test(name)) layout[name] = { ...layout[name], ...axis };
  }
  const plot = section.querySelector(".plot");
  if (figure.layout.height) plot.style.height = `${figure.layout.height}px`; // as many rows as the answer has
  Plotly.react(plot, figure.data.map((trace) => shortened(trace, section.clientWidth)), layout, { responsive: true, displayModeBar: false });
}

// The names of a Sankey stand between its columns, two to a gap: long ones are cut in the middle, and whole on hover.
function shortened(trace, width) {
  if (trace.type !== "sankey") return trace;
  const gaps = new Set(trace.node.x).size - 1;
  const letters = Math.max(8, Math.floor((width / gaps - 44) / 2 / 7.2));
  const head = Math.floor(letters / 3); // names of one app begin alike; their ends tell them apart
  const cut = (name) => (name.length > letters ? `${name.slice(0, head)}…${name.slice(head + 1 - letters)}` : name);
  const { label } = trace.node;
  const hovertemplate = "%{customdata}<br>%{value:,}<extra></extra>";
  return { ...trace, node: { ...trace.node, label: label.map(cut), customdata: label, hovertemplate } };
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const [name, answer] of shown) if (answer.available) draw(byId(name), answer.figure);
});

// ---- Asking -------------------------------------------------------------------------------------------------------

async function ask(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { status: response.status });
  return answer;
}

async function look() {
  if (document.hidden) return POLL_MS;
  try {
    const live = await ask(`/api/live?environment=${environment()}`);
    if (live.environment !== environment()) return 0;
    showFigures(live);
    showState(live);
    showRecent(live);
    refreshCharts(live);
    return POLL_MS;
  } catch (error) {
    if (error.status === 401) {
      setState("lost", "Signed out: open the printed address again");
      return RETRY_MS * 6;
    }
    setState("lost", "Connection lost, trying again");
    return RETRY_MS;
  }
}

// Which events all of this is about.
function environment() {
  return byId("environment").value;
}

byId("environment").addEventListener("change", () => {
  chartsAt = lastCount = -1;
  look();
});

async function watch() {
  const wait = await look();
  setTimeout(watch, wait);
}

// The token has done its work (the cookie stands for it now): keep it out of the address bar and of screenshots.
if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname + location.hash);
watch();
