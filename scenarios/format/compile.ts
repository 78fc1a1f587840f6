import type { Policy } from '#core/policy.ts';
import { relayIndexes } from './complete-faults.ts';
import { parseCap, parseRange } from './complete-tasks.ts';
import type {
  ArriveText,
  ClientText,
  Configuration,
  ContractText,
  CountText,
  FaultText,
  FileText,
  LeaveText,
  MessagesText,
  TaskText,
} from './configuration.ts';
import { type Catalogue, readPolicy } from './policy-text.ts';
import { RegionPairs } from './region-pairs.ts';
import type {
  Arrival,
  ClientClass,
  Contract,
  Departure,
  Distribution,
  Fault,
  File,
  MessageFaults,
  Prices,
  Scenario,
  Spread,
  Task,
} from './scenario.ts';
import { parseQuantity, parseShare, parseSize, parseTime, type Quantity } from './units.ts';

/** The numbers behind a canonical configuration; what it holds has been checked, so nothing is wrong here. */
export function compile(configuration: Configuration, policies: Catalogue): Scenario {
  const { name, description, seed, fidelity, regions, expect, published } = configuration;
  const region = (text: string): number => regions.indexOf(text);
  const pairs = new RegionPairs(regions, ['regions']);
  const policy = compilePolicy(configuration.policy, configuration, policies);
  const { origin, control } = configuration;
  return {
    name,
    description,
    seed,
    fidelity,
    regions,
    expect,
    published,
    policy,
    horizonMilliseconds: parseTime(configuration.horizon),
    latencyMilliseconds: compileLatency(configuration, pairs),
    links: configuration.links.map(({ between, capacity }) => ({
      regions: [region(between[0]), region(between[1])],
      bytesPerSecond: endless('rate', capacity),
    })),
    origin: {
      region: region(origin.region),
      uplinkBytesPerSecond: endless('rate', origin.uplink),
      connectionsMax: compileCount(origin.connections),
      contract: compileContract(origin.contract),
    },
    relays: configuration.relays.map((relay) => ({
      name: relay.name,
      region: region(relay.region),
      count: relay.count,
      uplinkBytesPerSecond: endless('rate', relay.uplink),
      downlinkBytesPerSecond: endless('rate', relay.downlink),
      connectionsMax: compileCount(relay.connections),
      bufferBeforeServingBytes: parseSize(relay.bufferBeforeServing),
      holdsAll: relay.holds === 'all',
    })),
    clients: configuration.clients.map((client) => compileClient(client, regions)),
    tasks: configuration.tasks.map((task) => compileTask(task, configuration, policies)),
    distribution: compileDistribution(configuration),
    control: {
      count: control.count,
      region: region(control.region),
      dispatchPerSecond: parseQuantity('frequency', control.dispatch) * 1000,
      reportEveryMilliseconds: parseTime(control.reportEvery),
      leaseMilliseconds: parseTime(control.lease),
      slackMilliseconds: parseTime(control.slack),
      driftMax: parseQuantity('drift', control.driftMax),
    },
    messages: compileMessages(configuration.messages),
    model: compileModel(configuration.model),
    faults: configuration.faults.flatMap((fault) => compileFault(fault, configuration)),
    prices: compilePrices(configuration, pairs),
  };
}

/** Absent: nothing is left out that the model does not have anyway. */
function compileModel(model: Configuration['model']): Scenario['model'] {
  return {
    overhead: parseShare(model?.overhead ?? '0%'),
    controlKnowsLinks: model?.controlKnowsLinks ?? true,
    requestAheadMilliseconds: parseTime(model?.requestAhead ?? '0s'),
    taskDelayMilliseconds: parseTime(model?.taskDelay ?? '0s'),
    processStartMilliseconds: parseTime(model?.processStart ?? '0s'),
  };
}

const endless = (kind: Quantity, text: string): number =>
  text === 'unlimited' || text === 'never' || text === 'forever' ? Infinity : parseQuantity(kind, text);
const compileCount = (count: CountText): number => (count === 'unlimited' ? Infinity : count);
const compileFile = ({ size, pieceLength }: FileText): File => ({
  sizeBytes: parseSize(size),
  pieceLengthBytes: parseSize(pieceLength),
});

/** The relay choice of the distribution, where it makes one, goes above the policy's. */
function compilePolicy(text: Record<string, unknown>, { distribution }: Configuration, policies: Catalogue): Policy {
  const policy = readPolicy(text, policies, []);
  const { relayChoice } = distribution;
  return relayChoice === 'policy' ? policy : { ...policy, relay: { ...policy.relay, choice: relayChoice } };
}

function compileLatency({ regions, latency }: Configuration, pairs: RegionPairs): number[][] {
  const matrix = regions.map(() => regions.map(() => 0));
  for (const [first, second] of pairs.all()) {
    const milliseconds = parseTime(latency[pairs.key([first, second])]);
    matrix[first]![second] = milliseconds;
    matrix[second]![first] = milliseconds;
  }
  return matrix;
}

export function compileContract({ connections, bandwidth, burst, traffic }: ContractText): Contract {
  return {
    connectionsMax: compileCount(connections),
    bytesPerSecondMax: endless('rate', bandwidth),
    burstBytes: endless('size', burst),
    traffic: Object.entries(traffic).map(([name, size]) => ({
      name,
      windowMilliseconds: parseTime(name),
      bytesMax: parseSize(size),
    })),
  };
}

function compileClient(client: ClientText, regions: readonly string[]): ClientClass {
  return {
    name: client.name,
    region: regions.indexOf(client.region),
    count: client.count,
    uplink: compileSpread(client.uplink),
    downlink: compileSpread(client.downlink),
    peerToPeer: client.peerToPeer,
    arrive: compileArrival(client.arrive),
    leave: compileDeparture(client.leave),
    abandonPerMillisecond: parseQuantity('frequency', client.abandon.rate),
    clockDrift: parseQuantity('drift', client.clockDrift),
  };
}

const compileSpread = ({ mean, spread }: { mean: string; spread: string }): Spread => ({
  meanBytesPerSecond: parseQuantity('rate', mean),
  spread: parseShare(spread),
});

function compileArrival({ at, over, poisson, seconds }: ArriveText): Arrival {
  if (seconds !== undefined) return { kind: 'list', atMilliseconds: seconds.map((second) => second * 1000) };
  const atMilliseconds = parseTime(at);
  if (over !== undefined) return { kind: 'over', atMilliseconds, overMilliseconds: parseTime(over) };
  if (poisson === undefined) return { kind: 'at-once', atMilliseconds };
  return { kind: 'poisson', atMilliseconds, perMillisecond: parseQuantity('frequency', poisson) };
}

function compileDeparture(leave: LeaveText): Departure {
  if (leave === 'never') return { kind: 'never' };
  if ('aborts' in leave) return { kind: 'aborts', share: parseShare(leave.aborts) };
  const sigma = leave.distribution === 'lognormal' ? leave.sigma : 0;
  return { kind: 'after', distribution: leave.distribution, milliseconds: parseTime(leave.after), sigma };
}

function compileTask(task: TaskText, configuration: Configuration, policies: Catalogue): Task {
  const names = configuration.clients.map(({ name }) => name);
  return {
    name: task.name,
    file: compileFile(task.file ?? configuration.file),
    startMilliseconds: parseTime(task.start),
    deadlineMilliseconds: endless('time', task.deadline),
    clients: task.clients.map((name) => names.indexOf(name)),
    band: task.band,
    weight: task.weight,
    floorBytesPerSecond: parseQuantity('rate', task.floor),
    ceilingBytesPerSecond: endless('rate', task.ceiling),
    ...(task.policy === undefined ? {} : { policy: compilePolicy(task.policy, configuration, policies) }),
  };
}

export function compileDistribution({ distribution }: Pick<Configuration, 'distribution'>): Distribution {
  const { window, share } = distribution;
  return {
    originConnections: distribution.originConnections,
    peerConnections: compileCount(distribution.peerConnections),
    speedMaxBytesPerSecond: endless('speed', distribution.speedMax),
    windowMilliseconds: [parseTime(window[0]), endless('time', window[1])],
    retries: distribution.retries,
    timeoutMilliseconds: parseTime(distribution.timeout),
    priorityPieces: distribution.priorityPieces.map(parseRange),
    protocols: distribution.protocols,
    shareMax: { origin: parseCap(share.origin), relay: parseCap(share.relay), peer: parseCap(share.peer) },
    speedFloorBytesPerSecond: parseQuantity('speed', distribution.speedFloor),
  };
}

const compileMessages = ({ loss, duplicate, reorder, delay }: MessagesText): MessageFaults => ({
  loss: parseShare(loss),
  duplicate: parseShare(duplicate),
  reorder: parseShare(reorder),
  delayMilliseconds: parseTime(delay),
});

function compilePrices({ prices }: Configuration, pairs: RegionPairs): Prices {
  return {
    currency: prices.currency,
    originPerByte: parseQuantity('pricePerByte', prices.origin),
    relayPerByte: parseQuantity('pricePerByte', prices.relay),
    peerPerByte: parseQuantity('pricePerByte', prices.peer),
    relayPerMillisecond: parseQuantity('pricePerTime', prices.relayHour),
    originPeak: {
      perBytePerSecond: parseQuantity('pricePerRate', prices.originPeak.price),
      percentile: prices.originPeak.percentile,
    },
    between: Object.entries(prices.between).map(([key, price]) => ({
      regions: pairs.pair(key, ['prices', 'between', key]),
      perByte: parseQuantity('pricePerByte', price),
    })),
  };
}

/** A fault of a relay's name alone is one of each of its members. */
function compileFault(fault: FaultText, configuration: Configuration): Fault[] {
  const atMilliseconds = parseTime(fault.at);
  const lasting =
    fault.down ?? fault.claims ?? fault.partition ?? fault.crash ?? fault.suspend ?? fault.for ?? 'forever';
  const when = { atMilliseconds, untilMilliseconds: atMilliseconds + endless('time', lasting) };
  const { relays, regions } = configuration;
  if (fault.relay !== undefined) {
    return relayIndexes(fault.relay, relays, []).map((relay) => ({ ...when, kind: 'relay-down', relay }));
  }
  if (fault.slow !== undefined) return [{ ...when, kind: 'origin-slow', factor: parseShare(fault.slow) }];
  if (fault.contract !== undefined) return [{ ...when, kind: 'contract', contract: compileContract(fault.contract) }];
  if (fault.origin !== undefined) return [{ ...when, kind: 'origin-down' }];
  if (fault.control !== undefined) {
    if (fault.claims !== undefined) return [{ ...when, kind: 'control-claims', control: fault.control }];
    return [{ ...when, kind: 'control-down', control: fault.control, ledgerLost: fault.ledger === 'lost' }];
  }
  if (fault.regions !== undefined) {
    const [first, second] = fault.regions;
    return [{ ...when, kind: 'partition', regions: [regions.indexOf(first), regions.indexOf(second)] }];
  }
  if (fault.messages !== undefined) return [{ ...when, kind: 'messages', messages: compileMessages(fault.messages) }];
  return [compileClientFault(fault, when, configuration)];
}

function compileClientFault(
  fault: FaultText,
  when: { atMilliseconds: number; untilMilliseconds: number },
  { clients }: Configuration,
): Fault {
  const clientClass = clients.findIndex(({ name }) => name === fault.clients);
  const share = parseShare(fault.share);
  if (fault.crash !== undefined) return { ...when, kind: 'clients-crash', clientClass, share };
  if (fault.suspend !== undefined) return { ...when, kind: 'clients-suspend', clientClass, share };
  const stepMilliseconds = parseQuantity('time', fault.clockStep, { negative: true });
  return { ...when, kind: 'clock-step', clientClass, share, stepMilliseconds };
}
