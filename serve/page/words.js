// Numbers, times and names as people read them.

const UNITS = [[60, 's', 1], [3600, 'min', 60], [86_400, 'h', 3600], [Infinity, 'd', 86_400]];

// How long ago, such as `3 h`.
export function age(date) {
  const seconds = Math.max(0, (Date.now() - new Date(date).getTime()) / 1000);
  const [, unit, size] = UNITS.find(([end]) => seconds < end);
  return `${Math.floor(seconds / size)} ${unit}`;
}

export const whole = (number) => Number(number).toLocaleString('en');

export const day = (date) =>
  new Date(date).toLocaleDateString('en', { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' });

export const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

// At most so many decimals, and no zeros behind.
export const short = (number, decimals = 2) => String(Number(Number(number).toFixed(decimals)));

// With so many decimals, for numbers below each other.
export const aligned = (number, decimals) => Number(number).toFixed(decimals);

export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

export const named = (item) => item.title || `Item ${item.itemId}`;

// The year stands at the end of most titles of films.
export function titleParts(item) {
  const found = /^(.*\S)\s*\((\d{4})\)\s*$/.exec(item.title ?? '');
  return found ? { title: found[1], year: found[2] } : { title: named(item), year: '' };
}

// One to two letters for an item's tile, and a colour: always the same for the same item.
export function tile(item) {
  const words = titleParts(item).title.replace(/['’]/g, '').replace(/^(the|an?|der|die|das|le|la|les|el) /i, '').split(/[^\p{L}\p{N}]+/u);
  const letters = words.filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
  let hash = 7;
  for (const character of item.itemId) hash = (hash * 31 + character.codePointAt(0)) % 9973;
  return { letters: letters || '•', hue: hash % 10 };
}
