// What several parts of the page show: an item's name and tile, a bar, a problem, and what one rates with.

import { html, nothing, svg } from './lit-html.js';
import { rate } from './rating.js';
import { state } from './state.js';
import { named, short, tile } from './words.js';

// A pause of the keyboard after which a rating is taken as meant.
const PAUSE_MS = 1200;
const MOST_STARS = 10;

export const placeOf = (user, item) =>
  `#/u/${encodeURIComponent(user.toWellFormed())}${item === undefined ? '' : `/i/${encodeURIComponent(item)}`}`;

export const itemLink = (item, text = named(item)) => html`<a href=${placeOf(state.user, item.itemId)}>${text}</a>`;

export function tileView(item) {
  const { letters, hue } = tile(item);
  return html`<span class="tile hue-${hue}" aria-hidden="true">${letters}</span>`;
}

// A share from 0 to 1.
export const bar = (share) => html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
  ${svg`<rect class="bar-all" width="100" height="6" rx="3"></rect>
  <rect class="bar-part" width=${Math.max(2, 100 * Math.min(1, share))} height="6" rx="3"></rect>`}</svg>`;

const PATHS = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 4.500 4.500',
  undo: 'M8 6 4 10l4 4M4 10h9a6 6 0 0 1 0 12h-3',
  back: 'M15 5l-7 7 7 7',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7 8a7 7 0 0 1 14 0',
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${svg`<path
  d=${PATHS[name]}></path>`}</svg>`;

export function problemNote(problem, again) {
  return html`<div class="problem" role="alert">
    <p><b>${problem.title}.</b> ${problem.detail}</p>
    ${problem.remedy ? html`<p>${problem.remedy}</p>` : nothing}
    ${problem.requestId ? html`<p class="hint">request ${problem.requestId}</p>` : nothing}
    ${again ? html`<button type="button" @click=${again}>Try again</button>` : nothing}
  </div>`;
}

// The store's scale: above `above`, at most `most`, in steps that one can tell apart.
export function scale() {
  const { above, at_most: most } = state.server.version?.ratingRange ?? { above: 0, at_most: 5 };
  const isStars = above === 0 && Number.isInteger(most) && most <= MOST_STARS;
  if (isStars) return { isStars, above, most, least: most <= 5 ? 0.5 : 1, step: most <= 5 ? 0.5 : 1 };
  const step = 10 ** Math.floor(Math.log10((most - above) / 20));
  return { isStars, above, most, least: above + step, step };
}

export function rateControl(item) {
  const rating = state.ratings.byItem.get(item.itemId)?.rating ?? null;
  const measure = scale();
  return measure.isStars ? stars(item, rating, measure) : slider(item, rating, measure);
}

const spoken = (value, { most }) => (value === 0 ? 'not rated' : `${short(value)} of ${short(most)} stars`);
const fill = (value, { most }) => `--stars: ${most}; --fill: ${(100 * value) / most}%`;

const waiting = new WeakMap();

// A slider for the keyboard and for screen readers, which the pointer passes through to the stars below.
function stars(item, rating, measure) {
  const given = rating ?? 0;
  const { most, step } = measure;
  const draft = (box, value) => {
    box.style.cssText = fill(value, measure);
    box.querySelector('.value').textContent = value === 0 ? '' : short(value);
  };
  const at = (event) => {
    const { left, width } = event.currentTarget.querySelector('.glyphs').getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    return Math.max(step, Math.ceil((share * most) / step) * step);
  };
  const commit = (input) => {
    clearTimeout(waiting.get(input));
    const value = Number(input.value);
    if (value !== given) rate(item, value === 0 ? null : value);
  };
  const reset = (box) => {
    const input = box.querySelector('input');
    clearTimeout(waiting.get(input));
    input.value = given;
    input.setAttribute('aria-valuetext', spoken(given, measure));
    draft(box, given);
  };
  return html`
    <div class="stars ${rating === null ? '' : 'is-rated'}" .style=${fill(given, measure)}
      @pointermove=${(event) => event.pointerType === 'mouse' && draft(event.currentTarget, at(event))}
      @pointerleave=${(event) => event.pointerType === 'mouse' && reset(event.currentTarget)}
      @click=${(event) => event.detail > 0 && rate(item, at(event))}>
      <span class="glyphs"></span>
      <input type="range" min="0" max=${most} step=${step} .value=${String(given)} aria-label="Rating of ${named(item)}"
        aria-valuetext=${spoken(given, measure)}
        @input=${({ target }) => {
          const value = Number(target.value);
          draft(target.parentElement, value);
          target.setAttribute('aria-valuetext', spoken(value, measure));
          clearTimeout(waiting.get(target));
          waiting.set(target, setTimeout(commit, PAUSE_MS, target));
        }}
        @keydown=${(event) => {
          if (event.key === 'Enter') commit(event.target);
          if (event.key === 'Escape') reset(event.target.parentElement);
        }}
        @blur=${({ target }) => target.isConnected && commit(target)}>
      <span class="value" aria-hidden="true" .textContent=${rating === null ? '' : short(rating)}></span>
    </div>`;
}

function slider(item, rating, { above, most, least, step }) {
  const middle = Math.min(most, Math.max(least, short((above + most) / 2)));
  const given = rating ?? middle;
  return html`
    <form class="scale ${rating === null ? '' : 'is-rated'}" @submit=${(event) => {
      event.preventDefault();
      rate(item, Number(event.target.elements.rating.value));
    }}>
      <input name="rating" type="range" min=${short(least, 6)} max=${most} step=${step} .value=${String(given)}
        aria-label="Rating of ${named(item)}"
        @input=${({ target }) => { target.form.querySelector('output').textContent = short(target.value); }}>
      <output .textContent=${rating === null ? '–' : short(rating)}></output>
      <button type="submit" aria-label="Rate ${named(item)}">Rate</button>
    </form>`;
}
