// Opens the page without a browser, as far as it needs one: node page.mjs PAGE FILE
// NETWORK [NOTE…]. Prints what a reader would see. Anything fetched is an error.
import { readFile } from "node:fs/promises";

const [page, file, network, ...notes] = process.argv.slice(2);
const html = await readFile(page, "utf8");
for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource"]) {
  globalThis[name] = () => { throw new Error("the page reaches out: " + name); };
}
const chosen = async name => {
  const b = await readFile(name);
  return { arrayBuffer: async () => b.buffer.slice(b.byteOffset, b.byteOffset + b.length), text: async () => b.toString() };
};
const elements = {};
let shown;
const done = new Promise(resolve => { shown = resolve; });
for (const [, id] of html.matchAll(/ id="([a-z]+)"/g)) {
  elements[id] = { files: [], value: "", listeners: [], addEventListener(_, f) { this.listeners.push(f); } };
}
Object.defineProperty(elements.result, "hidden", { set(hidden) { if (!hidden) shown(); } });
globalThis.document = { getElementById: id => elements[id] ?? (() => { throw new Error("no element " + id); })() };
const ready = new Promise(resolve => {
  Object.defineProperty(elements.file, "disabled", { set(disabled) { if (!disabled) resolve(); } });
});
for (const [, script] of html.matchAll(/<script>([\s\S]*?)<\/script>/g)) (0, eval)(script);
await ready;
elements.file.files = [await chosen(file)];
elements.network.value = network;
elements.notes.files = await Promise.all(notes.map(chosen));
elements.file.listeners.forEach(f => f());
await done;
console.log(elements.state.textContent);
console.log(elements.result.className);
console.log(elements.result.textContent);
process.exit(0);
