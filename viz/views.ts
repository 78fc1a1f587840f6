/** The views in the order of the page. A new view is one file and a line here. */
import type { Sources, View } from './panel.ts';
import { bytes } from './views/bytes.ts';
import { compare } from './views/compare.ts';
import { completion } from './views/completion.ts';
import { decision } from './views/decision.ts';
import { fallback } from './views/fallback.ts';
import { origin } from './views/origin.ts';
import { parameters } from './views/parameters.ts';
import { player } from './views/player.ts';
import { swarm } from './views/swarm.ts';

export interface ViewDefinition {
  id: string;
  title: string;
  /** About as high as it will be, before it is drawn. */
  heightPixels: number;
  fits(sources: Sources): boolean;
  view: View;
}

const always = () => true;
const withStudy = ({ data }: Sources) => data.study !== null;
const withTrace = ({ trace }: Sources) => trace !== null;
const withRuns = ({ data }: Sources) => data.runs.length > 0;

export const views: readonly ViewDefinition[] = [
  { id: 'decision', title: 'Decision', heightPixels: 700, fits: always, view: decision },
  { id: 'completion', title: 'Completion', heightPixels: 560, fits: withRuns, view: completion },
  { id: 'bytes', title: 'Bytes by source', heightPixels: 460, fits: withRuns, view: bytes },
  { id: 'origin', title: 'Origin', heightPixels: 520, fits: withRuns, view: origin },
  { id: 'fallback', title: 'Fallback', heightPixels: 420, fits: withRuns, view: fallback },
  { id: 'swarm', title: 'Swarm', heightPixels: 200, fits: withRuns, view: swarm },
  { id: 'player', title: 'Player', heightPixels: 420, fits: withTrace, view: player },
  { id: 'parameters', title: 'Parameters', heightPixels: 900, fits: withStudy, view: parameters },
  { id: 'compare', title: 'Compare', heightPixels: 480, fits: withRuns, view: compare },
];
