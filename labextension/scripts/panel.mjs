// Bundles the anywidget module and its style sheet, and checks their size: both travel in every
// notebook that saves widget state.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const LIMIT_BYTES = 120_000;
const LIMIT_GZIP_BYTES = 45_000;
const folder = fileURLToPath(new URL('../../tunemagic/static/', import.meta.url));

await build({
  entryPoints: { panel: fileURLToPath(new URL('../src/widget.ts', import.meta.url)) },
  outdir: folder,
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  legalComments: 'none',
  logLevel: 'warning'
});

// fflate's licence asks to go along with every copy of it.
const licence = readFileSync(new URL('../node_modules/fflate/LICENSE', import.meta.url), 'utf8');
writeFileSync(`${folder}panel.licenses.txt`, `panel.js contains fflate:\n\n${licence}`);

let bytes = 0;
let gzipBytes = 0;
for (const name of ['panel.js', 'panel.css']) {
  const content = readFileSync(folder + name);
  bytes += content.length;
  gzipBytes += gzipSync(content).length;
}
console.log(
  `panel: ${bytes} bytes, ${gzipBytes} gzipped (at most ${LIMIT_BYTES}, ${LIMIT_GZIP_BYTES})`
);
if (bytes > LIMIT_BYTES || gzipBytes > LIMIT_GZIP_BYTES) {
  throw new Error('the panel is too large; leave something out or move it to the lab extension.');
}
