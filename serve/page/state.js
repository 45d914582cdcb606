// What the page knows, in one object, and one function that paints it. Whoever changes something calls `changed()`.

export const state = {
  user: '',
  item: null,
  // Items on the way to the one that is shown.
  trail: [],
  options: { n: 10, genres: [], diversity: 0 },
  genres: null,
  server: { health: null, version: null, problem: null, isOffline: false, retryAt: 0 },
  list: { items: null, problem: null, isLoading: false, isComplete: false, moves: new Map(), summary: '' },
  ratings: { byItem: new Map(), isWhole: true, problem: null },
  // Ratings on their way, newest first.
  sends: [],
  search: { text: '', isOpen: false, items: null, problem: null, isLoading: false },
  details: { item: null, neighbours: null, problem: null, isComplete: false },
  announcement: '',
};

let paint = () => {};
let isDue = false;

export function paintWith(work) {
  paint = work;
}

// Paints before the next frame, once for all that changed by then; a hidden tab gets no frames.
export function changed() {
  if (isDue) return;
  isDue = true;
  const work = () => {
    isDue = false;
    paint();
  };
  if (document.hidden) setTimeout(work); else requestAnimationFrame(work);
}

// Said by screen readers.
export function announce(text) {
  state.announcement = text;
  changed();
}

// What outlives a reload. A browser may refuse to keep anything: then it does not.
export const kept = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`akin.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`akin.${name}`, JSON.stringify(value));
    } catch { /* Full, or not allowed. */ }
  },
  remove(name) {
    try {
      localStorage.removeItem(`akin.${name}`);
    } catch { /* Not allowed. */ }
  },
  names(prefix) {
    try {
      const names = Object.keys(localStorage).filter((name) => name.startsWith(`akin.${prefix}`));
      return names.map((name) => name.slice('akin.'.length)).sort();
    } catch {
      return [];
    }
  },
};
