// The list of recommendations: asked for, compared with the one before, filtered, gone on with.

import { html, nothing } from './lit-html.js';
import { Problem, ask, step } from './api.js';
import { MovingList } from './motion.js';
import { announce, changed, kept, state } from './state.js';
import { bar, itemLink, problemNote, rateControl, tileView } from './views.js';
import { aligned, plural, short, titleParts, whole } from './words.js';

const MOST = 1000;
const MOST_OFFSET = 10_000;
const GENRES_AT_FIRST = 12;
const MOST_GENRES = 300;
let latest = 0;
let showsAllGenres = false;
let firstGenres = null;

const element = document.createElement('ol');
element.className = 'rows';
const rows = new MovingList(element);

// What a list is to be like that replaces all that is shown.
export function optionsOfAll() {
  const { n, genres, diversity } = state.options;
  const shown = state.list.items?.length ?? 0;
  return { n: Math.min(MOST, Math.max(n, Math.ceil(shown / n) * n)), genres, diversity };
}

function query({ n, genres, diversity }, offset = 0) {
  const parameters = new URLSearchParams({ n });
  for (const genre of genres) parameters.append('genre', genre);
  if (diversity > 0) parameters.set('diversity', diversity);
  if (offset > 0) parameters.set('offset', offset);
  return parameters;
}

// Asks for the whole list anew. With `why` it is compared with the one before.
export async function load({ why = '', isFresh = false } = {}) {
  const number = ++latest;
  const { user, list } = state;
  if (isFresh) Object.assign(list, { items: null, moves: new Map(), summary: '', isComplete: false });
  list.isLoading = true;
  changed();
  try {
    // With the genres, which stand above it: nothing is to move under the pointer.
    const path = `users/${step(user)}/recommendations?${query(optionsOfAll())}`;
    const [answer] = await Promise.all([ask(path), firstGenres]);
    if (number === latest) show(answer.recommendations, why);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (number === latest) Object.assign(list, { problem, isLoading: false });
  }
  changed();
}

// Goes on to the next page.
export async function more() {
  const number = ++latest;
  const { user, list, options } = state;
  const before = list.items;
  list.isLoading = true;
  changed();
  try {
    const answer = await ask(`users/${step(user)}/recommendations?${query(options, before.length)}`);
    if (number !== latest) return;
    const known = new Set(before.map((one) => one.itemId));
    const items = [...before, ...answer.recommendations.filter((one) => !known.has(one.itemId))];
    const isComplete = answer.recommendations.length < options.n || items.length > MOST_OFFSET;
    Object.assign(list, { items, problem: null, isLoading: false, isComplete });
    announce(`${plural(items.length - before.length, 'more item')}`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (number === latest) Object.assign(list, { problem, isLoading: false });
  }
  changed();
}

// Takes a list in. With `why` it says of each item whether it is new, rose or fell.
export function show(items, why) {
  latest += 1;
  const { list } = state;
  const moves = why && list.items ? compared(list.items, items) : new Map();
  const isComplete = items.length < optionsOfAll().n;
  Object.assign(list, { items, moves, problem: null, isLoading: false, isComplete });
  list.summary = why ? summed(moves, items, why) : '';
  if (why) announce(list.summary);
  changed();
}

function compared(before, after) {
  const places = new Map(before.map((item, place) => [item.itemId, place]));
  const moves = new Map();
  after.forEach(({ itemId }, place) => {
    const was = places.get(itemId);
    if (was === undefined) moves.set(itemId, { kind: 'new', by: 0 });
    else if (was !== place) moves.set(itemId, { kind: was > place ? 'up' : 'down', by: Math.abs(was - place) });
  });
  return moves;
}

function summed(moves, items, why) {
  const count = (kind) => [...moves.values()].filter((move) => move.kind === kind).length;
  const parts = [[count('new'), 'new'], [count('up'), 'rose'], [count('down'), 'fell']];
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${said.join(', ') || 'Nothing moved'}, because ${why}`;
}

function change(options) {
  Object.assign(state.options, options);
  kept.set('options', state.options);
  Object.assign(state.list, { items: state.list.items?.slice(0, state.options.n) ?? null, moves: new Map() });
  load();
}

export async function loadGenres() {
  try {
    const { genres } = await ask('genres');
    state.genres = genres.sort((a, b) => b.itemCount - a.itemCount).slice(0, MOST_GENRES);
    // Of another store, or gone: what no item has would leave nothing.
    const known = new Set(state.genres.map((genre) => genre.name));
    const genresLeft = state.options.genres.filter((name) => known.has(name));
    if (genresLeft.length < state.options.genres.length) change({ genres: genresLeft });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  }
  changed();
}

export function start() {
  firstGenres = loadGenres();
}

export function toggleGenre(name) {
  const { genres } = state.options;
  change({ genres: genres.includes(name) ? genres.filter((one) => one !== name) : [...genres, name] });
}

export function listView() {
  const { items, problem, isLoading, isComplete, summary } = state.list;
  rows.update(items ?? [], row);
  return html`
    <section class="list" aria-labelledby="list-title" aria-busy=${isLoading}>
      <div class="list-head">
        <h1 id="list-title">For ${state.user}</h1>
        <p class="summary ${summary ? 'is-news' : ''}">${summary || about()}</p>
      </div>
      ${controls()}
      ${problem ? problemNote(problem, () => load()) : nothing}
      ${items === null && !problem ? skeleton() : nothing}
      ${element}
      ${items?.length === 0 ? emptyView() : nothing}
      ${items?.length > 0 ? html`<p class="more">${isComplete
        ? html`<span>That is all: ${plural(items.length, 'item')}.</span>`
        : html`<button type="button" @click=${more} ?disabled=${isLoading}>Show ${whole(state.options.n)} more</button>`}
        </p>` : nothing}
    </section>`;
}

function about() {
  if (state.list.items === null) return ' ';
  const isPopular = state.list.items.every((item) => item.source === 'popular');
  return isPopular
    ? 'What many people rate. Rate something, and the list begins to know you.'
    : 'Rate something, and watch what moves.';
}

function emptyView() {
  const { genres } = state.options;
  if (genres.length > 0) {
    return html`<div class="empty"><p>Nothing is left in ${genres.join(', ')}.</p>
      <button type="button" @click=${() => change({ genres: [] })}>Show all genres</button></div>`;
  }
  return html`<div class="empty"><p>There is nothing left to recommend: every item that this version knows is rated.</p>
    <p class="hint">Take back a rating, or publish a version with more items.</p></div>`;
}

const skeleton = () => html`<ol class="rows is-skeleton" aria-hidden="true">${Array.from({ length: 6 }, () =>
  html`<li><div class="row"><span class="tile"></span><span class="ghost"></span></div></li>`)}</ol>`;

function controls() {
  const { n, genres, diversity } = state.options;
  const all = state.genres ?? [];
  const shown = showsAllGenres ? all : all.filter((one, at) => at < GENRES_AT_FIRST || genres.includes(one.name));
  return html`
    <div class="controls">
      ${all.length === 0 ? nothing : html`<div class="chips" role="group" aria-label="Genres">
        ${shown.map(({ name, itemCount }) => html`<button type="button" class="chip" aria-pressed=${genres.includes(name)}
          title=${plural(itemCount, 'item')} @click=${() => toggleGenre(name)}>${name}</button>`)}
        ${all.length > GENRES_AT_FIRST ? html`<button type="button" class="quiet" aria-expanded=${showsAllGenres}
          @click=${() => { showsAllGenres = !showsAllGenres; changed(); }}>${showsAllGenres
            ? 'Fewer' : `All ${all.length}`}</button>` : nothing}
      </div>`}
      <div class="knobs">
        <label class="knob"><span>Diversity</span>
          <input id="diversity" type="range" min="0" max="1" step="0.1" .value=${String(diversity)}
            @change=${(event) => change({ diversity: Number(event.target.value) })}>
          <output>${short(diversity, 1)}</output></label>
        <label class="knob"><span>Items</span>
          <select id="count" @change=${(event) => change({ n: Number(event.target.value) })}>
            ${[10, 20, 50, 100].map((count) => html`<option value=${count} ?selected=${count === n}>${count}</option>`)}
          </select></label>
      </div>
    </div>`;
}

const MOVES = {
  new: () => html`<span class="move new">new</span>`,
  up: (by) => html`<span class="move up"><span aria-hidden="true">▲</span><span class="sr">rose by </span>${by}</span>`,
  down: (by) => html`<span class="move down"><span aria-hidden="true">▼</span><span class="sr">fell by </span>${by}</span>`,
};

function row(item, place) {
  const { title, year } = titleParts(item);
  const move = state.list.moves.get(item.itemId);
  const best = state.list.items[0].score;
  return html`
    <article class="row" data-item=${item.itemId}>
      <div class="place"><span class="rank">${place + 1}</span>${move ? MOVES[move.kind](move.by) : nothing}</div>
      ${tileView(item)}
      <div class="what">
        <h2>${itemLink(item, title)}${year ? html` <span class="year">${year}</span>` : nothing}</h2>
        <p class="why">${why(item)}</p>
      </div>
      ${item.score > 0 ? html`<div class="score" title="score ${short(item.score, 4)}">
        ${bar(best > 0 ? item.score / best : 0)}<span><span class="sr">score </span>${aligned(item.score, 2)}</span></div>` : nothing}
      <div class="rate">${rateControl(item)}</div>
    </article>`;
}

function why(item) {
  if (item.because.length === 0) return item.source === 'popular' ? 'popular with everyone' : '';
  return html`because you rated ${item.because.slice(0, 2).map((one, at) => html`${at > 0 ? ', ' : ''}${
    itemLink(one, titleParts(one).title)} <b>${short(one.rating, 1)}</b>`)}`;
}
