/** The frame of the page: top bar, sections, dropped files, messages; a view draws while it is in sight. */
import type { Dataset } from './data/dataset.ts';
import type { TraceFile } from './data/trace-file.ts';
import { button, make, type Sources, type Update } from './panel.ts';
import { addressOf, type State, Store, stateOf } from './store.ts';
import { fleet } from './views/fleet.ts';
import { type ViewDefinition, views } from './views.ts';

type Loaded = Dataset | TraceFile;

interface Mounted {
  definition: ViewDefinition;
  section: HTMLElement;
  update: Update | null;
  isVisible: boolean;
  /** What has changed while it was out of sight. */
  missed: Set<string>;
}

const themeKey = 'sluice-theme';
const addressMilliseconds = 150;
const fleetLink = { id: 'fleet', title: 'Fleet' };

export class Page {
  /** Set by whoever reads files. */
  onFiles: (files: File[]) => Promise<void> = async () => {};
  readonly #main = make('main');
  readonly #navigation = make('nav', 'views');
  readonly #message = make('div');
  #sources: Sources | null = null;
  #fleet: HTMLElement | null = null;
  #addressTimer: ReturnType<typeof setTimeout> | undefined;
  #mounted: Mounted[] = [];
  #observer: IntersectionObserver | null = null;

  constructor(element: HTMLElement) {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => this.#setTheme(storedTheme() ?? (dark.matches ? 'dark' : 'light'));
    follow();
    dark.addEventListener('change', follow);
    const top = make('header', 'top');
    const brand = make('div', 'brand', 'sluice');
    this.#navigation.setAttribute('aria-label', 'Views');
    this.#message.setAttribute('role', 'alert');
    top.append(brand, this.#navigation, this.#tools());
    element.replaceChildren(top, this.#main);
    this.#listenForDrops();
    this.#followScroll();
  }

  /** New files: results take the first and the second place, a trace its own. */
  load(loaded: Loaded[]): void {
    const results = loaded.filter((each): each is Dataset => each.kind !== 'trace');
    const trace = loaded.find((each): each is TraceFile => each.kind === 'trace');
    const before = this.#sources;
    const data = results[0] ?? before?.data;
    if (data === undefined) {
      this.fail('A trace belongs to a result: drop the file of --out together with it.');
      return;
    }
    const other = results[1] ?? (results.length === 0 ? before?.other : null) ?? null;
    this.#sources = { data, other, trace: trace ?? (results.length === 0 ? (before?.trace ?? null) : null) };
    this.#mount(this.#sources);
  }

  /** The fleet behind this address of a live feed, before all results. */
  watch(path: string): void {
    const section = make('section', 'view');
    section.id = 'fleet';
    this.#fleet = section;
    fleet(section, path);
    this.#navigation.replaceChildren(linkTo(fleetLink));
    this.#main.replaceChildren(this.#message, section);
    this.#mark(fleetLink.id);
  }

  /** Says what is wrong; what was shown before stays. */
  fail(message: string): void {
    this.#message.replaceChildren(make('p', 'message', message));
    if (this.#sources === null && this.#fleet === null) this.wait();
    else this.#main.prepend(this.#message);
    scrollTo(0, 0);
  }

  /** Nothing to show yet. */
  wait(): void {
    const empty = make('section', 'empty');
    const live = make('p');
    live.append('Or watch a fleet: ', code('sluice view --control http://127.0.0.1:8080'));
    const command = make('p');
    command.append(
      code('sluice compare smoke --out result.json'),
      make('br'),
      make('br'),
      code('sluice view result.json'),
    );
    empty.append(
      make('h1', '', 'Which policy, at what cost, how sure'),
      make('p', '', 'Drop a result of sluice run, compare or sweep anywhere on this page, or open one.'),
      command,
      live,
      button('Open a file', '', () => this.#pick()),
    );
    empty.lastElementChild!.className = 'quiet-button';
    this.#main.replaceChildren(this.#message, empty);
  }

  #mount(sources: Sources): void {
    const { data } = sources;
    document.title = `${data.title} · sluice`;
    const initial = initialState(sources);
    const store = new Store(stateOf(location.hash, initial, data.count));
    this.#observer?.disconnect();
    this.#message.replaceChildren();
    const shown = views.filter(({ fits }) => fits(sources));
    const links = this.#fleet === null ? shown : [fleetLink, ...shown];
    this.#navigation.replaceChildren(...links.map(linkTo));
    this.#mounted = shown.map((definition) => mounted(definition));
    const sections = this.#mounted.map(({ section }) => section);
    this.#main.replaceChildren(this.#message, ...(this.#fleet === null ? [] : [this.#fleet]), ...sections);
    store.on((changed) => this.#changed(changed, store, initial));
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries, sources, store), {
      rootMargin: '250px 0px',
    });
    for (const { section } of this.#mounted) this.#observer.observe(section);
    // The first screen does not wait for anybody to look.
    const [first] = this.#mounted;
    if (first !== undefined) first.update = first.definition.view(first.section, sources, store);
    this.#mark(first?.definition.id ?? '');
  }

  #seen(entries: IntersectionObserverEntry[], sources: Sources, store: Store): void {
    for (const { target, isIntersecting } of entries) {
      const mount = this.#mounted.find(({ section }) => section === target);
      if (mount === undefined) continue;
      mount.isVisible = isIntersecting;
      if (!isIntersecting) continue;
      if (mount.update === null) mount.update = mount.definition.view(mount.section, sources, store);
      else if (mount.missed.size > 0) mount.update(mount.missed);
      mount.missed.clear();
    }
  }

  #changed(changed: ReadonlySet<keyof State>, store: Store, initial: State): void {
    for (const mount of this.#mounted) {
      if (mount.update === null) continue;
      if (mount.isVisible) mount.update(changed);
      else for (const name of changed) mount.missed.add(name);
    }
    // Browsers allow few changes of the address a second, and scrubbing makes one a frame.
    clearTimeout(this.#addressTimer);
    this.#addressTimer = setTimeout(() => {
      const address = addressOf(store.state, initial);
      history.replaceState(null, '', `${location.pathname}${location.search}${address === '' ? '' : `#${address}`}`);
    }, addressMilliseconds);
  }

  #tools(): HTMLElement {
    const tools = make('div', 'tools');
    const open = button('Open', 'Show another result; a file may also be dropped anywhere', () => this.#pick());
    open.classList.add('wide');
    const theme = button('◐', 'Light or dark', () => {
      const now = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
      this.#setTheme(now);
      try {
        localStorage.setItem(themeKey, now);
      } catch {
        // A page without storage forgets the choice.
      }
    });
    theme.setAttribute('aria-label', 'Light or dark');
    tools.append(open, theme);
    return tools;
  }

  #setTheme(theme: string): void {
    document.documentElement.dataset.theme = theme;
    for (const mount of this.#mounted) mount.update?.(new Set(['theme']));
  }

  #pick(): void {
    const input = make('input');
    input.type = 'file';
    input.multiple = true;
    input.accept = '.json,application/json';
    input.addEventListener('change', () => void this.onFiles([...(input.files ?? [])]));
    input.click();
  }

  #listenForDrops(): void {
    const { classList } = document.body;
    addEventListener('dragover', (event) => {
      event.preventDefault();
      classList.add('dropping');
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) classList.remove('dropping');
    });
    addEventListener('drop', (event) => {
      event.preventDefault();
      classList.remove('dropping');
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) void this.onFiles(files);
    });
  }

  /** Marks the view that is at the top of the window. */
  #followScroll(): void {
    let queued = false;
    addEventListener('scroll', () => {
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => {
        queued = false;
        const above = this.#mounted.filter(({ section }) => section.getBoundingClientRect().top < 140);
        this.#mark((above.at(-1) ?? this.#mounted[0])?.definition.id ?? '');
      });
    });
  }

  #mark(id: string): void {
    for (const link of this.#navigation.querySelectorAll('a')) {
      const isHere = link.dataset.view === id;
      if (isHere && link.getAttribute('aria-current') !== 'true') {
        const { offsetLeft, offsetWidth } = link;
        const middle = offsetLeft - this.#navigation.offsetLeft + offsetWidth / 2;
        this.#navigation.scrollLeft = middle - this.#navigation.clientWidth / 2;
      }
      link.setAttribute('aria-current', String(isHere));
    }
  }
}

function mounted(definition: ViewDefinition): Mounted {
  const section = make('section', 'view');
  section.id = definition.id;
  // So that the page does not jump while views are drawn for the first time.
  section.style.minHeight = `${definition.heightPixels}px`;
  return { definition, section, update: null, isVisible: false, missed: new Set() };
}

function linkTo({ id, title }: Pick<ViewDefinition, 'id' | 'title'>): HTMLAnchorElement {
  const link = make('a', '', title);
  link.href = `#${id}`;
  link.dataset.view = id;
  link.addEventListener('click', (event) => {
    // The address holds the state, so it must not be taken for a place.
    event.preventDefault();
    const section = document.getElementById(id)!;
    section.scrollIntoView();
    section.tabIndex = -1;
    section.focus({ preventScroll: true });
  });
  return link;
}

/** A trace opens at a client that turned to HTTP, and at a moment when much flows. */
function initialState({ data, trace }: Sources): State {
  const [first, second] = data.study?.objectives.map(({ metric }) => metric) ?? [];
  return {
    focus: Math.max(0, data.own),
    seed: 0,
    selection: null,
    pinned: [],
    x: first ?? 'p95(completion)',
    y: second ?? 'cost.total',
    cursorSeconds: null,
    share: false,
    source: null,
    clock: false,
    client: Math.max(0, trace?.clients.indexOf(trace.decided.client[0] ?? -1) ?? 0),
    playSeconds: Number(((trace?.endSeconds ?? 0) * 0.1).toPrecision(7)),
    left: -1,
    right: -1,
  };
}

function storedTheme(): string | null {
  try {
    return localStorage.getItem(themeKey);
  } catch {
    return null;
  }
}

function code(text: string): HTMLElement {
  return make('code', 'command', text);
}
