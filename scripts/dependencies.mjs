// What is linked and installed.
//
//   node scripts/dependencies.mjs deny   licences, bans and sources of the crates, by deny.toml
//   node scripts/dependencies.mjs sbom   CycloneDX bills of materials: target/sbom/npm.cdx.json for the
//                                        npm package, target/sbom/cargo.cdx.json for the native binding

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cargoTool } from './cargo-tools.mjs';
import { step } from './steps.mjs';
import { Missing, orExplain, root } from './toolchain.mjs';

const parts = {
  deny() {
    const what = ['--locked', 'check', 'licenses', 'bans', 'sources'];
    step('cargo deny', cargoTool('cargo-deny'), what);
  },
  sbom() {
    const folder = join(root, 'target', 'sbom');
    mkdirSync(folder, { recursive: true });
    const said = execFileSync(
      'npm',
      ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--omit=dev'],
      { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    writeFileSync(join(folder, 'npm.cdx.json'), said);
    // It writes one file beside each manifest of the workspace.
    const name = 'sbom.cdx';
    const what = ['--format=json', '--spec-version=1.5', '--target=all', '--all-features'];
    try {
      step('cargo cyclonedx', cargoTool('cargo-cyclonedx'), [
        'cyclonedx',
        ...what,
        `--override-filename=${name}`,
      ]);
      const written = join(root, 'crates', 'kilohertz-node', `${name}.json`);
      renameSync(written, join(folder, 'cargo.cdx.json'));
    } finally {
      for (const crate of readdirSync(join(root, 'crates'))) {
        rmSync(join(root, 'crates', crate, `${name}.json`), { force: true });
      }
    }
    console.error(`written to ${folder}`);
  },
};

await orExplain(() => {
  const [name] = process.argv.slice(2);
  if (!parts[name]) throw new Missing('say what: deny or sbom.');
  parts[name]();
});
