/** The client's policy as options of the command line give it: hybrid, with the knobs that were set. */
import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';
import { Problem } from '#scenarios/format/error.ts';
import { readPolicy } from '#scenarios/format/policy-text.ts';

/** `settings`: `fallback.hold=5s` and the like, as `sluice run --set policy.…` takes them. */
export function policyFrom(settings: string[]): Policy {
  const text: Record<string, unknown> = { extends: 'hybrid' };
  for (const setting of settings) {
    const split = setting.indexOf('=');
    const [group = '', knob] = setting.slice(0, split).split('.', 2);
    const value = setting.slice(split + 1);
    if (knob === undefined) throw configurationError(`--set ${setting}: it takes group.knob=value`);
    text[group] = { ...(text[group] as object | undefined), [knob]: plain(value) };
  }
  try {
    return readPolicy(text, { hybrid }, []);
  } catch (error) {
    if (error instanceof Problem) throw configurationError(`--set ${error.path.join('.')}: ${error.message}`);
    throw error;
  }
}

function plain(value: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (value === 'true' || value === 'false') return value === 'true';
  return value.startsWith('[')
    ? value
        .slice(1, -1)
        .split(',')
        .map((one) => one.trim())
    : value;
}

export function configurationError(message: string): Error {
  return Object.assign(new Error(message), { exitCode: 3 });
}
