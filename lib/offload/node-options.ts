// Which of this program's Node options a Node child and a thread start with. docs/offloading.md has the rule.

import { existsSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';
import { upwards, workingFolder } from './folders.ts';

/**
 * What an option names, as far as it has to be made independent of the working directory: a `module` of `--import`, a
 * `file` of `--require`, a `loader`, a `path`; `other` is any other value or none.
 */
type Names = 'module' | 'file' | 'loader' | 'path' | 'other';

/** Options that a thread has for itself, apart from the process. They are passed on to threads and to children. */
const OF_A_THREAD: Readonly<Record<string, Names>> = {
  // How modules are found and loaded.
  '--import': 'module',
  '--require': 'file',
  '--loader': 'loader',
  '--experimental-loader': 'loader',
  ...others(`--conditions --preserve-symlinks --preserve-symlinks-main --enable-source-maps --addons
    --global-search-paths --strip-types --experimental-strip-types --experimental-transform-types
    --experimental-default-type --experimental-specifier-resolution --experimental-detect-module --require-module
    --experimental-require-module --experimental-wasm-modules --experimental-vm-modules
    --experimental-import-meta-resolve --experimental-json-modules --experimental-network-imports`),
  // What the language and its globals are.
  ...others(`--frozen-intrinsics --unhandled-rejections --force-node-api-uncaught-exceptions-policy
    --experimental-fetch --experimental-global-customevent --experimental-global-navigator
    --experimental-global-webcrypto --experimental-websocket --experimental-eventsource`),
  // What it warns of.
  ...others(`--warnings --disable-warning --deprecation --pending-deprecation --throw-deprecation
    --trace-deprecation --trace-warnings --trace-uncaught`),
  // How it talks to the network.
  ...others(`--dns-result-order --network-family-autoselection --enable-network-family-autoselection
    --network-family-autoselection-attempt-timeout --insecure-http-parser --max-http-header-size
    --tls-min-v1.0 --tls-min-v1.1 --tls-min-v1.2 --tls-min-v1.3 --tls-max-v1.2 --tls-max-v1.3`),
  // What it may do.
  '--allow-fs-read': 'path',
  '--allow-fs-write': 'path',
  ...others(`--permission --experimental-permission --allow-addons --allow-child-process --allow-worker
    --allow-wasi --allow-net --allow-inspector`),
};

/** Options that hold for a whole process. A thread has them without being told, and a child does not. */
const OF_A_PROCESS: Readonly<Record<string, Names>> = {
  ...others(`--experimental-sqlite --experimental-webstorage --disable-proto
    --disallow-code-generation-from-strings --use-strict --jitless --expose-gc --stack-trace-limit`),
  '--icu-data-dir': 'path',
  // How much memory there is.
  ...others(`--max-old-space-size --max-old-space-size-percentage --initial-old-space-size --max-semi-space-size
    --min-semi-space-size --semi-space-growth-factor --max-heap-size --initial-heap-size --stack-size
    --optimize-for-size --zero-fill-buffers --secure-heap --secure-heap-min --v8-pool-size`),
  ...others(`--tls-cipher-list --use-openssl-ca --use-bundled-ca --use-system-ca --openssl-legacy-provider
    --openssl-shared-config --enable-fips --force-fips --use-env-proxy`),
  '--openssl-config': 'path',
  '--experimental-config-file': 'path',
};

/** Options of V8 that change the language, by the beginnings of their names. */
const OF_THE_LANGUAGE = /^--(harmony|js)-/;

const SHORT: Readonly<Record<string, string>> = { '-r': '--require', '-C': '--conditions' };

function others(names: string): Record<string, Names> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, 'other']));
}

/** How the program was started: its options, those in its environment, and its working directory. */
interface Start {
  readonly options: readonly string[];
  readonly environment: readonly string[];
  readonly folder: string;
}

/** The name under which the threads of this program find how it was started. */
const START = 'kilohertz: how the program was started';

const start: Start = startOfProgram();

function startOfProgram(): Start {
  const told = getEnvironmentData(START) as Start | undefined;
  if (told) return told;
  const begun: Start = {
    options: process.execArgv,
    environment: wordsOf(process.env['NODE_OPTIONS']),
    folder: workingFolder(),
  };
  // Only the first thread knows it all: other threads may have options of their own.
  if (threadId === 0) setEnvironmentData(START, begun);
  return begun;
}

/** Returns the options with which a Node child starts. */
export function childOptions(): string[] {
  return forChildren(process.execArgv, start.options);
}

/** Returns this program's environment with the `NODE_OPTIONS` that Node children start with. */
export function passedEnvironment(): NodeJS.ProcessEnv {
  return environmentWith(forChildren(wordsOf(process.env['NODE_OPTIONS']), start.environment));
}

/** Returns options of a `Worker`: the Node options of its thread, and its environment if that has to be another. */
export function threadOptions(): { execArgv: string[]; env?: NodeJS.ProcessEnv } {
  const execArgv = passedOn(process.execArgv, isPassedToThreads);
  const { NODE_OPTIONS } = process.env;
  if (NODE_OPTIONS === undefined) return { execArgv };
  // Node starts no thread with options in its environment that hold for the process, unless the program has the same.
  const own = passedOn(wordsOf(NODE_OPTIONS), isPassedToThreads);
  return { execArgv, env: environmentWith(own) };
}

/**
 * Returns the options of a child. `own` are those of this thread, which may have been started without those that hold for
 * the whole process: `program` has them.
 */
function forChildren(own: readonly string[], program: readonly string[]): string[] {
  const passed = passedOn(own, isPassedToChildren);
  if (threadId === 0) return passed;
  const ofProcess = passedOn(
    program,
    (name) => isPassedToChildren(name) && !isPassedToThreads(name),
  );
  return [...ofProcess.filter((option) => !passed.includes(option)), ...passed];
}

function environmentWith(options: readonly string[]): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, ...env } = process.env;
  return options.length === 0 ? env : { ...env, NODE_OPTIONS: options.map(quoted).join(' ') };
}

function isPassedToThreads(name: string): boolean {
  return Object.hasOwn(OF_A_THREAD, name);
}

function isPassedToChildren(name: string): boolean {
  return isPassedToThreads(name) || Object.hasOwn(OF_A_PROCESS, name) || OF_THE_LANGUAGE.test(name);
}

/** Returns the options that are passed on, each as one word. What they name is found from any working directory. */
function passedOn(words: readonly string[], isPassed: (name: string) => boolean): string[] {
  const passed: string[] = [];
  for (let nth = 0; nth < words.length; ) {
    const word = words[nth] as string;
    nth += 1;
    let [written = '', value] = partsOf(word);
    // A word that does not begin with a dash is the value of the option before it.
    while (nth < words.length && !words[nth]?.startsWith('-')) {
      value ??= words[nth];
      nth += 1;
    }
    const long = SHORT[written] ?? written.replaceAll('_', '-');
    const name = long.replace(/^--no-/, '--');
    if (isPassed(name)) passed.push(value === undefined ? long : independent(long, value));
  }
  return passed;
}

/** Returns the name of an option, and the value that is written behind it. */
function partsOf(word: string): [name: string, value?: string] {
  const at = word.indexOf('=');
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

/** Returns an option with a value that does not depend on the working directory. */
function independent(name: string, value: string): string {
  switch (OF_A_THREAD[name] ?? OF_A_PROCESS[name]) {
    case 'module':
      return `${name}=${moduleUrl(value) ?? importing(value)}`;
    case 'file':
      return `${name}=${required(value)}`;
    case 'loader': {
      const url = moduleUrl(value);
      return url === undefined ? `--import=${registering(value)}` : `${name}=${url}`;
    }
    case 'path':
      return `${name}=${value.split(',').map(pathOf).join(',')}`;
    default:
      return `${name}=${value}`;
  }
}

/**
 * The folders from which the program may have been started, the likeliest first. A program may have changed its working
 * directory before it imported this package; it was mostly started in its own folder or above it.
 */
function folders(): string[] {
  const { PWD } = process.env;
  const [, program] = process.argv;
  return [
    start.folder,
    ...(PWD?.startsWith('/') ? [PWD] : []),
    ...(program?.startsWith('/') ? upwards(dirname(program)) : []),
  ];
}

/** Returns the folder from which a package is found. */
function folderWith(name: string): string {
  const parts = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
  const has = (folder: string): boolean => existsSync(join(folder, 'node_modules', ...parts));
  return folders().find((folder) => upwards(folder).some(has)) ?? start.folder;
}

function pathOf(path: string): string {
  if (path === '*' || path === '') return path;
  const paths = folders().map((folder) => resolve(folder, path));
  return paths.find(existsSync) ?? (paths[0] as string);
}

/** Returns the URL of a module that is named by its path or URL; undefined for one that is found by its name. */
function moduleUrl(name: string): string | undefined {
  if (isBuiltin(name) || (URL.canParse(name) && !name.startsWith('/'))) return name;
  if (!/^\.{0,2}\//.test(name)) return undefined;
  const urls = folders().map((folder) => new URL(name, `${pathToFileURL(folder)}/`));
  return (urls.find((url) => existsSync(url)) ?? (urls[0] as URL)).href;
}

function required(name: string): string {
  for (const folder of folders()) {
    try {
      return createRequire(`${folder}/`).resolve(name);
    } catch {
      // Node says what is missing, when it starts.
    }
  }
  return name;
}

/**
 * Returns the URL of a module that imports a package as a module of the program's folder does. Only a script can be told
 * from which folder it imports. Node warns that this is experimental; nobody has asked for it, so the warning is dropped.
 */
function importing(name: string): string {
  const place = JSON.stringify(join(folderWith(name), '--import'));
  const script = JSON.stringify(`import(${JSON.stringify(name)})`);
  return dataUrl(
    `import vm from 'node:vm'; const { emitWarning } = process; process.emitWarning = () => {}; ` +
      `const script = new vm.Script(${script}, { filename: ${place}, ` +
      'importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }); ' +
      'const imported = script.runInThisContext(); process.emitWarning = emitWarning; await imported;',
  );
}

/** Returns the URL of a module that registers a loader which is found from the program's folder by its name. */
function registering(name: string): string {
  const folder = JSON.stringify(`${pathToFileURL(folderWith(name))}/`);
  return dataUrl(
    `import { register } from 'node:module'; register(${JSON.stringify(name)}, ${folder});`,
  );
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Returns the words of `NODE_OPTIONS`, as Node reads them: a word with spaces is in double quotes. */
function wordsOf(text = ''): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let nth = 0; nth < text.length; nth += 1) {
    const letter = text[nth] as string;
    if (letter === '"') {
      isQuoted = !isQuoted;
      word ??= '';
    } else if (letter === ' ' && !isQuoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      if (letter === '\\' && isQuoted) nth += 1;
      word = (word ?? '') + (text[nth] ?? '');
    }
  }
  return word === undefined ? words : [...words, word];
}

function quoted(word: string): string {
  return /[ "\\]/.test(word) ? `"${word.replace(/[\\"]/g, '\\$&')}"` : word;
}
