// Removes what a build makes, so that a release never ships a stale bundle.
import { rmSync } from 'node:fs';

for (const path of [
  '../lib',
  '../tsconfig.tsbuildinfo',
  '../../tunemagic/labextension',
  '../../tunemagic/static'
]) {
  rmSync(new URL(path, import.meta.url), { recursive: true, force: true });
}
