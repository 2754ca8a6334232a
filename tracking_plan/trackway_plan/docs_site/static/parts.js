/* Parts that several pages show: badges, tables of properties, what was said when. */

const STATUSES = ["draft", "active", "deprecated", "retired"];

function badge(kind, text) {
  return make("span", { class: "badge", "data-kind": kind }, text || kind);
}

function section(title, ...content) {
  const shown = content.flat(3).filter(Boolean);
  return shown.length ? make("section", {}, make("h2", {}, title), shown) : undefined;
}

/* Term and what it is, in two columns; what there is nothing to say about is left out. */
function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && !value.length));
  return shown.length
    ? make("dl", { class: "facts" }, shown.map(([term, value]) => [make("dt", {}, term), make("dd", { dir: "auto" }, value)]))
    : undefined;
}

function sourceLinks(names) {
  return names && names.length ? listed(names.map((name) => link(["source", name], make("bdi", {}, name)))) : "any source";
}

function ownerLink(owner) {
  return owner ? link(["owner", owner], make("bdi", {}, owner)) : undefined;
}

function policyText(policy) {
  return policy && listed(Object.entries(policy).map(([code, action]) => [name_(code), ` ${action}`]));
}

/* Where it was written; a link where the site was told of one. */
function writtenIn(plan, file) {
  if (!file) return undefined;
  if (!plan.source_url) return name_(file);
  const path = file.split("/").map(encodeURIComponent).join("/");
  return make("a", { href: `${plan.source_url}/${path}`, rel: "noreferrer" }, name_(file));
}

function choiceList(row) {
  if (!row.choices) return undefined;
  return make("ul", { class: "choices" },
    row.choices.map((choice) => make("li", {}, name_(choice.value),
      choice.summary && [" ", make("span", { dir: "auto" }, choice.summary)],
      choice.formerly && make("small", {}, " formerly ", listed(choice.formerly.map(name_))))),
    row.may_grow && make("li", { class: "soft" }, "more may come"));
}

/* A pattern is code, all other limits are words. */
function limitText(limit) {
  const [, before, pattern] = limit.match(/^((?:each )?pattern )([^]*)$/) || [];
  return make("span", { class: "limit" }, pattern === undefined ? limit : [before, name_(pattern)]);
}

/* The columns of a table of properties: head and what a row says there. */
const COLUMNS = [
  ["Type", (row) => [make("span", { class: "type" }, row.type), row.nullable && make("small", {}, "or null"),
    row.named && make("small", {}, link(["type", row.named], make("bdi", {}, row.named))),
    row.open && make("small", {}, "with any other keys"),
    row.column && make("small", {}, "column ", name_(row.column))]],
  ["Allowed", (row) => [(row.limits || []).map(limitText), choiceList(row)]],
  ["Unit", (row) => row.unit && [make("bdi", {}, row.unit)]],
  ["Privacy", (row) => [row.pii && (row.pii === "none" ? make("span", { class: "soft" }, "none") : badge("pii", row.pii)),
    row.store && make("small", {}, row.store === "drop" ? "not stored" : "stored hashed")]],
  ["Meaning", (row) => [prose(row.summary)]],
];

/*
 * Properties as a table; a column that no row fills is left out. `parts` is the address of the page, so that each row
 * has one of its own.
 */
function propertyTable(rows, parts) {
  const filled = COLUMNS.map(([head, said]) => [head, rows.map((row) => [said(row)].flat(3).filter(Boolean))])
    .filter(([, cells]) => cells.some((cell) => cell.length));
  const line = (row, index) => make("tr", { id: address(...parts, row.path).slice(1), "data-depth": row.depth },
    make("th", { scope: "row", "data-depth": row.depth },
      make("a", { class: "own", href: address(...parts, row.path), title: visible(row.path) }, name_(row.depth ? row.name : row.path)),
      row.required && make("span", { class: "required" }, "required"),
      row.formerly && make("small", {}, "formerly ", listed(row.formerly.map(name_))),
      row.store_as && make("small", {}, "stored as ", name_(row.store_as)),
      row.group && make("small", {}, "from ", link(["group", row.group], make("bdi", {}, row.group)))),
    filled.map(([head, cells]) => make("td", { "data-head": head, class: cells[index].length ? undefined : "empty" }, cells[index])));
  return make("div", { class: "wide" }, make("table", { class: "properties" },
    make("thead", {}, make("tr", {}, ["Property", ...filled.map(([head]) => head)].map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map(line))));
}

function revision(entry) {
  return entry.rev ? `Revision ${entry.rev}` : "Not released yet";
}

function historyList(entries) {
  return make("ol", { class: "history" }, entries.map((entry) => make("li", {},
    make("h3", {}, revision(entry), entry.date && make("time", { datetime: entry.date }, entry.date)),
    make("ul", {}, entry.what.map((sentence) => make("li", {}, told(sentence)))),
    entry.events && entry.events.length
      ? make("p", { class: "soft" }, "Events: ", listed(entry.events.map((name) => link(["event", name], name_(name)))))
      : undefined)));
}

function example(text) {
  const button = make("button", { type: "button" }, "Copy");
  const code = make("pre", { tabindex: "0" }, make("code", {}, text));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard for this page: the text is selected, ready for Ctrl+C.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return make("div", { class: "example" }, button, code);
}

/* Events as lines with their status and summary. */
function eventLines(events) {
  return make("ul", { class: "lines" }, events.map((event) => make("li", {},
    link(["event", event.name], name_(event.name)),
    event.status !== "active" ? badge(event.status) : undefined,
    event.summary && make("span", { dir: "auto", class: "soft" }, event.summary))));
}

/* Several former and present things by their kinds, as links. */
function itemLines(items) {
  return make("ul", { class: "lines" }, items.map(({ parts, name, kind, said }) => make("li", {},
    link(parts, name_(name)), kind && badge("quiet", kind), said && make("span", { dir: "auto", class: "soft" }, said))));
}
