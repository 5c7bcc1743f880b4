import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';

const FOLDER = join(import.meta.dirname, '../../dist/dashboard');
const PAGE = ['index.html', 'page.css', 'page.js'];

test('the page without its meshes is at most 300 kB, compressed', (t) => {
  const bytes = PAGE.map((name) => gzipSync(readFileSync(join(FOLDER, name))).length);
  t.true(bytes.reduce((sum, size) => sum + size) <= 300_000, bytes.join(' + '));
});

test('the page is of the files that the server knows, and asks nobody else for anything', (t) => {
  t.deepEqual(readdirSync(FOLDER).sort(), [...PAGE, 'meshes'].sort());
  const html = readFileSync(join(FOLDER, 'index.html'), 'utf8');
  t.notRegex(html, /https?:|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
  t.notRegex(readFileSync(join(FOLDER, 'page.css'), 'utf8'), /url\(|@import/);
});

for (const model of ['fr3', 'fer']) {
  test(`every mesh of the ${model} has normals of length 1`, (t) => {
    const names = readdirSync(join(FOLDER, 'meshes', model)).sort();
    const links = Array.from({ length: 8 }, (_, nth) => `link${nth}.glb`);
    t.deepEqual(names, ['finger.glb', 'hand.glb', ...links].sort());
    for (const name of names) {
      const bytes = readFileSync(join(FOLDER, 'meshes', model, name));
      const jsonLength = bytes.readUInt32LE(12);
      const json = JSON.parse(bytes.subarray(20, 20 + jsonLength).toString());
      t.is(bytes.length, bytes.readUInt32LE(8));
      const [{ attributes, indices }] = json.meshes[0].primitives;
      t.true(json.accessors[indices].count > 100);
      const { byteOffset, byteLength } =
        json.bufferViews[json.accessors[attributes.NORMAL].bufferView];
      const start = 28 + jsonLength + byteOffset;
      for (let at = start; at < start + byteLength; at += 4) {
        const length = Math.hypot(...[0, 1, 2].map((axis) => bytes.readInt8(at + axis))) / 127;
        if (Math.abs(length - 1) > 0.02) return t.fail(`${name}: ${length}`);
      }
    }
    return undefined;
  });
}
