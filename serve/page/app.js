// The page: where one is, who one is, and where everything stands.

import { html, nothing, render } from './lit-html.js';
import { randomName } from './api.js';
import * as items from './item.js';
import * as list from './list.js';
import * as rating from './rating.js';
import * as search from './search.js';
import * as server from './server.js';
import { changed, kept, paintWith, state } from './state.js';
import { icon, itemLink, placeOf, rateControl, tileView } from './views.js';
import { named, short, titleParts, whole } from './words.js';

const MOST_USERS = 8;
const RATED_AT_FIRST = 6;
let showsAllRated = false;

function restore() {
  const options = kept.get('options', {});
  if (Number.isInteger(options.n) && options.n > 0 && options.n <= 100) state.options.n = options.n;
  if (Array.isArray(options.genres)) state.options.genres = options.genres.filter((one) => typeof one === 'string');
  if (options.diversity >= 0 && options.diversity <= 1) state.options.diversity = options.diversity;
}

const users = () => kept.get('users', []).filter((one) => typeof one === 'string');

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Follows the address: `#/u/<user>` and `#/u/<user>/i/<item>`.
function follow() {
  const found = /^#\/u\/([^/]+)(?:\/i\/([^/]+))?$/.exec(location.hash);
  const user = found ? decoded(found[1]) : users()[0] ?? `guest-${randomName(4)}`;
  const item = found?.[2] === undefined ? null : decoded(found[2]);
  if (!found) history.replaceState(null, '', placeOf(user));
  if (user !== state.user) {
    state.user = user;
    kept.set('users', [user, ...users().filter((one) => one !== user)].slice(0, MOST_USERS));
    state.ratings = { byItem: new Map(), isWhole: true, problem: null };
    list.load({ isFresh: true });
    rating.loadRatings();
    rating.loadSends();
  }
  if (item !== state.item) {
    const isWalk = item !== null;
    state.item = item;
    if (!isWalk) state.trail = [];
    search.close();
    if (isWalk) {
      state.search.text = '';
      items.load(item);
    }
    scrollTo({ top: 0 });
  }
  if (item === null) document.title = `${user} – Akin`;
  changed();
}

function become(event) {
  event.preventDefault();
  const field = event.target.elements.user;
  if (field.value === '') return;
  document.getElementById('who').hidePopover();
  location.hash = placeOf(field.value);
  field.value = '';
}

function userView() {
  return html`
    <button type="button" class="pill user" popovertarget="who" id="user">${icon('user')}<span class="sr">User: </span><span
      class="user-name">${state.user}</span></button>
    <div id="who" popover class="panel" aria-label="Choose a user">
      <h2>Who is rating?</h2>
      <form class="become" @submit=${become}>
        <label for="user-id">A user’s id, of any characters</label>
        <div><input id="user-id" name="user" autocomplete="off" spellcheck="false" placeholder=${state.user}>
          <button type="submit">Go</button></div>
      </form>
      <ul class="users">${users().map((user) => html`<li><a href=${placeOf(user)} aria-current=${user === state.user}
        @click=${() => document.getElementById('who').hidePopover()}>${user}</a></li>`)}</ul>
      <button type="button" class="quiet" @click=${() => {
        document.getElementById('who').hidePopover();
        location.hash = placeOf(`guest-${randomName(4)}`);
      }}>Somebody new</button>
    </div>`;
}

function ratedView() {
  const { byItem, isWhole, problem } = state.ratings;
  const rated = [...byItem.values()].sort((a, b) => (a.ratedAt < b.ratedAt ? 1 : -1));
  const shown = showsAllRated ? rated.slice(0, 500) : rated.slice(0, RATED_AT_FIRST);
  return html`
    <section class="card rated" aria-labelledby="rated-title">
      <h2 id="rated-title">Your ratings <span class="count">${whole(rated.length)}${isWhole ? '' : '+'}</span></h2>
      ${rated.length === 0 ? html`<p class="hint">${problem ? 'They could not be read.' : 'None yet. Search for something that you know, or rate what is in the list.'}</p>` : nothing}
      <ul>${shown.map((one) => html`<li class="rated-item">
        ${tileView(one)}
        <div class="what"><p>${itemLink(one, titleParts(one).title)}</p>${rateControl(one)}</div>
        <button type="button" class="quiet" aria-label="Take back the rating of ${named(one)}"
          @click=${() => rating.rate(one, null)}>×</button></li>`)}</ul>
      ${rated.length > RATED_AT_FIRST ? html`<button type="button" class="quiet" aria-expanded=${showsAllRated}
        @click=${() => { showsAllRated = !showsAllRated; changed(); }}>${showsAllRated ? 'Fewer' : `All ${whole(rated.length)}`}</button>` : nothing}
    </section>`;
}

function sendsView() {
  const sends = state.sends.filter((send) => send.user === state.user);
  if (sends.length === 0) return nothing;
  return html`<section class="card sends" aria-labelledby="sends-title">
    <h2 id="sends-title">Latest ratings</h2>
    ${sends.slice(0, 3).map(rating.sendView)}
  </section>`;
}

// On a phone the life of the latest rating is at the thumb.
function latestView() {
  const send = state.sends.find((one) => one.user === state.user);
  if (!send || send.isDismissed || send.isEarlier) return nothing;
  const said = send.stage === 'done' ? `done in ${Math.round(send.doneAfter)} ms` : send.stage;
  return html`<aside class="latest" aria-label="The latest rating">
    <span class="value">${send.rating === null ? icon('undo') : short(send.rating)}</span>
    <span class="what">${named({ ...send, itemId: send.item })}<span class="why">${said}</span></span>
    ${rating.canUndo(send) ? html`<button type="button" @click=${() => rating.undo(send)}>Undo</button>` : nothing}
    <button type="button" class="quiet" aria-label="Close" @click=${() => { send.isDismissed = true; changed(); }}>×</button>
  </aside>`;
}

const logo = html`<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><rect width="32" height="32" rx="9"
  fill="#0f6e66"></rect><circle cx="12.5" cy="16" r="6.5" fill="#fff"></circle><circle cx="20" cy="16" r="6.5" fill="#7fe0d2"
  opacity=".8"></circle></svg>`;

function view() {
  return html`
    <header class="top">
      <a class="brand" href=${placeOf(state.user)}>${logo}Akin</a>
      ${search.searchView()}
      <div class="top-end">${userView()}${server.pill()}</div>
    </header>
    ${server.panel()}
    ${server.banner()}
    <div class="columns">
      <main id="main" tabindex="-1">${state.item === null ? list.listView() : items.itemView()}</main>
      <aside class="side" aria-label="Your ratings and their life">${sendsView()}${ratedView()}</aside>
    </div>
    ${latestView()}
    <p class="sr" role="status" aria-live="polite">${state.announcement}</p>`;
}

function heard({ isBack, isNewVersion, isFirst }) {
  if (isBack) rating.flush();
  if (isNewVersion || (isFirst && !state.genres)) list.loadGenres();
  if (isBack || isNewVersion || state.list.problem) {
    list.load({ why: isNewVersion ? 'a new version serves' : '' });
    rating.loadRatings();
    if (state.item !== null) items.load(state.item);
  }
}

restore();
const app = document.getElementById('app');
let isFirst = true;
paintWith(() => {
  // What stood there while the page started.
  if (isFirst) app.replaceChildren();
  isFirst = false;
  render(view(), app);
});
addEventListener('hashchange', follow);
document.addEventListener('pointerdown', (event) => {
  if (!event.target.closest('.search')) search.close();
});
list.start();
follow();
rating.start();
server.watch(heard);
