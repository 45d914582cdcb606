// One item: its statistics and its neighbours, from which one walks on.

import { html, nothing } from './lit-html.js';
import { Problem, ask, step } from './api.js';
import { toggleGenre } from './list.js';
import { changed, state } from './state.js';
import { bar, icon, itemLink, placeOf, problemNote, rateControl, tileView } from './views.js';
import { aligned, day, named, plural, short, titleParts, whole } from './words.js';

const PAGE = 12;
const MOST_TRAIL = 6;
let latest = 0;

export async function load(itemId) {
  const number = ++latest;
  state.details = { itemId, item: null, neighbours: null, problem: null, isComplete: false };
  changed();
  try {
    const path = `items/${step(itemId)}`;
    const [item, near] = await Promise.all([ask(path), ask(`${path}/neighbours?n=${PAGE}`)]);
    if (number !== latest) return;
    const isComplete = near.neighbours.length < PAGE;
    Object.assign(state.details, { item, neighbours: near.neighbours, isComplete });
    walkedTo(item);
    document.title = `${named(item)} – Akin`;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (number === latest) state.details.problem = problem;
  }
  changed();
}

async function more() {
  const { details } = state;
  const { itemId, neighbours } = details;
  try {
    const near = await ask(`items/${step(itemId)}/neighbours?n=${PAGE}&offset=${neighbours.length}`);
    Object.assign(details, {
      neighbours: [...neighbours, ...near.neighbours], isComplete: near.neighbours.length < PAGE, problem: null,
    });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    details.problem = problem;
  }
  changed();
}

// Going back on the way cuts it.
function walkedTo(item) {
  const at = state.trail.findIndex((one) => one.itemId === item.itemId);
  if (at >= 0) state.trail.length = at;
  state.trail = [...state.trail, { itemId: item.itemId, title: item.title }].slice(-MOST_TRAIL);
}

export function itemView() {
  const { itemId, item, problem } = state.details;
  return html`
    <section class="item" aria-labelledby="item-title">
      <nav class="trail" aria-label="Your way here">
        <a class="back" href=${placeOf(state.user)}>${icon('back')}Recommendations</a>
        ${state.trail.slice(0, -1).map((one) => html`<span aria-hidden="true">›</span>${itemLink(one, titleParts(one).title)}`)}
      </nav>
      ${problem ? html`<h1 id="item-title">${item ? named(item) : `Item ${itemId}`}</h1>${problemNote(problem, () => load(itemId))}`
        : nothing}
      ${item ? about(item) : nothing}
      ${!item && !problem ? html`<h1 id="item-title">Looking it up …</h1>` : nothing}
    </section>`;
}

function about(item) {
  const { title, year } = titleParts(item);
  const { neighbours, isComplete } = state.details;
  return html`
    <header class="hero">
      ${tileView(item)}
      <div>
        <h1 id="item-title">${title}${year ? html` <span class="year">${year}</span>` : nothing}</h1>
        <p class="genres">${item.genres.map((genre) => html`<a class="chip" href=${placeOf(state.user)}
          @click=${() => { if (!state.options.genres.includes(genre)) toggleGenre(genre); }}>${genre}</a>`)}
          ${item.genres.length === 0 ? html`<span class="hint">no genres listed</span>` : nothing}</p>
        ${rateControl(item)}
      </div>
    </header>
    <dl class="facts">
      <div><dt>Ratings</dt><dd>${whole(item.ratingCount)}</dd></div>
      <div><dt>Mean</dt><dd>${item.ratingMean === undefined ? '–' : short(item.ratingMean)}</dd></div>
      <div><dt>First rated</dt><dd>${item.firstRatedAt ? day(item.firstRatedAt) : '–'}</dd></div>
      <div><dt>Last rated</dt><dd>${item.lastRatedAt ? day(item.lastRatedAt) : '–'}</dd></div>
      <div><dt>Item</dt><dd class="id">${item.itemId}</dd></div>
    </dl>
    <h2 class="section">Neighbours</h2>
    ${neighbours.length === 0 ? html`<div class="empty"><p>No other item is like this one.</p>
      <p class="hint">${item.ratingCount === 0 ? 'Nobody has rated it in this version.' : 'Too few people rated it together with others.'}</p></div>`
      : html`<p class="hint">The most similar items by what people rated, with how many rated both. Follow one to walk on.</p>`}
    <ol class="rows near">${neighbours.map((near) => {
      const parts = titleParts(near);
      return html`<li><article class="row" data-item=${near.itemId}>
        <div class="place"><span class="rank">${near.rank}</span></div>
        ${tileView(near)}
        <div class="what"><h3>${itemLink(near, parts.title)}${parts.year ? html` <span class="year">${parts.year}</span>` : nothing}</h3>
          <p class="why">${plural(near.coCount, 'person', 'people')} rated both</p></div>
        <div class="score">${bar(near.score / neighbours[0].score)}<span><span class="sr">similarity </span>${aligned(near.score, 3)}</span></div>
        <div class="rate">${rateControl(near)}</div>
      </article></li>`;
    })}</ol>
    ${neighbours.length > 0 && !isComplete ? html`<p class="more"><button type="button" @click=${more}>More neighbours</button></p>` : nothing}`;
}
