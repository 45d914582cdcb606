// A list whose rows keep their elements when they change places, so that one can watch them move, and keep the focus.

import { render } from './lit-html.js';

const MOVE = { duration: 450, easing: 'cubic-bezier(.2, .8, .2, 1)' };
const APPEAR = { duration: 350, easing: 'ease-out' };

export class MovingList {
  #rows = new Map();

  constructor(element) {
    this.element = element;
  }

  // Shows `items`, each of which has an `itemId`, by what `draw` gives for an item and its place.
  update(items, draw) {
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden;
    const isFirst = this.#rows.size === 0;
    const before = new Map();
    if (!isCalm) for (const [id, row] of this.#rows) before.set(id, row.offsetTop);
    const focused = document.activeElement;
    const focusedRow = focused?.closest?.('li');
    const focusedPlace = [...this.element.children].indexOf(focusedRow);

    const wanted = new Set(items.map((item) => item.itemId));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    items.forEach((item, place) => {
      let row = this.#rows.get(item.itemId);
      if (!row) {
        row = document.createElement('li');
        this.#rows.set(item.itemId, row);
      }
      render(draw(item, place), row);
      const there = this.element.children[place];
      if (there !== row) this.element.insertBefore(row, there ?? null);
    });

    if (focusedPlace >= 0 && document.activeElement !== focused) {
      const rows = this.element.children;
      const target = focused.isConnected ? focused : rows[Math.min(focusedPlace, rows.length - 1)]?.querySelector('a');
      target?.focus({ preventScroll: true });
    }
    if (isCalm || isFirst) return;
    for (const [id, row] of this.#rows) {
      if (!before.has(id)) {
        row.animate([{ opacity: 0, transform: 'translateY(12px)' }, { opacity: 1, transform: 'none' }], APPEAR);
      } else if (before.get(id) !== row.offsetTop) {
        const distance = before.get(id) - row.offsetTop;
        row.animate([{ transform: `translateY(${distance}px)` }, { transform: 'none' }], MOVE);
      }
    }
  }
}
