/* The page: what the address names is shown, what is typed is found. */

const data = JSON.parse(document.getElementById("data").textContent);
const entries = searchable(data);
const at = (id) => document.getElementById(id);
const MOST_OTHERS = 40;
const MOST_OPEN = 80; // events; in a larger plan the areas are closed until somebody opens one

function show(moveFocus) {
  const parts = location.hash.slice(1).split("/").map((part) => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  const [kind, ...rest] = parts;
  const maker = Object.hasOwn(PAGES, kind) ? PAGES[kind] : undefined;
  const content = maker && maker(data, ...rest);
  const shown = (content || missing(parts)).flat(3).filter(Boolean);
  if (kind) shown.unshift(make("p", { class: "back" }, make("a", { href: "#" }, "All events")));
  at("main").replaceChildren(...shown);
  document.body.dataset.page = kind ? "one" : "home";
  const title = at("main").querySelector("h1").textContent;
  document.title = kind ? `${title} · ${visible(data.plan.name)}` : `${visible(data.plan.name)} · tracking plan`;
  mark();
  const row = rest.length > 1 && kind !== "definition" && document.getElementById(address(...parts).slice(1));
  if (row) row.classList.add("target");
  if (moveFocus || row) {
    // Readers of screens hear the new page's title; a link to a property goes to its row.
    (row ? row.querySelector("a") : at("main").querySelector("h1")).focus({ preventScroll: true });
    if (row) row.scrollIntoView({ block: "center" }); else scrollTo(0, 0);
  }
}

/* Mark the links to the page that is shown, and open the area it is in. */
function mark() {
  const [kind, name] = location.hash.slice(1).split("/");
  const here = "#" + [kind, name].filter((part) => part !== undefined).join("/");
  for (const anchor of document.querySelectorAll("#list a, #parts a")) {
    const current = anchor.getAttribute("href") === here;
    if (current) anchor.setAttribute("aria-current", "page"); else anchor.removeAttribute("aria-current");
    if (current && anchor.closest("details")) anchor.closest("details").open = true;
  }
}

function missing(parts) {
  return [make("div", { class: "heading" }, make("h1", { tabindex: "-1" }, "Not in the plan")),
    make("p", {}, "This plan has no ", name_(parts.join("/")), ". Search for it, or go back to ", make("a", { href: "#" }, "all events"), ".")];
}

/* The list on the left: events by area, or what was searched for. */
function list() {
  const query = at("query").value.trim();
  const status = at("status").value;
  const owner = at("owner").value;
  const fits = (event) => (!status || event.status === status) && (!owner || event.owner === owner);
  const hits = search(entries, query);
  const events = (query ? hits.filter((hit) => hit.kind === "event").map((hit) => hit.item) : data.events).filter(fits);
  const others = hits.filter((hit) => hit.kind !== "event");
  const narrowed = query || status || owner;
  const groups = query ? [make("ul", {}, events.map(eventItem))]
    : areas(events).map(([area, inside]) => make("details", { open: narrowed || data.events.length <= MOST_OPEN },
      make("summary", {}, make("h2", {}, make("bdi", {}, area || "events")), make("small", {}, String(inside.length))),
      make("ul", {}, inside.map(eventItem))));
  at("list").replaceChildren(...groups, ...otherHits(others));
  mark();
  at("found").textContent = narrowed
    ? `${counted(events.length, "event")} of ${data.events.length.toLocaleString("en")}` + (query && others.length ? `, ${counted(others.length, "other hit")}` : "")
    : counted(data.events.length, "event");
}

function eventItem(event) {
  const total = (event.volume || []).reduce((sum, row) => sum + row.events, 0);
  return make("li", {}, make("a", { href: address("event", event.name), "data-status": event.status },
    make("span", { class: "name" }, make("bdi", {}, event.name)),
    event.status !== "active" ? badge(event.status) : undefined,
    data.volumes ? make("small", { class: "count", title: "events received" }, total.toLocaleString("en")) : undefined));
}

function otherHits(others) {
  if (!others.length) return [];
  return [make("h2", {}, "Also found"), make("ul", {}, others.slice(0, MOST_OTHERS).map((hit) => make("li", {},
    make("a", { href: otherAddress(hit) }, make("span", { class: "name" }, make("bdi", {}, hit.name)), make("small", {}, hit.kind))))),
  others.length > MOST_OTHERS ? make("p", { class: "soft" }, `${counted(others.length - MOST_OTHERS, "more hit")}: type more of the name.`) : undefined]
    .filter(Boolean);
}

/* A property of one event is best seen there. */
function otherAddress(hit) {
  const uses = hit.kind === "property" ? hit.item.uses : [];
  return uses.length === 1 ? address("event", uses[0].event.name, hit.name) : address(...hit.parts);
}

function options(select, every, values) {
  select.replaceChildren(make("option", { value: "" }, every), ...values.map((value) => {
    const option = make("option", {}, value);
    option.value = value; // as it is in the plan, even where it is shown otherwise
    return option;
  }));
}

function start() {
  const links = [["Groups", "groups"], ["Types", "types"], ["Sources", "sources"], ["Owners", "owners"], ["Definitions", "definitions"]];
  at("parts").append(...links.filter(([, kind]) => (kind === "owners" ? ownersOf(data) : data[kind]).length)
    .map(([title, kind]) => make("a", { href: `#${kind}` }, title)), make("a", { href: "#changes" }, "Changes"));
  options(at("status"), "any", STATUSES.filter((status) => data.events.some((event) => event.status === status)));
  options(at("owner"), "anyone", [...new Set(data.events.map((event) => event.owner).filter(Boolean))].sort((a, b) => a.localeCompare(b, "en")));
  for (const id of ["query", "status", "owner"]) at(id).addEventListener("input", list);
  at("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = at("list").querySelector("a");
    if (first) location.hash = first.getAttribute("href");
  });
  at("skip").addEventListener("click", (event) => { event.preventDefault(); at("main").querySelector("h1").focus(); });
  addEventListener("hashchange", () => show(true));
  addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      at("query").focus();
    } else if (event.key === "Escape" && event.target === at("query")) {
      at("query").value = "";
      list();
    }
  });
  list();
  show(false);
}

start();
