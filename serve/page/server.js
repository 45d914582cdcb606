// Which version serves, how old it is, whether a newer one was refused, and whether the server is ready.

import { html, nothing } from './lit-html.js';
import { Problem, ask } from './api.js';
import { announce, changed, state } from './state.js';
import { problemNote } from './views.js';
import { age, day, plural, whole } from './words.js';

const PAUSE_MS = 5000;
const OFFLINE_PAUSE_MS = 1500;
let timer = 0;

// Looks now and then; `onNews` is told what changed: a version, or that the server is back.
export function watch(onNews) {
  const look = async () => {
    clearTimeout(timer);
    await refresh(onNews);
    timer = setTimeout(look, state.server.isOffline ? OFFLINE_PAUSE_MS : PAUSE_MS);
  };
  addEventListener('online', look);
  document.addEventListener('visibilitychange', () => document.hidden || look());
  return look();
}

async function refresh(onNews) {
  const { server } = state;
  if (document.hidden && server.version) return;
  const wasOffline = server.isOffline;
  const before = server.version?.version;
  const told = (problem) => {
    if (!(problem instanceof Problem)) throw problem;
    return problem;
  };
  // Each for itself: a proxy may keep health from the outside.
  const [health, version] = await Promise.all([ask('health/ready').catch(told), ask('versions/current').catch(told)]);
  server.health = health instanceof Problem ? null : health;
  server.problem = version instanceof Problem ? version : null;
  server.isOffline = server.problem?.isOffline === true;
  if (!server.problem) server.version = version;
  if (server.isOffline && !wasOffline) announce('The server cannot be reached');
  changed();
  const after = server.version?.version;
  if (wasOffline && !server.isOffline) {
    announce('The server is back');
    onNews({ isBack: true, isNewVersion: before !== after });
  } else if (after && before !== after) {
    onNews({ isBack: false, isNewVersion: before !== undefined, isFirst: before === undefined });
  }
}

function standing() {
  const { health, isOffline, version } = state.server;
  if (isOffline) return { kind: 'bad', word: 'Offline' };
  if (!health) return version ? { kind: 'good', word: 'Serving' } : { kind: 'none', word: 'Asking …' };
  if (health.status === 'unavailable') return { kind: 'bad', word: 'Not ready' };
  if (health.status !== 'ok' || version?.refused) return { kind: 'warn', word: 'Ready, but' };
  return { kind: 'good', word: 'Ready' };
}

export function pill() {
  const { kind, word } = standing();
  const { version } = state.server;
  return html`<button type="button" class="pill ${kind}" popovertarget="server" id="pill">
    <span class="dot" aria-hidden="true"></span>${word}${version
      ? html`<span class="pill-more"> · version ${whole(version.sequence)}, ${age(version.startedAt)} old</span>` : nothing}</button>`;
}

export function panel() {
  const { health, version, problem, isOffline } = state.server;
  const { word } = standing();
  return html`
    <div id="server" popover class="panel" aria-label="The server">
      <h2>${word}</h2>
      ${isOffline ? html`<p>The server cannot be reached. Check the network, and that akin-serve runs. This page looks
        again by itself, and what you rate meanwhile is kept here and sent when it is back.</p>` : nothing}
      ${health?.reasons?.length > 0 && !isOffline ? html`<ul class="reasons">${health.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
        <p class="hint">${remedy(health)}</p>` : nothing}
      ${version?.refused ? html`<div class="problem"><p><b>Version ${version.refused.sequence} was refused.</b>
        ${version.refused.reason}</p><p>Version ${version.sequence} goes on serving. Publish again, or see what is wrong with
        <code>akin-batch check</code>.</p></div>` : nothing}
      ${version ? html`<dl class="facts">
        <div><dt>Version</dt><dd class="id">${version.version}</dd></div>
        <div><dt>Number</dt><dd>${whole(version.sequence)}</dd></div>
        <div><dt>Computed</dt><dd>${age(version.startedAt)} ago, ${day(version.startedAt)}</dd></div>
        <div><dt>Loaded</dt><dd>${age(version.loadedAt)} ago</dd></div>
        <div><dt>Measure</dt><dd>${version.measure.name}</dd></div>
        <div><dt>Scale</dt><dd>above ${version.ratingRange.above}, at most ${version.ratingRange.at_most}</dd></div>
        ${Object.entries(version.counts).map(([name, count]) => html`<div><dt>${words(name)}</dt><dd>${whole(count)}</dd></div>`)}
      </dl>` : nothing}
      ${!version && problem && !isOffline ? problemNote(problem) : nothing}
      <p class="hint"><a href="openapi.json">What else can be asked</a></p>
    </div>`;
}

const words = (name) => {
  const spaced = name.replace(/([A-Z])/g, ' $1').replaceAll('_', ' ').toLowerCase();
  return spaced[0].toUpperCase() + spaced.slice(1);
};

function remedy(health) {
  if (health.status !== 'unavailable') return 'It serves all the same.';
  if (health.reasons.some((reason) => reason.includes('no version'))) {
    return 'Publish one into its store with akin-batch run; this page goes on by itself then.';
  }
  return 'Ratings and lists may be refused until this is mended.';
}

// What stands above everything when it matters.
export function banner() {
  const { isOffline, health, version } = state.server;
  const waiting = state.sends.filter((send) => send.stage === 'waiting').length;
  if (isOffline || waiting > 0) {
    return html`<div class="banner bad" role="status"><b>${isOffline ? 'The server cannot be reached.' : 'The server takes no ratings at the moment.'}</b>
      ${waiting > 0 ? `${plural(waiting, 'rating is', 'ratings are')} kept here, and sent when it is back.` : 'This page goes on by itself when it is back.'}</div>`;
  }
  if (health?.status === 'unavailable') {
    return html`<div class="banner warn" role="status"><b>The server is not ready:</b> ${health.reasons.join('; ')}. ${remedy(health)}</div>`;
  }
  if (version?.refused) {
    return html`<div class="banner warn" role="status"><b>A newer version was refused.</b> Version ${version.sequence} goes on
      serving; the server’s panel says why.</div>`;
  }
  return nothing;
}
