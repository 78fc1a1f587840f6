/** The relays by load, the fullest first. */
import { formatRate } from '#scenarios/format/units.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import type { LiveRelay } from '#viz/live/state.ts';
import { make } from '#viz/panel.ts';

const rowsMax = 50;

export function relayTable(relays: readonly LiveRelay[]): HTMLElement {
  if (relays.length === 0) return make('p', 'chart-note', 'No relay has enrolled.');
  const table = make('table', 'fleet-table');
  const head = make('tr');
  head.append(...['Relay', 'Load', 'Connections', 'Sends', 'Tasks', ''].map((text) => make('th', '', text)));
  table.append(head);
  const sorted = relays.toSorted((left, right) => right.loadRatio - left.loadRatio);
  for (const relay of sorted.slice(0, rowsMax)) {
    const row = make('tr', relay.connected ? '' : 'gone');
    const load = make('td');
    const track = make('div', 'use-track');
    const fill = make('span', relay.loadRatio > 1 ? 'over' : 'plain');
    fill.style.width = `${Math.min(1, relay.loadRatio) * 100}%`;
    fill.style.background = 'var(--source-relay)';
    track.append(fill);
    load.append(formatPercent(relay.loadRatio), track);
    const state = relay.connected ? (relay.draining ? 'draining' : '') : 'not connected';
    const name = make('td');
    name.append(
      make('b', '', relay.relay),
      make('span', 'interval', relay.region === undefined ? '' : ` ${relay.region}`),
    );
    row.append(
      name,
      load,
      make('td', '', `${formatCount(relay.connections)} of ${formatCount(relay.connectionsMax)}`),
      make('td', '', formatRate(relay.sendBytesPerSecond)),
      make('td', '', formatCount(relay.tasks)),
      make('td', 'bad-text', state),
    );
    table.append(row);
  }
  if (relays.length <= rowsMax) return table;
  const whole = make('div');
  whole.append(table, make('p', 'chart-note', `and ${plural(relays.length - rowsMax, 'relay')} with less load`));
  return whole;
}
