/** What an assignment names, in the terms of the data path: the file, its hashes, its policy. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';
import type { LinkOptions } from '#nodes/link/control-link.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import { paths } from '#nodes/protocol/limits.ts';
import { readPolicy } from '#scenarios/format/policy-text.ts';
import { fileNameProblem } from '../files/file-name.ts';
import { fileProblem, type Manifest, parseManifest, pieceLengthFor } from '../files/manifest.ts';
import type { StoredFile } from '../files/piece-store.ts';
import { networkProblem } from '../http/address-rule.ts';
import type { RemoteFile } from '../http/range-client.ts';
import { infoOf, type Metainfo, parseInfo } from '../wire/metainfo.ts';
import { hex } from '../wire/swarm.ts';
import { CannotTake } from './node-agent.ts';

export interface AssignedFile {
  stored: StoredFile;
  metainfo: Metainfo | null;
  policy: Policy;
}

const manifestMilliseconds = 60_000;
const manifestBytesMax = 160 * 1024 * 1024;

export async function assignedFile(
  assignment: Assignment,
  link: Pick<LinkOptions, 'control' | 'token' | 'authority'>,
  stateDirectory: string,
): Promise<AssignedFile> {
  const { file } = assignment;
  const problem = fileNameProblem(file.name);
  if (problem !== undefined) throw new CannotTake('unsupported', problem);
  const policy = policyOf(assignment);
  const { growing } = assignment;
  if (growing !== undefined && assignment.manifest === undefined) {
    const { swarm, pieceLengthBytes } = growing;
    const { name, sizeBytes, sha256 } = file;
    const problem = fileProblem({ name, sizeBytes, pieceLengthBytes });
    if (problem !== undefined) throw new CannotTake('unsupported', problem);
    const stored = { name, sizeBytes, pieceLengthBytes, digest: sha256, identity: swarm };
    return { stored, metainfo: null, policy };
  }
  if (assignment.manifest === undefined || !policy.swarm.enabled) {
    const validator = file.etag ?? file.lastModified ?? '';
    const stored = {
      name: file.name,
      sizeBytes: file.sizeBytes,
      pieceLengthBytes: pieceLengthFor(file.sizeBytes),
      digest: file.sha256,
      identity: JSON.stringify([file.url, file.sizeBytes, validator]),
    };
    return { stored, metainfo: null, policy };
  }
  const manifest = await manifestOf(assignment.manifest, link, stateDirectory);
  if (manifest.sizeBytes !== file.sizeBytes) throw new CannotTake('fault', 'the manifest is of a file of another size');
  const metainfo = parseInfo(infoOf(manifest));
  if (assignment.infoHash !== undefined && assignment.infoHash !== hex(metainfo.infoHash)) {
    throw new CannotTake('fault', 'the manifest does not make the torrent that control names');
  }
  return { stored: storedFile(assignment, manifest, metainfo), metainfo, policy };
}

/** The file as it is kept once its manifest is known. */
export function storedFile({ file, growing }: Assignment, manifest: Manifest, { infoHash }: Metainfo): StoredFile {
  return {
    name: file.name,
    sizeBytes: manifest.sizeBytes,
    pieceLengthBytes: manifest.pieceLengthBytes,
    hashes: { sha1: manifest.sha1, sha256: manifest.sha256 },
    digest: file.sha256 ?? manifest.digest,
    identity: hex(infoHash),
    formerIdentity: growing?.swarm,
  };
}

/** The file at its origin, pinned. */
export function remoteOrigin({ file, access = { redirects: [], networks: [] } }: Assignment): RemoteFile {
  const { url, sizeBytes, etag, lastModified, wholeOnly, mirrors = [] } = file;
  const problem = access.networks.map(networkProblem).find((one) => one !== undefined);
  if (problem !== undefined) throw new CannotTake('unsupported', problem);
  // The query signs one URL.
  const elsewhere = { ...access, query: undefined };
  const others = mirrors.map((mirror) => ({ ...mirror, sizeBytes, access: elsewhere }));
  return { url, sizeBytes, etag, lastModified, wholeOnly, access, mirrors: others };
}

/** Whether a peer at this address is one of the task's relays. */
export function kindOfPeer({ relays }: Assignment, host: string, port: number): 'relay' | 'peer' {
  return relays.some(({ peer }) => peer?.host === host && peer.port === port) ? 'relay' : 'peer';
}

function policyOf({ policy, limits }: Assignment): Policy {
  try {
    const read = readPolicy(policy, { hybrid }, []);
    const { peerConnections, protocols } = limits;
    return {
      ...read,
      swarm: {
        ...read.swarm,
        enabled: read.swarm.enabled && protocols.includes('bittorrent'),
        peerConnections: Math.max(1, Math.min(read.swarm.peerConnections, peerConnections ?? Infinity)),
      },
      http: { ...read.http, when: protocols.includes('http') ? read.http.when : 'never' },
    };
  } catch (error) {
    throw new CannotTake('unsupported', `policy: ${(error as Error).message}`);
  }
}

/** Control's copy, kept here: a node that restarts needs no control for it. */
export async function manifestOf(
  digest: string,
  link: Pick<LinkOptions, 'control' | 'token' | 'authority'>,
  stateDirectory: string,
): Promise<Manifest> {
  const directory = join(stateDirectory, 'manifests');
  const path = join(directory, digest);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined && isDigest(kept, digest)) return parseManifest(kept.toString('utf8'));
  const bytes = await fetchManifest(digest, link);
  if (!isDigest(bytes, digest)) throw new CannotTake('fault', 'control sent another manifest than it names');
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
  return parseManifest(bytes.toString('utf8'));
}

async function fetchManifest(
  digest: string,
  { control, token, authority }: Pick<LinkOptions, 'control' | 'token' | 'authority'>,
): Promise<Buffer> {
  const dispatcher = new Agent(authority === undefined ? {} : { connect: { ca: authority } });
  try {
    const { statusCode, body } = await request(new URL(paths.manifests + digest, control), {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(manifestMilliseconds),
      dispatcher,
    });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body) {
      length += (chunk as Uint8Array).length;
      if (length > manifestBytesMax) throw new CannotTake('fault', 'the manifest is too long');
      chunks.push(chunk as Uint8Array);
    }
    if (statusCode !== 200) throw new CannotTake('fault', `control has no such manifest (status ${statusCode})`);
    return Buffer.concat(chunks);
  } finally {
    await dispatcher.destroy();
  }
}

function isDigest(bytes: Uint8Array, digest: string): boolean {
  return createHash('sha256').update(bytes).digest('hex') === digest;
}
