// Makes the package that a fleet installs: JavaScript without types, without tests and tools, with the versions of the
// lockfile. `npm run build` leaves dist/sluice-VERSION.tgz; `npm install -g` takes it wherever there is a recent Node.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist/package');
const contents = [
  'cli.ts',
  'core',
  'scenarios',
  'sim',
  'nodes',
  'viz',
  'docs',
  'packaging',
  'README.md',
  'CHANGELOG.md',
];
const left = /(^|\/)(tsconfig\.json|.*\.d\.ts)$/;

function copy(path) {
  const from = join(root, path);
  if (!existsSync(from) || left.test(path)) return;
  if (statSync(from).isDirectory()) {
    for (const name of readdirSync(from)) copy(`${path}/${name}`);
    return;
  }
  const to = join(target, path.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(to), { recursive: true });
  if (path.endsWith('.ts')) writeFileSync(to, asJavaScript(readFileSync(from, 'utf8')));
  else cpSync(from, to);
}

/** Types become blanks, so that lines and columns stay; the names of modules follow their files. */
function asJavaScript(source) {
  const plain = stripTypeScriptTypes(source);
  return plain.replace(
    /(\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|new URL\(\s*)(['"])([^'"\n]+)\.ts\2/g,
    (_, before, quote, path) => `${before}${quote}${path}.js${quote}`,
  );
}

/** What is left of package.json and of the lockfile on a machine that only runs it. */
function writePackage() {
  const { scripts, devDependencies, allowScripts, ...kept } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const made = { ...kept, bin: { sluice: 'bin/sluice.mjs' } };
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(made, null, 2)}\n`);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  const { devDependencies: _, hasInstallScript: __, ...top } = lock.packages[''];
  lock.packages = { '': { ...top, bin: made.bin }, ...Object.fromEntries(packages) };
  writeFileSync(join(target, 'npm-shrinkwrap.json'), `${JSON.stringify(lock, null, 2)}\n`);
}

const launcher = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(\`sluice: it needs Node 22.18 or later, and this is \${process.version}\\n\`);
  process.exit(1);
}
await import('../cli.js');
`;

rmSync(join(root, 'dist'), { recursive: true, force: true });
mkdirSync(join(target, 'bin'), { recursive: true });
for (const path of contents) copy(path);
cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
// The page as one file: where it is installed there is no Vite.
const page = spawnSync(process.execPath, [join(root, 'viz/command/build.ts'), join(target, 'dist/page.html')], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (page.status !== 0) process.exit(1);
writePackage();
writeFileSync(join(target, 'bin/sluice.mjs'), launcher, { mode: 0o755 });
const pack = spawnSync('npm', ['pack', '--silent', '--pack-destination', join(root, 'dist')], {
  cwd: target,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (pack.status !== 0) process.exit(1);
process.stdout.write(`dist/${pack.stdout.trim()}\n`);
