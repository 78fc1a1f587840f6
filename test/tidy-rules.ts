/** The rules of the house, as functions over a file's path and text; `tidy.test.ts` applies them. */

export interface SourceFile {
  /** From the top of the repository, with `/`. */
  path: string;
  text: string;
}

/** Gives what is wrong, one line each, opening with the line's number. */
export type Rule = (file: SourceFile) => string[];

const linesMax = 400;
const functionLinesMax = 70;
const columnsMax = 120;

/** Files that may be longer than the rest, each with its reason. */
export const longFiles: Record<string, string> = {};

/** `path: first line` of functions that may be longer, each with its reason. */
export const longFunctions: Record<string, string> = {};

interface Layer {
  name: string;
  holds: RegExp;
  /** Specifiers of imports from outside the layer. */
  mayImport: RegExp;
  instead: string;
}

/** `path specifier` of imports that a layer makes in one place only. */
const importedOnce = new Set(['core/prng.ts seedrandom']);

/** The first layer whose pattern fits is the file's. */
const layers: Layer[] = [
  {
    name: 'core',
    holds: /^core\//,
    mayImport: /^#core\//,
    instead: 'core sees itself alone; take it as an argument (chance: core/prng.ts)',
  },
  {
    name: 'sim/lab',
    holds: /^sim\/lab\//,
    mayImport: /^(#(sim|core|scenarios\/format)\/.+|node:.+|commander|hyparquet-writer|pg(-boss)?|sqlite3|yaml)$/,
    instead: 'the lab sees sim, core, scenarios/format, node: and the packages listed in test/tidy-rules.ts',
  },
  {
    name: 'sim',
    holds: /^sim\//,
    mayImport: /^(#core\/.*|#sim\/(?!lab\/).*|#scenarios\/format\/.*)$/,
    instead: 'sim sees core and scenarios/format; files, workers and clocks belong into sim/lab',
  },
  {
    name: 'scenarios/format',
    holds: /^scenarios\/format\//,
    mayImport: /^(#core\/.*|#scenarios\/format\/.*|typebox(\/.*)?|ajv(\/.*)?|yaml|node:.*)$/,
    instead: 'the format sees core, typebox, ajv, yaml and node:',
  },
  {
    name: 'nodes/protocol',
    holds: /^nodes\/protocol\//,
    mayImport: /^(#core\/.*|#nodes\/protocol\/.*|#scenarios\/format\/.*|typebox(\/.*)?)$/,
    instead: 'the protocol is schemas alone: it sees core, scenarios/format and typebox',
  },
  {
    name: 'nodes',
    holds: /^nodes\//,
    mayImport: /^(?!#(sim|viz)\/|typebox|ajv|yaml|seedrandom)/,
    instead: 'nodes see core and scenarios/format, never sim or viz',
  },
  {
    name: 'viz/command',
    holds: /^viz\/command\//,
    mayImport: /^(#core\/.*|#viz\/.*|#scenarios\/format\/.*|#sim\/lab\/.*|node:.*|vite)$/,
    instead: 'what serves and packs the page sees the page, the lab, node: and vite',
  },
  {
    name: 'viz',
    holds: /^viz\//,
    mayImport: /^(#core\/.*|#viz\/(?!command\/).*|#scenarios\/format\/.*|#sim\/lab\/statistics\.ts|d3(-.*)?)$/,
    instead: "the visualiser sees the result format, core/record.ts, the lab's statistics and d3",
  },
];

const banned: { where: RegExp; pattern: RegExp; instead: string }[] = [
  { where: /^(core|sim)\//, pattern: /\bMath\.random\b/, instead: 'draw from a Prng argument' },
  { where: /^(core|sim)\//, pattern: /\bDate\b/, instead: 'take the time as an argument' },
  {
    where: /^(core|sim)\//,
    pattern: /\b(async|await|Promise)\b/,
    instead: 'queue an effect at the host, or return the next wake-up',
  },
  {
    where: /^(core|sim)\//,
    pattern: /\bIntl\b|\.localeCompare\b|\.toLocale\w*/,
    instead: 'compare with < and format in viz or cli: locales differ between machines',
  },
  {
    where: /^(core|sim)\//,
    pattern: /\b(WeakRef|FinalizationRegistry)\b/,
    instead: 'own the lifetime: collection is not deterministic',
  },
  {
    where: /^core\//,
    pattern: /\bMath\.(log|log2|log10|log1p|exp|expm1|pow|cbrt|hypot|a?(sin|cos|tan)h?|atan2)\b/,
    instead: 'use + - * / and Math.sqrt: the last bits of this one are left to the engine (sim/distribution.ts)',
  },
  { where: /^core\//, pattern: /\*\*/, instead: 'multiply: the last bits of ** are left to the engine' },
];

/** The text without comments and without what stands in quotes; lines and columns keep their places. */
export function codeOf(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, blank);
}

function isSource({ path }: SourceFile): boolean {
  return /\.(ts|mjs|js)$/.test(path);
}

function isDeterministic({ path }: SourceFile): boolean {
  return /^(core|sim)\/(?!lab\/).*\.ts$/.test(path);
}

/** Each line that fits, by number. */
function lines(text: string, fits: (line: string) => boolean): [number: number, line: string][] {
  return text
    .split('\n')
    .map((line, index): [number, string] => [index + 1, line])
    .filter(([, line]) => fits(line));
}

interface Import {
  specifier: string;
  line: number;
  isLazy: boolean;
  isType: boolean;
}

function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm, (found) => found.replace(/[^\n]/g, ' '));
  const found = code.matchAll(/\b(?:from|import)\s*(\(?)\s*['"]([^'"]+)['"]/g);
  return [...found].map((match) => ({
    specifier: match[2]!,
    line: code.slice(0, match.index).split('\n').length,
    isLazy: match[1] === '(',
    isType: /\b(im|ex)port type\b[^;]*$/.test(code.slice(0, match.index)),
  }));
}

/** A relative specifier as the path it leads to. */
function resolved(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

export const layerImports: Rule = (file) => {
  const layer = layers.find(({ holds }) => holds.test(file.path));
  if (layer === undefined || !isSource(file)) return [];
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const target = resolved(file.path, specifier);
    const isAllowed = specifier.startsWith('.')
      ? layers.find(({ holds }) => holds.test(target)) === layer
      : layer.mayImport.test(specifier) || importedOnce.has(`${file.path} ${specifier}`);
    return isAllowed ? [] : [`${line}: ${layer.name} must not import ${specifier}; ${layer.instead}`];
  });
};

/** A relay must not load the simulator only because both start with the same command; a `command-line.ts` is a part. */
export const lazyCommandLine: Rule = (file) => {
  if (!/^cli\.ts$|\/command-line\.ts$/.test(file.path)) return [];
  const isAlways = /^(node:.*|commander|#scenarios\/format\/exit-codes\.ts|#\w+\/.*\/command-line\.ts)$/;
  const early = importsOf(file.text).filter(
    ({ specifier, isLazy, isType }) => !isLazy && !isType && !isAlways.test(specifier),
  );
  return early.map(({ specifier, line }) => `${line}: import ${specifier} lazily, where the command runs`);
};

export const determinism: Rule = (file) => {
  if (!isDeterministic(file)) return [];
  const code = codeOf(file.text);
  return banned
    .filter(({ where }) => where.test(file.path))
    .flatMap(({ pattern, instead }) =>
      lines(code, (line) => pattern.test(line)).map(
        ([number, line]) => `${number}: ${pattern.exec(line)![0]} is banned here; ${instead}`,
      ),
    );
};

/** A triple-slash reference would bring back the names that the layer's tsconfig takes away. */
export const noReferenceComments: Rule = (file) => {
  if (!/^(core|sim)\//.test(file.path) || !isSource(file)) return [];
  return lines(file.text, (line) => /^\s*\/\/\/\s*<reference/.test(line)).map(
    ([number]) => `${number}: no reference comments; use what the layer's tsconfig allows`,
  );
};

export const size: Rule = (file) => {
  if (!isSource(file)) return [];
  const count = file.text.trimEnd().split('\n').length;
  const tooLong =
    count > linesMax && longFiles[file.path] === undefined
      ? [`${count}: ${count} lines, at most ${linesMax}; move a decision of its own into its own file`]
      : [];
  const tooWide = lines(file.text, (line) => [...line].length > columnsMax).map(
    ([number, line]) => `${number}: ${[...line].length} columns, at most ${columnsMax}`,
  );
  return [...tooLong, ...tooWide, ...longFunctionsOf(file)];
};

const functionOpenings = [
  /(=>|\bfunction\b.*) \{\s*$/,
  // A method; words that open another kind of block look the same.
  /^\s*(?!(?:if|for|while|switch|catch|do|else|try|return)\b)[\w#$.\s]+(<.*>)?\(.*\)(: .+)? \{\s*$/,
  // The last line of a signature over several lines; the length counts from there.
  /^\s*\)(: .+)? \{\s*$/,
];

/** By indentation, which the formatter guarantees: a function ends at the next brace as far left. */
function longFunctionsOf({ path, text }: SourceFile): string[] {
  const source = text.split('\n');
  const code = codeOf(text).split('\n');
  return code.flatMap((line, start) => {
    if (!functionOpenings.some((opening) => opening.test(line))) return [];
    const indent = /^\s*/.exec(line)![0];
    const length = code.slice(start).findIndex((later, i) => i > 0 && later.startsWith(`${indent}}`)) + 1;
    const first = source[start]!.trim();
    if (length <= functionLinesMax || longFunctions[`${path}: ${first}`] !== undefined) return [];
    return [`${start + 1}: a function of ${length} lines, at most ${functionLinesMax}; split it: ${first}`];
  });
}

export const fileNames: Rule = ({ path }) => {
  const name = /(?:^|[/-])(utils?|helpers?|common|types|managers?)(?=[./-])/.exec(path)?.[1];
  return name === undefined ? [] : [`1: "${name}" says nothing; name the file after the thing that it holds`];
};

export const noMachinePaths: Rule = ({ text }) =>
  lines(text, (line) => /(?<![\w.])\/(?:work|root|home)\/\w/.test(line)).map(
    ([number]) => `${number}: a path of one machine; make it relative, or an option`,
  );

const registryHost = /"resolved":\s*"http|https?:\/\/(?:registry|npm|nexus|artifactory|verdaccio)\./;

export const noRegistryHosts: Rule = ({ text }) =>
  lines(text, (line) => registryHost.test(line)).map(
    ([number]) => `${number}: names a registry; .npmrc keeps them out of the lockfile (npm install again)`,
  );

/** Put together, so that this file can stand under its own rule. */
const leftOver = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${'X'.repeat(3)})\\b`);

export const nothingLeftOver: Rule = ({ text }) =>
  lines(text, (line) => leftOver.test(line)).map(
    ([number]) => `${number}: a leftover mark; do it now, or say in the documentation what is not done`,
  );
