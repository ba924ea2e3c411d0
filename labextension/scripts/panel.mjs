// Bundles the anywidget modules and their style sheets, and checks their size: both travel in every
// notebook that saves widget state.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

// At most so many bytes, plain and gzipped.
const LIMITS = { panel: [120_000, 45_000], demo: [16_000, 7_000] };
const folder = fileURLToPath(new URL('../../tunemagic/static/', import.meta.url));

await build({
  entryPoints: {
    panel: fileURLToPath(new URL('../src/widget.ts', import.meta.url)),
    demo: fileURLToPath(new URL('../src/demo.ts', import.meta.url))
  },
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

for (const [name, [limit, gzipLimit]] of Object.entries(LIMITS)) {
  let bytes = 0;
  let gzipBytes = 0;
  for (const ending of ['js', 'css']) {
    const content = readFileSync(`${folder}${name}.${ending}`);
    bytes += content.length;
    gzipBytes += gzipSync(content).length;
  }
  console.log(`${name}: ${bytes} bytes, ${gzipBytes} gzipped (at most ${limit}, ${gzipLimit})`);
  if (bytes > limit || gzipBytes > gzipLimit) {
    throw new Error(
      `the ${name} is too large; leave something out or move it to the lab extension.`
    );
  }
}
