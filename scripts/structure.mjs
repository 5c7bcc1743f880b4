// Looks at how the files of each crate, and of the package in Python, depend on each other: no circle of files, and
// none of more than 600 lines without a reason in its head ("// long: why"). Tests are left out. For TypeScript biome
// does the same.
//
//   node scripts/structure.mjs

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Missing, orExplain, root } from './toolchain.mjs';

const LONGEST = 600;

/** The files of a crate by their module's path; the crate's own root has none and is left out. */
function modulesOf(src) {
  const files = readdirSync(src, { recursive: true }).filter((file) => file.endsWith('.rs'));
  return new Map(
    files
      .filter((file) => file !== 'lib.rs' && !/(^|\/)tests?\.rs$/.test(file))
      .map((file) => [
        file.replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::'),
        readFileSync(join(src, file), 'utf8'),
      ]),
  );
}

/** The text without its modules of tests: one in the same file, which is its end, or one in a file of its own. */
function withoutTests(text) {
  const tests = /^#\[cfg\((?:all\()?test\b.*\n(?:#\[[^\]]*\]\n)*mod \w+(?: \{[\s\S]*|;\n)/gm;
  return text.replaceAll(tests, '');
}

/** The text without tests and comments. */
function code(text) {
  return withoutTests(text).replaceAll(/\/\/.*$/gm, '');
}

/** Every path that is written after `crate::` or `super::`, groups taken apart. */
function* pathsIn(text, module) {
  const parent = module.split('::').slice(0, -1);
  for (const [, start, rest] of text.matchAll(/\b(crate|super)::((?:\w+::)*(?:\w+|\{[^}]*\}))/g)) {
    const base = start === 'crate' ? [] : parent;
    const group = rest.match(/^((?:\w+::)*)\{([^}]*)\}$/);
    const ends = group ? group[2].split(',').map((end) => group[1] + end.trim()) : [rest];
    for (const end of ends) yield [...base, ...end.split('::')].filter(Boolean);
  }
}

/** Which modules each one names. */
function dependencies(modules) {
  const found = (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const name = path.slice(0, length).join('::');
      if (modules.has(name)) return name;
    }
  };
  return new Map(
    [...modules].map(([module, text]) => {
      const bare = code(text);
      const named = new Set([...pathsIn(bare, module)].map(found));
      // A module names its children without `self::`.
      for (const child of modules.keys()) {
        const [, name] = child.match(/^(?:.*::)?(\w+)$/);
        const isOwn = child === `${module}::${name}`;
        if (isOwn && new RegExp(`\\b${name}::`).test(bare)) named.add(child);
      }
      named.delete(undefined);
      named.delete(module);
      return [module, named];
    }),
  );
}

/** A way from `module` back to itself, if there is one. */
function circle(graph, module) {
  const cameFrom = new Map([[module, undefined]]);
  const queue = [module];
  for (const at of queue) {
    for (const next of graph.get(at)) {
      if (next === module) {
        const way = [module];
        for (let step = at; step !== undefined; step = cameFrom.get(step)) way.unshift(step);
        return way;
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, at);
        queue.push(next);
      }
    }
  }
}

/** The circles in a graph of files, each told once. */
function circlesIn(what, graph) {
  const told = new Set();
  const circles = [];
  for (const module of graph.keys()) {
    const way = told.has(module) ? undefined : circle(graph, module);
    if (!way) continue;
    for (const each of way) told.add(each);
    circles.push(`${what}: a circle of files: ${way.join(' -> ')}`);
  }
  return circles;
}

function complaints(crate) {
  const modules = modulesOf(join(root, 'crates', crate, 'src'));
  const long = [...modules].flatMap(([module, text]) => {
    const lines = withoutTests(text).split('\n').length - 1;
    const isArgued = /^\/\/ long: \S/m.test(text.slice(0, 2_000));
    return lines <= LONGEST || isArgued
      ? []
      : [`${crate}: ${module} has ${lines} lines without its tests; expected at most ${LONGEST}`];
  });
  return [...circlesIn(crate, dependencies(modules)), ...long];
}

/** The same of the package in Python, whose modules name each other as `from .name import ...`. */
function complaintsOfPython() {
  const folder = join(root, 'lib', 'offload', 'python', '_kilohertz');
  const texts = readdirSync(folder)
    .filter((file) => file.endsWith('.py'))
    .map((file) => [file.replace('.py', ''), readFileSync(join(folder, file), 'utf8')]);
  const names = (text) => [...text.matchAll(/^\s*from \.(\w*) import/gm)];
  const graph = new Map(
    texts.map(([module, text]) => [module, names(text).map(([, name]) => name || '__init__')]),
  );
  const long = texts
    .map(([module, text]) => ({ module, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LONGEST)
    .map(
      ({ module, lines }) =>
        `_kilohertz: ${module} has ${lines} lines; expected at most ${LONGEST}`,
    );
  return [...circlesIn('_kilohertz', graph), ...long];
}

await orExplain(() => {
  const all = [...readdirSync(join(root, 'crates')).flatMap(complaints), ...complaintsOfPython()];
  if (all.length > 0) throw new Missing(all.join('\n'));
  console.error(
    `no circles below ${relative(root, join(root, 'crates'))}/ nor in Python, and no file is too long`,
  );
});
