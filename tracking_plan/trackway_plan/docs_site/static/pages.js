/* One function per page: data in, content of <main> out; undefined where the plan has no such thing. */

const PAGES = {
  "": overview,
  event: eventPage,
  property: propertyPage,
  group: groupPage,
  type: typePage,
  traits: traitsPage,
  source: sourcePage,
  owner: ownerPage,
  definition: definitionPage,
  changes: changesPage,
  groups: (data) => indexPage("Property groups", data.groups, (each) => ["group", each.name]),
  types: (data) => indexPage("Named types", data.types, (each) => ["type", each.name]),
  sources: (data) => indexPage("Sources", data.sources, (each) => ["source", each.name]),
  owners: (data) => indexPage("Owners", ownersOf(data).map((name) => ({ name })), (each) => ["owner", each.name]),
  definitions: (data) => indexPage("Definitions", data.definitions, (each) => ["definition", each.kind, each.name]),
};

function heading(kind, name, ...badges) {
  return make("div", { class: "heading" }, make("p", { class: "kind" }, kind),
    make("h1", { tabindex: "-1" }, kind ? name_(name) : name), badges);
}

function overview(data) {
  const { plan } = data;
  const state = plan.rev ? [`Revision ${plan.rev}`, plan.date && `, ${plan.date}`] : ["No release yet"];
  const tiles = [["event", data.events.length, "#"], ["group", data.groups.length, "#groups"],
    ["type", data.types.length, "#types"], ["source", data.sources.length, "#sources"],
    ["owner", ownersOf(data).length, "#owners"], ["definition", data.definitions.length, "#definitions"]];
  const leaving = data.events.filter((event) => event.status === "deprecated" || event.status === "retired");
  return [
    make("div", { class: "heading" }, make("h1", { tabindex: "-1" }, make("bdi", {}, plan.name)),
      make("span", { class: "soft" }, state), plan.unreleased && plan.rev ? badge("draft", "with changes not released yet") : undefined),
    prose(plan.summary, { class: "lead" }),
    make("ul", { class: "tiles" }, tiles.filter(([, count]) => count).map(([what, count, href]) => {
      const content = [make("strong", {}, count.toLocaleString("en")), ` ${what}${count === 1 ? "" : "s"}`];
      return make("li", {}, href === "#" ? make("span", {}, content) : make("a", { href }, content));
    })),
    volumeNote(data),
    section("On their way out", leaving.length ? make("ul", { class: "lines" }, leaving.map((event) => make("li", {},
      link(["event", event.name], name_(event.name)), badge(event.status), wayOut(event)))) : undefined),
    section("Traits", data.traits.length ? itemLines(data.traits.map((each) => ({
      parts: ["traits", each.name], name: each.name, said: counted(each.properties.length, "trait") }))) : undefined),
    section("Latest changes", historyList(data.log.slice(0, 1)),
      data.log.length > 1 ? make("p", {}, make("a", { href: "#changes" }, "All changes")) : undefined),
    section("What happens to an event that departs from the plan",
      facts(Object.entries(plan.policy || {}).map(([code, action]) => [name_(code), action]))),
  ];
}

function volumeNote(data) {
  return make("p", { class: "soft" }, data.volumes
    ? `Volumes count what was received from ${data.volumes.since} to ${data.volumes.until}.`
    : "No warehouse was asked for this site, so it shows no volumes.");
}

function areas(events) {
  const found = new Map();
  for (const event of events) {
    const area = event.area || "";
    found.set(area, [...(found.get(area) || []), event]);
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b, "en"));
}

function wayOut(event) {
  const after = event.replaced_by && ["use ", link(["event", event.replaced_by], name_(event.replaced_by))];
  const until = event.remove_after && ["removed after ", make("time", { datetime: event.remove_after }, event.remove_after)];
  return after || until ? make("span", { class: "soft" }, after, after && until && "; ", until) : undefined;
}

function eventPage(data, name, path) {
  const event = data.events.find((each) => each.name === name);
  if (!event) return renamedPage(data, name);
  const parts = ["event", name];
  return [
    heading(["Event", event.area && [" in ", make("bdi", {}, event.area)]], name, badge(event.status)),
    event.status === "deprecated" || event.status === "retired"
      ? make("p", { class: "notice" }, event.status === "retired" ? "Retired: nothing should send it any more. " : "Deprecated: build nothing new on it. ",
        wayOut(event)) : undefined,
    prose(event.summary, { class: "lead" }),
    facts([
      ["Sent", event.when],
      ["Sent by", sourceLinks(event.sent_by)],
      ["Owner", ownerLink(event.owner)],
      ["Once per", event.once_per && listed(event.once_per.map(name_))],
      ["Formerly", event.formerly && listed(event.formerly.map((each) =>
        [name_(each.name), each.through ? ` up to revision ${each.through}` : ""]))],
      ["Other properties", event.open ? "welcome" : undefined],
      ["Groups", event.include && listed(event.include.map((each) => link(["group", each], make("bdi", {}, each))))],
      ["Policy", policyText(event.policy)],
      ["Written in", writtenIn(data.plan, event.file)],
    ]),
    volumeTable(data, event),
    section("Properties", event.properties ? propertyTable(event.properties, parts) : prose("None: the name says it all.")),
    section("Rules", event.rules && make("ul", {}, event.rules.map(ruleLine))),
    section(event.examples && event.examples.length > 1 ? "Examples" : "Example", event.examples && event.examples.map(example)),
    section("Used by", event.used_by ? make("ul", { class: "lines" }, event.used_by.map((use) => make("li", {},
      link(["definition", use.kind, use.name], name_(use.name)), badge("quiet", use.kind),
      make("span", { class: "soft", dir: "auto" }, use.roles.join(", "))))) : prose("No definition rests on it.", { class: "soft" })),
    section("History", event.history && historyList(event.history)),
  ];
}

/* A link with a former name still leads to the event. */
function renamedPage(data, name) {
  const now = data.events.find((event) => (event.formerly || []).some((former) => former.name === name));
  return now && [heading("Former event", name), make("p", { class: "lead" }, "It is now called ",
    link(["event", now.name], name_(now.name)), ".")];
}

function ruleLine(rule) {
  const conditions = Object.entries(rule.when).map(([name, values]) =>
    [name_(name), " is ", values.flatMap((value, index) => (index ? [" or ", name_(value)] : [name_(value)]))]);
  return make("li", {}, "If ", conditions.flatMap((each, index) => (index ? [" and ", each] : [each])), ", then ",
    listed(rule.then.map(name_)), rule.then.length > 1 ? " are required." : " is required.");
}

function volumeTable(data, event) {
  if (!data.volumes) return undefined;
  const rows = event.volume || [];
  const total = rows.reduce((sum, row) => sum + row.events, 0);
  return section("Volume", make("p", {}, make("strong", {}, total.toLocaleString("en")),
    ` received from ${data.volumes.since} to ${data.volumes.until}.`),
  rows.length ? make("div", { class: "wide" }, make("table", { class: "plain" },
    make("thead", {}, make("tr", {}, ["Source", "Events", "Last seen"].map((head) =>
      make("th", { scope: "col", class: head === "Events" ? "number" : undefined }, head)))),
    make("tbody", {}, rows.map((row) => make("tr", {}, make("th", { scope: "row" }, make("bdi", {}, row.source)),
      make("td", { class: "number" }, row.events.toLocaleString("en")), make("td", {}, row.last || "–")))))) : undefined);
}

/* One property over the whole plan: in which events, and whether they agree about it. */
function propertyPage(data, path) {
  const uses = data.events.flatMap((event) => (event.properties || []).filter((row) => row.path === path)
    .map((row) => ({ event, row })));
  if (!uses.length) return undefined;
  return [
    heading("Property", path),
    make("p", { class: "lead" }, `In ${counted(uses.length, "event")}.`),
    make("div", { class: "wide" }, make("table", { class: "plain" },
      make("thead", {}, make("tr", {}, ["Event", "Type", "Privacy", "Meaning"].map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, uses.map(({ event, row }) => make("tr", {},
        make("th", { scope: "row" }, make("a", { href: address("event", event.name, path) }, name_(event.name))),
        make("td", {}, row.type, row.required ? make("span", { class: "required" }, "required") : undefined),
        make("td", {}, row.pii), make("td", { dir: "auto" }, row.summary)))))),
  ];
}

function groupPage(data, name) {
  const group = data.groups.find((each) => each.name === name);
  if (!group) return undefined;
  const held = new Set([name, ...data.groups.filter((each) => (each.include || []).includes(name)).map((each) => each.name)]);
  const events = data.events.filter((event) => (event.include || []).some((each) => held.has(each)));
  return [
    heading("Property group", name),
    prose(group.summary, { class: "lead" }),
    facts([["Added to", group.everywhere ? "every event" : undefined],
      ["Includes", group.include && listed(group.include.map((each) => link(["group", each], make("bdi", {}, each))))],
      ["Written in", writtenIn(data.plan, group.file)]]),
    section("Properties", group.properties && propertyTable(group.properties, ["group", name])),
    section("Events", events.length ? eventLines(events) : undefined),
  ];
}

function typePage(data, name) {
  const type = data.types.find((each) => each.name === name);
  if (!type) return undefined;
  const events = data.events.filter((event) => (event.properties || []).some((row) => row.named === name));
  return [
    heading("Named type", name),
    facts([["Written in", writtenIn(data.plan, type.file)]]),
    section("What it is", propertyTable(type.properties, ["type", name])),
    section("Events", events.length ? eventLines(events) : undefined),
  ];
}

function traitsPage(data, name) {
  const traits = data.traits.find((each) => each.name === name);
  return traits && [heading("Traits", name), facts([["Written in", writtenIn(data.plan, traits.file)]]),
    section("Traits", propertyTable(traits.properties, ["traits", name]))];
}

function sourcePage(data, name) {
  const source = data.sources.find((each) => each.name === name);
  if (!source) return undefined;
  const events = data.events.filter((event) => !event.sent_by || event.sent_by.includes(name));
  return [heading("Source", name), prose(source.summary, { class: "lead" }),
    facts([["Kind", source.kind], ["SDK", source.sdk], ["Policy", policyText(source.policy)]]),
    section("Events it may send", events.length ? eventLines(events) : undefined)];
}

function ownerPage(data, name) {
  const events = data.events.filter((event) => event.owner === name);
  const definitions = data.definitions.filter((each) => each.owner === name);
  if (!events.length && !definitions.length) return undefined;
  return [heading("Owner", name),
    section("Events", events.length ? eventLines(events) : undefined),
    section("Definitions", definitions.length ? itemLines(definitions.map(definitionLine)) : undefined)];
}

function definitionLine(each) {
  return { parts: ["definition", each.kind, each.name], name: each.name, kind: each.kind, said: each.summary };
}

function definitionPage(data, kind, name) {
  const found = data.definitions.find((each) => each.kind === kind && each.name === name);
  if (!found) return undefined;
  return [heading(["Definition: ", kind], name), prose(found.summary, { class: "lead" }),
    facts([["Owner", ownerLink(found.owner)],
      ["Events", found.events && listed(found.events.map((event) => link(["event", event], name_(event))))]]),
    section("Question", facts(Object.entries(found.options || {}).map(([key, lines]) =>
      [key, make("ul", { class: "choices" }, lines.map((line) => make("li", {}, name_(line))))])),
    make("p", { class: "soft below" }, "Ask it with ", name_(`trackway query run ${name}`), "."))];
}

function changesPage(data) {
  return [make("div", { class: "heading" }, make("h1", { tabindex: "-1" }, "Changes")), historyList(data.log)];
}

function indexPage(title, items, parts) {
  return [make("div", { class: "heading" }, make("h1", { tabindex: "-1" }, title)),
    itemLines(items.map((each) => ({ parts: parts(each), name: each.name, kind: title === "Definitions" ? each.kind : "",
      said: each.summary })))];
}
