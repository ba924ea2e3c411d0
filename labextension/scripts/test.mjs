// Bundles every tests/*.test.ts with esbuild and runs them under node's own test runner.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const names = readdirSync(`${root}tests`).filter(name => name.endsWith('.test.ts'));
const outdir = `${root}build/tests`;
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: names.map(name => `${root}tests/${name}`),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: ['node20'],
  sourcemap: 'inline',
  // @lumino/coreutils asks node for random numbers by require.
  banner: {
    js: "import { createRequire as from } from 'node:module'; const require = from(import.meta.url);"
  },
  define: {
    GOLDEN_FOLDER: JSON.stringify(fileURLToPath(new URL('../../tests/golden/', import.meta.url))),
    SOURCE_FOLDER: JSON.stringify(fileURLToPath(new URL('../src/', import.meta.url))),
    CATALOGUE_FOLDER: JSON.stringify(
      fileURLToPath(new URL('../../tunemagic/i18n/', import.meta.url))
    )
  },
  logLevel: 'warning'
});
const files = names.map(name => `${outdir}/${name.replace(/\.ts$/, '.mjs')}`);
const result = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', ...files],
  {
    stdio: 'inherit'
  }
);
process.exitCode = result.status ?? 1;
