/** What every view has: a heading, a sentence that says what is to be seen, controls, and its numbers as a table. */
import type { Dataset } from './data/dataset.ts';
import type { TraceFile } from './data/trace-file.ts';
import type { Store } from './store.ts';

export interface Table {
  head: string[];
  rows: (string | number)[][];
}

export interface Panel {
  body: HTMLElement;
  controls: HTMLElement;
  say(sentence: string): void;
  /** Rows are made only when somebody opens the table. */
  table(make: () => Table): void;
}

/** All that is loaded. */
export interface Sources {
  data: Dataset;
  trace: TraceFile | null;
  /** A second result, held against the first. */
  other: Dataset | null;
}

/** What a view hands out: called when the state changes, with what has changed. */
export type Update = (changed: ReadonlySet<string>) => void;
export type View = (element: HTMLElement, sources: Sources, store: Store) => Update;

const tableRowsMax = 500;

export function panel(element: HTMLElement, title: string): Panel {
  const heading = make('h2', '', title);
  heading.id = `${element.id}-title`;
  element.setAttribute('aria-labelledby', heading.id);
  const head = make('header', 'panel-head');
  const controls = make('div', 'controls');
  const summary = make('p', 'summary');
  const body = make('div', 'panel-body');
  const details = make('details', 'as-table');
  const opener = make('summary', '', 'Show as table');
  const place = make('div', 'table-place');
  // A wide table scrolls by itself, and by the keyboard, too.
  place.tabIndex = 0;
  place.setAttribute('role', 'region');
  place.setAttribute('aria-label', `${title} as a table`);
  head.append(heading, controls);
  details.append(opener, place);
  details.hidden = true;
  element.replaceChildren(head, summary, body, details);
  let makeTable: (() => Table) | null = null;
  const fill = () => {
    if (details.open && makeTable !== null) place.replaceChildren(tableElement(makeTable()));
  };
  details.addEventListener('toggle', fill);
  return {
    body,
    controls,
    say: (sentence) => {
      if (summary.textContent !== sentence) summary.textContent = sentence;
    },
    table: (given) => {
      makeTable = given;
      details.hidden = false;
      fill();
    },
  };
}

function tableElement({ head, rows }: Table): HTMLElement {
  const table = make('table');
  const row = (cells: (string | number)[], tag: 'th' | 'td') => {
    const line = make('tr');
    line.append(...cells.map((cell) => make(tag, '', String(cell))));
    return line;
  };
  const top = make('thead');
  top.append(row(head, 'th'));
  const body = make('tbody');
  body.append(...rows.slice(0, tableRowsMax).map((cells) => row(cells, 'td')));
  table.append(top, body);
  if (rows.length > tableRowsMax) {
    const caption = make('caption', '', `The first ${tableRowsMax} of ${rows.length} rows; the file has all of them.`);
    table.prepend(caption);
  }
  return table;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  text = '',
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

export function button(text: string, title: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', '', text);
  element.type = 'button';
  if (title !== '') element.title = title;
  element.addEventListener('click', onClick);
  return element;
}

/** A choice of few, as buttons in a row. */
export function choice<Value>(
  label: string,
  options: readonly { value: Value; text: string }[],
  onChoose: (value: Value) => void,
): { element: HTMLElement; show(value: Value): void } {
  const element = make('div', 'choice');
  element.setAttribute('role', 'group');
  element.setAttribute('aria-label', label);
  const buttons = options.map(({ value, text }) => button(text, '', () => onChoose(value)));
  element.append(...buttons);
  return {
    element,
    show: (value) => {
      options.forEach((option, index) => {
        buttons[index]!.setAttribute('aria-pressed', String(Object.is(option.value, value)));
      });
    },
  };
}

/** A choice of many. */
export function select<Value extends string | number>(
  label: string,
  options: readonly { value: Value; text: string }[],
  onChoose: (value: Value) => void,
): { element: HTMLElement; show(value: Value): void } {
  const element = make('label', 'select');
  const list = make('select');
  list.append(
    ...options.map(({ text }, index) => {
      const option = make('option', '', text);
      option.value = String(index);
      return option;
    }),
  );
  list.addEventListener('change', () => onChoose(options[Number(list.value)]!.value));
  element.append(make('span', '', label), list);
  return {
    element,
    show: (value) => {
      list.value = String(options.findIndex((option) => option.value === value));
    },
  };
}

/** Calls `draw` whenever the width of `element` has changed. */
export function onResize(element: HTMLElement, draw: () => void): void {
  let before = element.clientWidth;
  new ResizeObserver(() => {
    if (element.clientWidth === before || element.clientWidth === 0) return;
    before = element.clientWidth;
    draw();
  }).observe(element);
}
