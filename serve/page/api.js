// Asks the server, and tells in words what went wrong.

const BASE = new URL('.', document.baseURI);
const PATIENCE_MS = 20_000;

// What went wrong: what, where, and what to do.
export class Problem extends Error {
  constructor({ title, detail, remedy, status = 0, retryAfter = 0, requestId = '' }) {
    super(`${title}: ${detail}`);
    Object.assign(this, { title, detail, remedy, status, retryAfter, requestId });
  }

  // Whether the same request may go through later.
  get isPassing() {
    return this.status === 0 || this.status === 408 || this.status === 500 || this.status >= 502;
  }

  // Whether no answer came at all.
  get isOffline() {
    return this.status === 0;
  }
}

const remedies = new Map();

async function remedyOf(type) {
  const name = /\/problems\/([a-z-]+)$/.exec(type ?? '')?.[1];
  if (!name) return '';
  if (!remedies.has(name)) {
    const answer = await fetch(new URL(`problems/${name}`, BASE)).then((one) => one.json()).catch(() => null);
    if (!answer?.remedy) return '';
    remedies.set(name, answer.remedy);
  }
  return remedies.get(name);
}

// A step of a path. What the address of a page cannot hold as a step, no page can ask for.
export function step(text) {
  if (text === '.' || text === '..') {
    throw new Problem({
      title: `An id that is “${text}” cannot be asked for from a page`,
      detail: 'Browsers take it for a part of the path.',
      remedy: 'Choose another id, or ask with another program.',
      status: 400,
    });
  }
  return encodeURIComponent(text.toWellFormed()).replaceAll('%3A', ':');
}

// Sends a request and gives the JSON of its answer. Throws a Problem, or an AbortError when `signal` says so.
export async function ask(path, { method = 'GET', body, key, signal } = {}) {
  const headers = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key) headers['idempotency-key'] = key;
  const signals = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  let answer;
  let content;
  try {
    answer = await fetch(new URL(path, BASE), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(signals), cache: 'no-store',
    });
    content = await answer.json();
  } catch (error) {
    if (signal?.aborted) throw new DOMException('', 'AbortError');
    if (answer) {
      throw new Problem({
        title: 'The answer could not be read',
        detail: `${path} was answered with status ${answer.status}, and not in full or not by Akin.`,
        remedy: 'Try again; see to the proxy if there is one.',
        status: answer.ok ? 0 : answer.status,
      });
    }
    throw new Problem({
      title: 'The server cannot be reached',
      detail: error.name === 'TimeoutError' ? 'It did not answer in time.' : 'Nothing answers at this address.',
      remedy: 'Check the network, and that akin-serve runs. This page goes on by itself when it is back.',
    });
  }
  if (answer.ok || (path.startsWith('health/') && content.reasons)) return content;
  throw new Problem({
    title: content.title ?? `The server answered with status ${answer.status}`,
    detail: content.detail ?? '',
    remedy: await remedyOf(content.type),
    status: answer.status,
    retryAfter: Number(answer.headers.get('retry-after')) || 0,
    requestId: content.requestId ?? '',
  });
}

// A name that nobody else makes. `crypto.randomUUID` is there only where pages are secure.
export function randomName(bytes = 12) {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(values, (value) => (value % 36).toString(36)).join('');
}
