// Ratings that no answer has come to yet. They outlive a reload, and are sent under the same idempotency key until the
// server has answered: so none is lost, and none counts twice. An entry has a name of its own, so that tabs do not overwrite
// each other's; several tabs may send the same one.

import { kept } from './state.js';

const PREFIX = 'outbox.';
// Where the browser keeps nothing they are here.
const unkept = new Map();

const nameOf = (entry) => `${PREFIX}${String(entry.at).padStart(16, '0')}-${entry.key}`;

export function put(entry) {
  const name = nameOf(entry);
  kept.set(name, entry);
  if (kept.get(name, null) === null) unkept.set(name, entry);
}

export function remove(entry) {
  kept.remove(nameOf(entry));
  unkept.delete(nameOf(entry));
}

// The oldest first: that is the order in which they are to be sent.
export function entries() {
  const names = kept.names(PREFIX).concat([...unkept.keys()]).sort();
  return names.map((name) => unkept.get(name) ?? kept.get(name, null)).filter((entry) => entry?.key && entry.item);
}
