// Copies the version from the Python package, its one source, into package.json.
import { readFileSync, writeFileSync } from 'node:fs';

const python = readFileSync(new URL('../../tunemagic/__init__.py', import.meta.url), 'utf8');
const version = /^__version__ = "([^"]+)"$/m.exec(python)?.[1];
if (version === undefined) {
  throw new Error(
    'expected a line like __version__ = "1.2.3" in tunemagic/__init__.py; found none.'
  );
}
const target = new URL('../package.json', import.meta.url);
const text = readFileSync(target, 'utf8');
const updated = text.replace(/^( {2}"version": ")[^"]*(",)$/m, `$1${version}$2`);
if (updated !== text) {
  writeFileSync(target, updated);
}
