// The life of a rating: kept here, accepted by the server (202 and a handle), folded in (the handle is polled), painted.

import { html, nothing } from './lit-html.js';
import { Problem, ask, randomName, step } from './api.js';
import * as list from './list.js';
import * as outbox from './outbox.js';
import { announce, changed, state } from './state.js';
import { icon, itemLink, problemNote } from './views.js';
import { milliseconds, named, short } from './words.js';

const MOST_SHOWN = 8;
const EARLIER = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('akin') : null;
let pause = FIRST_PAUSE_MS;
let retry = 0;
let isFlushing = false;
let lastAt = 0;

export function start() {
  tabs?.addEventListener('message', ({ data }) => {
    if (data?.user !== state.user) return;
    loadRatings();
    list.load({ why: 'you rated in another tab' });
  });
  addEventListener('online', flush);
  flush();
}

// Rates an item, or takes the rating back with `null`.
export function rate(item, rating) {
  const before = state.ratings.byItem.get(item.itemId)?.rating ?? null;
  if (rating === before) return;
  // Later than the one before, whatever the clock says.
  lastAt = Math.max(lastAt + 1, Date.now());
  const entry = {
    key: randomName(20), at: lastAt, user: state.user, item: item.itemId, title: item.title, rating, before,
    options: list.optionsOfAll(),
  };
  outbox.put(entry);
  show(entry);
  note(entry);
  announce(rating === null ? `Taking back the rating of ${named(item)}` : `Rating ${named(item)} ${short(rating)}`);
  flush();
}

export const undo = (send) => rate({ itemId: send.item, title: send.title }, send.before);

// Whether what a rating did is still what stands, so that it can be undone.
export const canUndo = (send) =>
  send.user === state.user && !send.isEarlier && !['refused', 'lost'].includes(send.stage)
  && (state.ratings.byItem.get(send.item)?.rating ?? null) === send.rating;

function show(entry) {
  const send = { ...entry, stage: 'sending', began: performance.now() };
  state.sends = [send, ...state.sends].slice(0, MOST_SHOWN);
  changed();
  return send;
}

// In the user's ratings, before the server knows.
function note({ user, item, title, rating }) {
  if (user !== state.user) return;
  const { byItem } = state.ratings;
  if (rating === null) byItem.delete(item);
  else byItem.set(item, { itemId: item, title, rating, ratedAt: new Date().toISOString(), known: true });
}

// Sends what was not answered yet, one after the other, until something stands against it.
export async function flush() {
  clearTimeout(retry);
  if (isFlushing) return;
  isFlushing = true;
  try {
    for (let entry; (entry = outbox.entries()[0]);) {
      const send = state.sends.find((one) => one.key === entry.key) ?? show(entry);
      send.stage = 'sending';
      changed();
      try {
        const accepted = await submit(entry);
        outbox.remove(entry);
        send.stage = 'accepted';
        send.handle = accepted.executionArn;
        send.acceptedAfter = performance.now() - send.began;
        send.problem = null;
        reached();
        follow(send);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        send.problem = problem;
        if (problem.isPassing) {
          waitFor(send, problem);
          return;
        }
        outbox.remove(entry);
        send.stage = 'refused';
        announce(`The rating was refused: ${problem.detail}`);
        loadRatings();
      }
    }
  } finally {
    isFlushing = false;
    changed();
  }
}

function submit({ key, user, item, rating, options }) {
  if (rating === null) return ask(`users/${step(user)}/ratings/${step(item)}`, { method: 'DELETE', key });
  return ask('ratings', { method: 'POST', key, body: { user, itemId: item, rating, options } });
}

function waitFor(send, problem) {
  send.stage = 'waiting';
  // What is behind it waits, too.
  for (const one of state.sends) if (one.stage === 'sending') one.stage = 'waiting';
  const wait = Math.max(problem.retryAfter * 1000, pause);
  pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  retry = setTimeout(flush, wait);
  if (problem.isOffline) {
    state.server.isOffline = true;
    announce('The server cannot be reached. The rating is kept here and will be sent.');
  }
  changed();
}

function reached() {
  pause = FIRST_PAUSE_MS;
  state.server.isOffline = false;
}

// Polls the handle until the rating is folded in, and shows what came of it.
async function follow(send) {
  let wait = FIRST_PAUSE_MS;
  send.stage = 'running';
  for (;;) {
    changed();
    try {
      const execution = await ask(`executions/${step(send.handle)}?wait=5`);
      if (execution.status === 'RUNNING') continue;
      send.doneAfter = performance.now() - send.began;
      send.serverMs = new Date(execution.stopDate) - new Date(execution.startDate);
      send.stage = execution.status === 'SUCCEEDED' ? 'done' : 'failed';
      send.cause = execution.cause ?? execution.error ?? execution.status;
      send.isUnknown = execution.output?.rated.known === false;
      arrived(send, execution.output);
      return;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.isPassing) {
        send.stage = 'lost';
        send.problem = problem;
        arrived(send);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(2 * wait, LONGEST_PAUSE_MS);
    }
  }
}

function arrived(send, output) {
  tabs?.postMessage({ user: send.user });
  changed();
  if (send.user !== state.user) return;
  const what = send.rating === null
    ? `you took back ${named({ ...send, itemId: send.item })}`
    : `you rated ${named({ ...send, itemId: send.item })} ${short(send.rating)}`;
  const isLatest = state.sends.find((one) => one.user === state.user)?.key === send.key;
  const isWanted = JSON.stringify(send.options) === JSON.stringify(list.optionsOfAll());
  if (send.rating !== null && isLatest && isWanted && output?.recommendations) {
    list.show(output.recommendations, what);
  } else if (isLatest || send.stage !== 'done') {
    list.load({ why: what });
  }
}

// What the server knows of the user's ratings; those that are still on their way stand against it.
export async function loadRatings() {
  const { user } = state;
  const byItem = new Map();
  let isWhole = true;
  try {
    let after = '';
    for (let part = 0; part < 10; part += 1) {
      const answer = await ask(`users/${step(user)}/ratings?n=1000${after}`);
      for (const one of answer.ratings) byItem.set(one.itemId, one);
      isWhole = answer.next === undefined;
      if (isWhole) break;
      after = `&after=${encodeURIComponent(answer.next)}`;
    }
    if (state.user !== user) return;
    state.ratings = { byItem, isWhole, problem: null };
    outbox.entries().forEach(note);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (state.user === user) state.ratings.problem = problem;
  }
  changed();
}

// The user's latest ratings as the server has them: what became of those of before a reload, and of other pages.
export async function loadSends() {
  const { user } = state;
  try {
    const { executions } = await ask(`executions?${new URLSearchParams({ user: user.toWellFormed(), n: EARLIER })}`);
    if (state.user !== user) return;
    const known = new Set(state.sends.map((send) => send.handle));
    const earlier = executions.filter((one) => !known.has(one.executionArn)).map((one) => ({
      key: one.executionArn, handle: one.executionArn, user, item: one.input.movieID ?? one.input.itemId,
      title: one.output?.rated.title, rating: one.input.rating, isEarlier: true,
      isUnknown: one.output?.rated.known === false, began: performance.now(),
      stage: { RUNNING: 'running', SUCCEEDED: 'done' }[one.status] ?? 'failed', cause: one.cause ?? one.error,
      serverMs: one.stopDate && new Date(one.stopDate) - new Date(one.startDate),
    })).filter((send) => typeof send.item === 'string');
    state.sends = [...state.sends, ...earlier].slice(0, MOST_SHOWN);
    for (const send of earlier) if (send.stage === 'running') follow(send);
  } catch (problem) {
    // They are shown for the sake of looking; what matters was told elsewhere.
    if (!(problem instanceof Problem)) throw problem;
  }
  changed();
}

const STAGES = ['sending', 'accepted', 'running', 'done'];
const SAID = {
  sending: 'sending', waiting: 'waiting for the server', accepted: 'accepted', running: 'running', done: 'done',
  failed: 'accepted, without a list', refused: 'refused', lost: 'accepted, handle forgotten',
};

export function sendView(send) {
  const item = { itemId: send.item, title: send.title };
  const reached = send.stage === 'waiting' ? 0 : STAGES.indexOf(send.stage);
  const isBad = ['failed', 'refused', 'lost'].includes(send.stage);
  return html`
    <div class="send ${send.stage}" data-stage=${send.stage}>
      <p class="send-what">
        <span class="value">${send.rating === null ? icon('undo') : short(send.rating)}</span>
        ${itemLink(item)}
        ${canUndo(send) ? html`<button type="button" class="quiet" @click=${() => undo(send)}
          aria-label="Undo the rating of ${named(item)}">Undo</button>` : nothing}
      </p>
      <ol class="life" aria-label="Its life">
        ${STAGES.map((stage, at) => html`
          <li class=${!isBad && at <= reached ? 'is-reached' : ''}>
            ${stage === 'sending' ? 'sent' : stage}${after(send, stage)}</li>`)}
      </ol>
      <p class="send-state">${SAID[send.stage]}${send.stage === 'failed' ? html`: ${send.cause}` : nothing}</p>
      ${send.isUnknown ? html`<p class="hint">This version does not know the item yet: it counts from the next batch run
        on.</p>` : nothing}
      ${send.handle ? html`<p class="handle"><span>handle</span>
        <a href="executions/${step(send.handle)}" target="_blank" rel="noopener">${send.handle}</a></p>` : nothing}
      ${send.problem && send.stage !== 'lost' ? problemNote(send.problem) : nothing}
    </div>`;
}

function after(send, stage) {
  const ms = { accepted: send.acceptedAfter, done: send.doneAfter ?? send.serverMs }[stage];
  return ms === undefined ? nothing : html` <b>${milliseconds(ms)}</b>`;
}
