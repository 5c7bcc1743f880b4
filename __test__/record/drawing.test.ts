import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { type KilohertzError, plot } from '../../index.ts';
import { ARM, Folder, unreadable } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

test('a recording is drawn as one page of SVG, which is returned and written', async (t) => {
  using folder = new Folder();
  const path = folder.at('run.svg');
  const page = await plot(ARM, { path });
  t.regex(page, /^<svg /);
  t.regex(page, /<\/svg>\s*$/);
  t.regex(page, /prefers-color-scheme/);
  t.is(readFileSync(path, 'utf8'), page);
  t.deepEqual(readdirSync(folder.path), ['run.svg']);
  t.notRegex(await plot(ARM, { colors: 'dark' }), /prefers-color-scheme/);
  t.not(await plot(ARM, { fromS: 0.1, toS: 0.2 }), page);
});

test('a page is not written over a file, nor of what cannot be drawn', async (t) => {
  using folder = new Folder();
  const [path, other] = [folder.at('run.svg'), folder.at('other.svg')];
  await plot(ARM, { path });
  t.is(((await rejection(plot(ARM, { path }))) as KilohertzError).code, 'RECORD_IO');
  const span = (await rejection(plot(ARM, { fromS: 2, toS: 1 }))) as KilohertzError;
  t.is(span.code, 'RECORD_INVALID_ARGUMENT');
  const without = (await rejection(plot(ARM, { fromS: 9, path: other }))) as KilohertzError;
  t.is(without.code, 'RECORD_INVALID_ARGUMENT');
  t.regex(without.message, /expected a part of 0 s to 0\.\d+ s, which the recording has/);
  t.false(existsSync(other));
  for (const [file, code] of unreadable(folder)) {
    t.is(((await rejection(plot(file, { path: other }))) as KilohertzError).code, code, file);
    t.false(existsSync(other));
  }
});
