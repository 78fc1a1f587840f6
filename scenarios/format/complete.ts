import { scenarioDefaults, scenarioLimits } from '#core/limits.ts';
import { readArrivals } from './arrivals.ts';
import { completeFaults } from './complete-faults.ts';
import { completeTasks } from './complete-tasks.ts';
import { type Completion, checkRegion, completeContract, uniqueNames } from './completion.ts';
import type { ArriveText, ClientText, Configuration, LeaveText, RelayText } from './configuration.ts';
import { at, type Path, Problem } from './error.ts';
import { parseExpectation, parseMetric, parseValue } from './expectation.ts';
import { RegionPairs } from './region-pairs.ts';
import { scaleClients } from './scale.ts';
import { parseQuantity, printQuantity } from './units.ts';

/** Of the text form that the schema resolved: what a schema cannot say. Fills in what depends on other values. */
export function complete(draft: Record<string, unknown>, completion: Completion): Configuration {
  // From here on the shape is known, except for what these functions fill in.
  const configuration = draft as unknown as Configuration;
  delete draft.$schema;
  const pairs = completeRegions(configuration);
  completeContract(configuration.origin.contract, ['origin', 'contract']);
  completeRelays(configuration.relays);
  for (const [index, client] of configuration.clients.entries()) {
    completeClient(client, ['clients', index], completion.directory);
  }
  uniqueNames(configuration.clients, ['clients']);
  if (completion.clients !== undefined) scaleClients(configuration.clients, completion.clients, completion.warn);
  checkPopulation(configuration);
  configuration.prices.between = pairs.canonical(configuration.prices.between, ['prices', 'between']);
  completeTasks(configuration, completion);
  completeFaults(configuration, completion.warn);
  checkMetrics(configuration);
  return configuration;
}

function completeRegions(configuration: Configuration): RegionPairs {
  const { regions, origin, relays, clients, control, links } = configuration;
  for (const [index, region] of regions.entries()) {
    if (regions.indexOf(region) < index)
      throw new Problem(['regions', index], `the region "${region}" stands here twice`);
  }
  const pairs = new RegionPairs(regions, ['regions']);
  const complete = (holder: { region: string }, path: Path): void => {
    holder.region ??= regions[0]!;
    checkRegion(holder.region, regions, [...path, 'region']);
  };
  complete(origin, ['origin']);
  complete(control, ['control']);
  for (const [index, relay] of relays.entries()) complete(relay, ['relays', index]);
  for (const [index, client] of clients.entries()) complete(client, ['clients', index]);
  for (const [index, link] of links.entries()) {
    for (const [end, region] of link.between.entries()) checkRegion(region, regions, ['links', index, 'between', end]);
  }
  const given = pairs.canonical(configuration.latency, ['latency']);
  configuration.latency = {};
  for (const pair of pairs.all()) {
    const within = pair[0] === pair[1];
    const { latencyWithinMilliseconds, latencyBetweenMilliseconds } = scenarioDefaults;
    const fallback = within ? latencyWithinMilliseconds : latencyBetweenMilliseconds;
    const key = pairs.key(pair);
    configuration.latency[key] = given[key] ?? printQuantity('time', fallback);
  }
  return pairs;
}

function completeRelays(relays: RelayText[]): void {
  for (const relay of relays) relay.downlink ??= relay.uplink;
  uniqueNames(relays, ['relays']);
  const total = relays.reduce((sum, { count }) => sum + count, 0);
  if (total <= scenarioLimits.relaysMax) return;
  throw new Problem(['relays'], `${total} relays are too many: at most ${scenarioLimits.relaysMax} are allowed`);
}

function completeClient(client: ClientText, path: Path, directory: string): void {
  client.arrive = completeArrive(client.arrive, [...path, 'arrive'], directory);
  client.leave = completeLeave(client.leave);
  const listed = client.arrive.seconds?.length;
  client.count ??= listed as number;
  if (client.count === undefined) throw new Problem(path, 'the key "count" is missing (How many there are.)');
  if (listed !== undefined && listed !== client.count) {
    const problem = `counts ${client.count}, but ${listed} arrivals are listed; leave the count out`;
    throw new Problem([...path, 'count'], problem);
  }
  const downlink = parseQuantity('rate', client.downlink.mean);
  if (downlink === 0) throw new Problem([...path, 'downlink'], 'is zero: nobody would ever receive anything');
}

function completeArrive(arrive: unknown, path: Path, directory: string): ArriveText {
  if (arrive === 'at-once') return { at: '0s' };
  const { file } = arrive as { file?: string };
  if (file !== undefined) return { seconds: readArrivals(directory, file, [...path, 'file']) };
  const { seconds } = arrive as { seconds?: number[] };
  return seconds === undefined ? (arrive as ArriveText) : { seconds: seconds.toSorted((a, b) => a - b) };
}

/** What a leave may look like in the file, beside its canonical forms. */
interface LooseLeave {
  after?: string;
  median?: string;
  mean?: string;
  fixed?: string;
  distribution?: 'fixed' | 'exponential' | 'lognormal';
  sigma?: number;
}

function completeLeave(leave: unknown): LeaveText {
  if (leave === 'never' || 'aborts' in (leave as object)) return leave as LeaveText;
  const { after, median, mean, fixed, distribution, sigma } = leave as LooseLeave;
  if (fixed !== undefined) return { after: fixed, distribution: 'fixed' };
  if (mean !== undefined) return { after: mean, distribution: 'exponential' };
  const kind = distribution ?? 'lognormal';
  const time = (after ?? median)!;
  if (kind !== 'lognormal') return { after: time, distribution: kind };
  return { after: time, distribution: kind, sigma: sigma ?? scenarioDefaults.leaveSigma };
}

function checkPopulation({ clients }: Configuration): void {
  const total = clients.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) throw new Problem(['clients'], 'the scenario has no clients: at least one is needed');
  if (total <= scenarioLimits.clientsMax) return;
  throw new Problem(['clients'], `${total} clients are too many: at most ${scenarioLimits.clientsMax} are allowed`);
}

function checkMetrics({ expect, published, clients, tasks, origin }: Configuration): void {
  const names = {
    classes: clients.map(({ name }) => name),
    tasks: tasks.map(({ name }) => name),
    windows: Object.keys(origin.contract.traffic),
  };
  for (const [index, text] of expect.entries()) {
    expect[index] = at(['expect', index], () => parseExpectation(text, names).text);
  }
  for (const [index, entry] of published.entries()) {
    const metric = at(['published', index, 'metric'], () => parseMetric(entry.metric, names));
    entry.metric = metric.text;
    entry.value = at(['published', index, 'value'], () => parseValue(String(entry.value), metric));
  }
}
