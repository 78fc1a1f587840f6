/** Opaque tokens: 256 bits by chance, kept only as their hash, so that whoever reads the database can use none. */
import { createHash, randomBytes } from 'node:crypto';

export function newToken(): string {
  return `sluice_${randomBytes(32).toString('base64url')}`;
}

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Names that control makes: of tasks and sessions. Short enough to be typed. */
export function newIdentity(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString('hex')}`;
}
