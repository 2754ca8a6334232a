/* Search: every word must stand somewhere, in any script, whatever its case, width and Latin accents. */

const ACCENTS = /[\u0300-\u036f]/g;

function folded(text) {
  return text.toLowerCase().normalize("NFKD").replace(ACCENTS, "");
}

/* What can be found, once: {kind, parts (the address), name, key, text, item}. */
function searchable(data) {
  const entries = [];
  const add = (kind, parts, name, texts, item) => entries.push({
    kind, parts, name, item, key: folded(name), text: folded(texts.filter(Boolean).join("\n")),
  });
  const properties = new Map();
  for (const event of data.events) {
    const inner = (event.properties || []).flatMap((row) => [row.path, row.summary, ...(row.formerly || []),
      ...(row.choices || []).flatMap((choice) => [choice.value, choice.summary])]);
    const former = (event.formerly || []).map((each) => each.name);
    add("event", ["event", event.name], event.name,
      [event.name, event.summary, event.when, event.owner, event.area, ...former, ...inner], event);
    for (const row of event.properties || []) {
      const known = properties.get(row.path) || { name: row.name, path: row.path, uses: [] };
      properties.set(row.path, known);
      known.uses.push({ event, row });
    }
  }
  for (const property of properties.values()) {
    const summaries = new Set(property.uses.map((use) => use.row.summary));
    const former = property.uses.flatMap((use) => use.row.formerly || []);
    add("property", ["property", property.path], property.path, [property.path, ...summaries, ...former], property);
  }
  for (const kind of ["group", "type"]) {
    for (const item of data[kind + "s"]) add(kind, [kind, item.name], item.name, [item.name, item.summary], item);
  }
  for (const item of data.sources) add("source", ["source", item.name], item.name, [item.name, item.summary], item);
  for (const item of data.traits) {
    add("traits", ["traits", item.name], item.name, [item.name, ...item.properties.map((row) => row.path)], item);
  }
  for (const item of data.definitions) {
    add(item.kind, ["definition", item.kind, item.name], item.name, [item.name, item.summary, item.owner], item);
  }
  for (const owner of ownersOf(data)) add("owner", ["owner", owner], owner, [owner], owner);
  return entries;
}

function ownersOf(data) {
  const named = [...data.events, ...data.definitions].map((each) => each.owner).filter(Boolean);
  return [...new Set(named)].sort((a, b) => a.localeCompare(b, "en"));
}

/* The entries that hold every word, those whose name says it first. */
function search(entries, query) {
  const words = folded(query).split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const whole = words.join("_");
  const rank = (entry) => {
    if (entry.key === whole || entry.key === words.join(" ")) return 0;
    if (entry.key.startsWith(words[0])) return 1;
    return words.every((word) => entry.key.includes(word)) ? 2 : 3;
  };
  return entries
    .filter((entry) => words.every((word) => entry.text.includes(word)))
    .map((entry, index) => ({ entry, index, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map((ranked) => ranked.entry);
}
