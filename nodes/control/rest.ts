/** The REST API of operators: tasks, origins, nodes, tokens. Bodies are read by the readers of the protocol alone. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { instructionSchema, originSchema, tokenSchema } from '#nodes/protocol/instruction.ts';
import { standardSchema } from '#scenarios/format/schema.ts';
import type { Permit, TokenRecord } from '../store/records.ts';
import type { Control } from './control.ts';
import { makeToken, revokeNode } from './enrolment.ts';
import { liveState, liveTask } from './live-state.ts';
import { shownOrigin } from './origin-reach.ts';
import { Refused } from './refusal.ts';
import { reportOf } from './report.ts';
import type { Rights } from './rights.ts';

const bodyOf = (schema: unknown) => ({ body: standardSchema(schema) as object });
const named = (request: FastifyRequest): string => (request.params as { name: string }).name;
const identified = (request: FastifyRequest): string => (request.params as { id: string }).id;
const clientsPageMax = 1_000;

export function addRoutes(app: FastifyInstance, control: Control, rights: Rights): void {
  const require = (request: FastifyRequest, permit: Permit): Promise<TokenRecord> =>
    rights.require(request.raw, [permit]);
  addTaskRoutes(app, control, require);
  addOriginRoutes(app, control, require);

  app.get('/api/state', { schema: { summary: 'The state of the whole fleet' } }, async (request) => {
    await require(request, 'view');
    return liveState(control, Date.now());
  });
  app.get('/api/nodes', { schema: { summary: 'All nodes' } }, async (request) => {
    await require(request, 'view');
    return [...control.fleet.nodes.values()].map(({ record, session }) => ({
      node: record.name,
      role: record.role,
      groups: record.groups,
      region: record.hello?.region ?? null,
      software: record.hello?.software ?? null,
      peerToPeer: record.hello?.peerToPeer ?? null,
      uplinkBytesPerSecond: record.hello?.relay?.sendBytesPerSecondMax ?? record.hello?.uplinkBytesPerSecond ?? null,
      downlinkBytesPerSecond: record.hello?.downlinkBytesPerSecond ?? null,
      connected: session !== undefined,
      seenAt: record.seenAtMilliseconds === undefined ? null : new Date(record.seenAtMilliseconds).toISOString(),
    }));
  });
  app.delete('/api/nodes/:name', { schema: { summary: 'End the tokens of a node, and its line' } }, async (request) => {
    await require(request, 'operate');
    await revokeNode(control, named(request), Date.now());
    return { node: named(request), revoked: true };
  });
  const summary = 'Make a token: of a node, of a fleet, of an operator';
  app.post('/api/tokens', { schema: { summary, ...bodyOf(tokenSchema) } }, async (request, reply) => {
    await require(request, 'operate');
    reply.code(201);
    return makeToken(control, request.body, Date.now());
  });
}

type Require = (request: FastifyRequest, permit: Permit) => Promise<TokenRecord>;

function addTaskRoutes(app: FastifyInstance, control: Control, require: Require): void {
  const publish = { summary: 'Distribute a file', ...bodyOf(instructionSchema) };
  app.post('/api/tasks', { schema: publish }, async (request, reply) => {
    const { holder, groups } = await require(request, 'operate');
    const key = request.headers['idempotency-key'];
    if (key !== undefined && !/^[\w-]{1,128}$/.test(String(key))) {
      throw new Refused('invalid', 'letters, digits, "_" and "-", at most 128', 'Idempotency-Key');
    }
    const entry = await control.publish(request.body, { name: holder, origins: groups }, key as string | undefined);
    reply.code(201);
    return { ...liveTask(entry), estimate: entry.record.estimate, manifest: entry.record.manifest ?? null };
  });
  app.get('/api/tasks', { schema: { summary: 'All tasks' } }, async (request) => {
    await require(request, 'view');
    return [...control.tasks.tasks.values()].map(liveTask);
  });
  app.get('/api/tasks/:id', { schema: { summary: 'One task' } }, async (request) => {
    await require(request, 'view');
    const entry = control.task(identified(request));
    const { instruction, estimate, file } = entry.record;
    return { ...liveTask(entry), instruction, estimate, file };
  });
  app.get('/api/tasks/:id/report', { schema: { summary: 'What the distribution came to' } }, async (request) => {
    await require(request, 'view');
    return reportOf(control.task(identified(request)), control);
  });
  app.get('/api/tasks/:id/clients', { schema: { summary: 'Clients of a task, by name' } }, async (request) => {
    await require(request, 'view');
    const { after = '' } = request.query as { after?: string };
    const rows = [...control.task(identified(request)).clients.values()].filter(({ client }) => client > String(after));
    rows.sort((left, right) => (left.client < right.client ? -1 : 1));
    return rows.slice(0, clientsPageMax).map(({ client, relay, state, progress }) => ({
      client,
      relay: relay ?? null,
      state,
      progress: progress ?? null,
    }));
  });
  for (const [verb, state] of [
    ['pause', 'paused'],
    ['resume', 'active'],
    ['cancel', 'cancelled'],
  ] as const) {
    app.post(`/api/tasks/:id/${verb}`, { schema: { summary: `The task is ${state} from now on` } }, async (request) => {
      const { holder, groups } = await require(request, 'operate');
      const entry = allowed(control, identified(request), groups);
      await control.setState(entry, state, holder);
      return liveTask(entry);
    });
  }
  const change = { summary: 'Change limits at run time: parts of an instruction', body: { type: 'object' } };
  app.patch('/api/tasks/:id', { schema: change }, async (request) => {
    const { holder, groups } = await require(request, 'operate');
    const entry = allowed(control, identified(request), groups);
    if (typeof request.body !== 'object' || request.body === null) throw new Refused('invalid', 'an object is needed');
    await control.limit(entry, request.body as Record<string, unknown>, holder);
    return { ...liveTask(entry), instruction: entry.record.instruction };
  });
}

function allowed(control: Control, id: string, origins: string[]) {
  const entry = control.task(id);
  if (origins.length === 0 || origins.includes(entry.record.origin)) return entry;
  throw new Refused('forbidden', `the token is not for the origin "${entry.record.origin}"`);
}

function addOriginRoutes(app: FastifyInstance, control: Control, require: Require): void {
  const requireFor = async (request: FastifyRequest): Promise<TokenRecord> => {
    const token = await require(request, 'operate');
    if (token.groups.length > 0 && !token.groups.includes(named(request))) {
      throw new Refused('forbidden', `the token is not for the origin "${named(request)}"`);
    }
    return token;
  };
  app.get('/api/origins', { schema: { summary: 'All origins and their contracts' } }, async (request) => {
    await require(request, 'view');
    return [...control.origins.values()].map(shownOrigin);
  });
  const put = { summary: 'Add an origin, or change its contract', ...bodyOf(originSchema) };
  app.put('/api/origins/:name', { schema: put }, async (request) => {
    const { holder, groups } = await requireFor(request);
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(named(request))) {
      throw new Refused('invalid', 'letters, digits, "_", "." and "-", at most 64', 'name');
    }
    const { ledger } = request.query as { ledger?: string };
    if (ledger !== undefined && ledger !== 'lost') throw new Refused('invalid', 'it is "lost" or absent', 'ledger');
    const publisher = { name: holder, origins: groups };
    return shownOrigin(await control.putOrigin(named(request), request.body, ledger === 'lost', publisher));
  });
  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    const says = paused ? 'Nobody may use the origin' : 'The origin may be used again';
    app.post(`/api/origins/:name/${verb}`, { schema: { summary: says } }, async (request) => {
      const { holder } = await requireFor(request);
      return shownOrigin(await control.pauseOrigin(named(request), paused, holder));
    });
  }
}
