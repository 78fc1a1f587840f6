/** Certificates as files: what a server shows, and whom a node trusts. */
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';

export interface TlsFiles {
  tlsKey?: string;
  tlsCertificate?: string;
}

export interface ServerTls {
  key: string;
  cert: string;
}

/** Absent: plain HTTP. */
export function readTls({ tlsKey, tlsCertificate }: TlsFiles): ServerTls | undefined {
  if (tlsKey === undefined && tlsCertificate === undefined) return undefined;
  if (tlsKey === undefined || tlsCertificate === undefined) {
    throw new Stop(exitCodes.usage, '--tls-key and --tls-certificate belong together');
  }
  try {
    return { key: readFileSync(tlsKey, 'utf8'), cert: readFileSync(tlsCertificate, 'utf8') };
  } catch (error) {
    throw new Stop(exitCodes.invalid, `TLS: ${(error as Error).message}`);
  }
}

/** Whoever signed the certificates of control, relays and their trackers, beside those whom the machine trusts. */
export function trustAuthority(path: string | undefined): void {
  if (path === undefined) return;
  try {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(path, 'utf8')]);
  } catch (error) {
    throw new Stop(exitCodes.usage, `--authority ${path}: ${(error as Error).message}`);
  }
}
