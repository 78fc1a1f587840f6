/** Starts a distribution: the fields of an instruction that people set most; control checks them. */
import { button, make } from '#viz/panel.ts';

interface Field {
  name: string;
  label: string;
  example: string;
  isNeeded?: boolean;
}

const fields: Field[] = [
  { name: 'url', label: 'File at the origin', example: 'https://origin.example/package.bin', isNeeded: true },
  { name: 'name', label: 'Name', example: 'from the address' },
  { name: 'sha256', label: 'SHA-256', example: 'not checked' },
  { name: 'groups', label: 'Groups of clients', example: 'all' },
  { name: 'policy', label: 'Policy', example: 'hybrid' },
  { name: 'ceiling', label: 'Origin bandwidth at most', example: 'unlimited' },
  { name: 'deadline', label: 'Done within', example: 'never, or 2h' },
];

export function distributionForm(send: (instruction: unknown) => Promise<boolean>): HTMLElement {
  const details = make('details', 'fleet-form');
  const form = make('form');
  const inputs = new Map<string, HTMLInputElement>();
  for (const { name, label, example, isNeeded = false } of fields) {
    const line = make('label');
    const input = make('input');
    Object.assign(input, { name, placeholder: example, required: isNeeded, autocomplete: 'off' });
    if (name === 'url') input.pattern = 'https?://[^\\s?#]+';
    if (name === 'sha256') input.pattern = '[0-9a-f]{64}';
    inputs.set(name, input);
    line.append(make('span', '', label), input);
    form.append(line);
  }
  const start = button('Start', '', () => {});
  start.type = 'submit';
  start.className = 'quiet-button';
  form.append(start);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    start.disabled = true;
    const done = await send(instructionOf(inputs));
    start.disabled = false;
    if (done) form.reset();
  });
  details.append(make('summary', '', 'Start a distribution'), form);
  return details;
}

/** Fields left empty are left to control's defaults. */
function instructionOf(inputs: Map<string, HTMLInputElement>): Record<string, unknown> {
  const instruction: Record<string, unknown> = {};
  for (const [name, { value }] of inputs) {
    const text = value.trim();
    if (text === '') continue;
    if (name === 'groups') instruction.targets = { groups: text.split(/[\s,]+/) };
    else instruction[name] = text;
  }
  return instruction;
}
