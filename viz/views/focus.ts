/** Which run the detail views show: a policy and one of its seeds. */
import type { Dataset, Run } from '#viz/data/dataset.ts';
import { select } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';

export function focusedRun(data: Dataset, store: Store): Run {
  const { focus, seed } = store.state;
  const indices = data.runsOf[focus] ?? data.runsOf[0]!;
  return data.runs[indices[Math.min(seed, indices.length - 1)]!]!;
}

/** "hybrid, seed 1" */
export function runName({ name, seed }: Run): string {
  return `${name}, seed ${seed}`;
}

export function focusControls(controls: HTMLElement, data: Dataset, store: Store): () => void {
  if (data.runs.length < 2) return () => {};
  const policies = data.labels.map((text, value) => ({ value, text }));
  const policy = select('Policy', policies, (focus) => store.set({ focus, seed: 0 }));
  const [first] = data.runsOf as [number[]];
  const seeds = first.map((index, value) => ({ value, text: String(data.runs[index]!.seed) }));
  const seed = select('Seed', seeds, (value) => store.set({ seed: value }));
  controls.append(policy.element, ...(seeds.length > 1 ? [seed.element] : []));
  return () => {
    policy.show(store.state.focus);
    seed.show(store.state.seed);
  };
}
