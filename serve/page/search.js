// Titles as one types.

import { html, nothing } from './lit-html.js';
import { Problem, ask } from './api.js';
import { announce, changed, state } from './state.js';
import { icon, itemLink, problemNote, rateControl, tileView } from './views.js';
import { plural, short, titleParts, whole } from './words.js';

const SHOWN = 8;
// What the server takes.
const MOST_CHARACTERS = 200;
let asked;

export async function find(text) {
  const { search } = state;
  Object.assign(search, { text, isOpen: true, problem: null });
  asked?.abort();
  const length = [...text].length;
  if (length > MOST_CHARACTERS) {
    search.items = null;
    search.problem = new Problem({
      title: 'That is too long to search for',
      detail: `A search has at most ${MOST_CHARACTERS} characters, this one has ${whole(length)}.`,
      remedy: 'A few words of the title are enough; their beginnings, too.',
      status: 400,
    });
    changed();
    return;
  }
  const { signal } = asked = new AbortController();
  search.isLoading = true;
  changed();
  try {
    const { items } = await ask(`items?${new URLSearchParams({ q: text.toWellFormed(), n: SHOWN })}`, { signal });
    Object.assign(search, { items, isLoading: false });
    if (text.trim()) announce(items.length === 0 ? 'Nothing found' : `${plural(items.length, 'title')} found`);
  } catch (problem) {
    if (problem.name === 'AbortError') return;
    if (!(problem instanceof Problem)) throw problem;
    Object.assign(search, { items: null, problem, isLoading: false });
  }
  changed();
}

export function close() {
  if (!state.search.isOpen) return;
  state.search.isOpen = false;
  changed();
}

// Arrows go from the field to the titles and back.
function move(event) {
  if (event.key === 'Escape') {
    const field = document.getElementById('search');
    field.focus();
    close();
  }
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || event.target.type === 'range') return;
  const stops = [...event.currentTarget.querySelectorAll('#search, .found a')];
  const next = stops[stops.indexOf(event.target) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

export function searchView() {
  const { text, isOpen } = state.search;
  return html`
    <search class="search" @keydown=${move} @focusout=${(event) => {
      if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) close();
    }}>
      ${icon('search')}
      <input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="Search titles to rate"
        aria-label="Search titles" aria-controls="found" .value=${text}
        @focus=${() => find(state.search.text)} @input=${(event) => find(event.target.value)}>
      <div id="found" class="found" ?hidden=${!isOpen}>${isOpen ? foundView() : nothing}</div>
    </search>`;
}

function foundView() {
  const { text, items, problem } = state.search;
  if (problem) return problemNote(problem);
  if (items === null) return html`<p class="hint">Searching …</p>`;
  if (items.length === 0) {
    return text.trim()
      ? html`<p class="none"><b>No title has “${text.trim()}”.</b></p>
        <p class="hint">Each word must be the beginning of a word of the title; case and accents do not matter.</p>`
      : html`<p class="none"><b>This version has no items.</b></p>
        <p class="hint">Publish one that has ratings or a catalogue: <code>akin-batch run</code>.</p>`;
  }
  const isUntitled = items.every((item) => !item.title);
  return html`
    <p class="hint">${text.trim() ? plural(items.length, 'title') + (items.length === SHOWN ? ', the most often rated' : '')
      : 'The most often rated'}</p>
    ${isUntitled ? html`<p class="hint">This store has no titles: items are found by the beginning of their ids.</p>` : nothing}
    <ul>${items.map((item) => {
      const { title, year } = titleParts(item);
      return html`<li class="found-item">
        ${tileView(item)}
        <div class="what"><p>${itemLink(item, title)}${year ? html` <span class="year">${year}</span>` : nothing}</p>
          <p class="why">${item.genres.slice(0, 3).join(' · ')}${item.genres.length > 0 ? ' · ' : ''}${
            item.ratingCount > 0 ? html`${plural(item.ratingCount, 'rating')}, mean ${short(item.ratingMean)}` : 'not rated yet'}</p></div>
        ${rateControl(item)}</li>`;
    })}</ul>`;
}
