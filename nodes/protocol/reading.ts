/**
 * Messages from their bytes: whatever arrives is hostile until it fits the schema. Bad ones end in a text that says
 * what is wrong where, never in an exception and never in a half-read message.
 */
import type * as Type from 'typebox';
import { Compile } from 'typebox/compile';
import { fromControl } from './from-control.ts';
import { fromNode } from './from-node.ts';
import { controlMessageBytesMax, messageBytesMax } from './limits.ts';
import { enrolRequest, type PollResponse, pollRequest, pollResponse } from './polling.ts';

export type Reading<Message> = { message: Message } | { problem: string };

/** A schema for each `kind`: an error then speaks of the message meant, not of all that it is not. */
function readerOf<Schema extends Type.TUnion>(union: Schema, bytesMax: number) {
  const byKind = new Map(
    union.anyOf.map((schema) => {
      const { properties } = schema as Type.TObject;
      return [(properties.kind as Type.TLiteral<string>).const, Compile(schema as Type.TObject)] as const;
    }),
  );
  const kinds = [...byKind.keys()].join(', ');
  return (data: string | Uint8Array): Reading<Type.Static<Schema>> => {
    if (byteLength(data) > bytesMax) return { problem: `longer than ${bytesMax} bytes` };
    const value = parse(data);
    if ('problem' in value) return value;
    const message = value.message;
    if (typeof message !== 'object' || message === null) return { problem: 'not an object' };
    const { kind } = message as { kind?: unknown };
    const schema = byKind.get(kind as string);
    if (schema === undefined) return { problem: `kind: ${JSON.stringify(kind)?.slice(0, 80)} is none of ${kinds}` };
    if (schema.Check(message)) return { message: message as Type.Static<Schema> };
    const [error] = schema.Errors(message);
    const says = error?.message === 'schema is false' ? 'no such field' : (error?.message ?? 'malformed');
    return { problem: `${String(kind)}${error?.instancePath ?? ''}: ${says}` };
  };
}

export const readFromNode = readerOf(fromNode, messageBytesMax);
export const readFromControl = readerOf(fromControl, controlMessageBytesMax);

/** A reader of values whose length was bounded where they were received. */
function checking<Schema extends Type.TSchema>(schema: Schema) {
  const compiled = Compile(schema);
  return (message: unknown): Reading<Type.Static<Schema>> => {
    if (compiled.Check(message)) return { message: message as Type.Static<Schema> };
    const [error] = compiled.Errors(message);
    return { problem: `${error?.instancePath || 'the body'}: ${error?.message ?? 'malformed'}` };
  };
}

export const readPollRequest = checking(pollRequest);
export const readEnrolRequest = checking(enrolRequest);
const checkPollResponse = checking(pollResponse);

export function readPollResponse(text: string): Reading<PollResponse> {
  const value = parse(text);
  return 'problem' in value ? value : checkPollResponse(value.message);
}

function byteLength(data: string | Uint8Array): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
}

function parse(data: string | Uint8Array): Reading<unknown> {
  try {
    return {
      message: JSON.parse(typeof data === 'string' ? data : new TextDecoder('utf-8', { fatal: true }).decode(data)),
    };
  } catch (error) {
    return { problem: `not JSON: ${(error as Error).message.slice(0, 120)}` };
  }
}
