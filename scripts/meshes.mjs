// Makes the meshes of the page from those of the crate `franka-description`: the parts of a link become one mesh with
// its colours in the vertices, so that a link is drawn at once, and normals are added. What comes out is glTF again.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Missing, root } from './toolchain.mjs';

export const MODELS = ['fr3', 'fer'];
export const MESHES = [...Array.from({ length: 8 }, (_, nth) => `link${nth}`), 'hand', 'finger'];

const CRATE = 'franka-description';
/** Faces that meet at a smaller angle are one smooth surface [rad]. */
const CREASE = (35 * Math.PI) / 180;

const GLB = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;
const FLOAT = 5126;
const UNSIGNED_INT = 5125;
const UNSIGNED_BYTE = 5121;
const BYTE = 5120;
const VERTICES = 34962;
const INDICES = 34963;

/** Returns the folder of the crate's meshes; cargo has it, as the workspace depends on the crate. */
export function meshFolder() {
  const host = /^host: (.+)$/m.exec(spawnSync('rustc', ['-vV'], { encoding: 'utf8' }).stdout ?? '');
  // Only for this platform: otherwise cargo downloads the crates of all of them.
  const platform = host ? ['--filter-platform', host[1]] : [];
  const args = ['metadata', '--format-version', '1', '--locked', ...platform];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 };
  const { status, stdout, stderr, error } = spawnSync('cargo', args, options);
  if (status !== 0) throw new Missing(`cargo metadata failed: ${error?.message ?? stderr.trim()}`);
  const found = JSON.parse(stdout).packages.find(({ name }) => name === CRATE);
  if (!found)
    throw new Missing(`the crate ${CRATE} is not among the dependencies of the workspace.`);
  return join(dirname(found.manifest_path), 'meshes');
}

/** Returns the mesh in the file as one mesh with normals and colours. */
export function convert(file) {
  return write(merge(read(readFileSync(file)).map(smooth)));
}

/** Reads the primitives of a glTF binary: positions, indices and a colour of each. */
function read(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== GLB) throw new Missing(`a mesh of ${CRATE} is no glTF binary.`);
  const jsonLength = view.getUint32(12, true);
  const json = JSON.parse(bytes.subarray(20, 20 + jsonLength).toString('utf8'));
  const binary = bytes.subarray(20 + jsonLength + 8);
  const values = (nth, Kind, width) => {
    const { bufferView, byteOffset = 0, count } = json.accessors[nth];
    const start = (json.bufferViews[bufferView].byteOffset ?? 0) + byteOffset;
    const length = count * width * Kind.BYTES_PER_ELEMENT;
    return new Kind(new Uint8Array(binary.subarray(start, start + length)).buffer);
  };
  const primitives = json.meshes.flatMap((mesh) => mesh.primitives);
  return primitives.map(({ attributes, indices, material }) => ({
    positions: values(attributes.POSITION, Float32Array, 3),
    indices: values(indices, Uint32Array, 1),
    color: json.materials[material].pbrMetallicRoughness.baseColorFactor,
  }));
}

/** Adds normals: each corner of a face has the mean of the faces around it that lie at a smaller angle than the crease. */
function smooth({ positions, indices, color }) {
  const faces = indices.length / 3;
  const normals = new Float64Array(3 * faces);
  const areas = new Float64Array(faces);
  const around = new Map();
  const at = (vertex) => positions.subarray(3 * vertex, 3 * vertex + 3);
  // Vertices at the same place are one here, whatever the file has.
  const place = (vertex) => at(vertex).join();
  for (let face = 0; face < faces; face += 1) {
    const [a, b, c] = [0, 1, 2].map((corner) => at(indices[3 * face + corner]));
    const [u, v] = [b, c].map((to) => to.map((value, axis) => value - a[axis]));
    const normal = [
      u[1] * v[2] - u[2] * v[1],
      u[2] * v[0] - u[0] * v[2],
      u[0] * v[1] - u[1] * v[0],
    ];
    const length = Math.hypot(...normal);
    areas[face] = length;
    if (length > 0)
      normals.set(
        normal.map((value) => value / length),
        3 * face,
      );
    for (let corner = 0; corner < 3; corner += 1) {
      const key = place(indices[3 * face + corner]);
      if (!around.has(key)) around.set(key, []);
      around.get(key).push(face);
    }
  }
  const dot = (one, other) =>
    normals[3 * one] * normals[3 * other] +
    normals[3 * one + 1] * normals[3 * other + 1] +
    normals[3 * one + 2] * normals[3 * other + 2];
  const made = { positions: [], normals: [], indices: [], color };
  const known = new Map();
  for (let nth = 0; nth < indices.length; nth += 1) {
    const face = Math.floor(nth / 3);
    if (areas[face] === 0) continue;
    const sum = [0, 0, 0];
    for (const other of around.get(place(indices[nth]))) {
      if (dot(face, other) < Math.cos(CREASE)) continue;
      for (let axis = 0; axis < 3; axis += 1) sum[axis] += areas[other] * normals[3 * other + axis];
    }
    const length = Math.hypot(...sum);
    const normal = sum.map((value) => Math.round((127 * value) / length));
    const key = `${place(indices[nth])} ${normal}`;
    if (!known.has(key)) {
      known.set(key, known.size);
      made.positions.push(...at(indices[nth]));
      made.normals.push(...normal, 0);
    }
    made.indices.push(known.get(key));
  }
  return made;
}

/** Makes one mesh of several. */
function merge(parts) {
  const whole = { positions: [], normals: [], colors: [], indices: [] };
  for (const { positions, normals, indices, color } of parts) {
    const first = whole.positions.length / 3;
    for (const value of positions) whole.positions.push(value);
    for (const value of normals) whole.normals.push(value);
    for (const index of indices) whole.indices.push(first + index);
    const bytes = color.map((value) => Math.round(255 * value));
    for (let nth = 0; nth < positions.length / 3; nth += 1) whole.colors.push(...bytes);
  }
  return whole;
}

/** Writes a mesh as a glTF binary. */
function write({ positions, normals, colors, indices }) {
  const count = positions.length / 3;
  const extent = (pick) =>
    [0, 1, 2].map((axis) =>
      positions.reduce(
        (best, value, nth) => (nth % 3 === axis ? pick(best, value) : best),
        positions[axis],
      ),
    );
  const parts = [
    { data: new Float32Array(positions), target: VERTICES },
    { data: new Int8Array(normals), target: VERTICES, byteStride: 4 },
    { data: new Uint8Array(colors), target: VERTICES },
    { data: new Uint32Array(indices), target: INDICES },
  ];
  let byteLength = 0;
  const bufferViews = parts.map(({ data, ...rest }) => {
    const part = { buffer: 0, byteOffset: byteLength, byteLength: data.byteLength, ...rest };
    byteLength += data.byteLength;
    return part;
  });
  const vector = { bufferView: 0, componentType: FLOAT, count, type: 'VEC3' };
  const json = {
    asset: {
      version: '2.0',
      generator: 'kilohertz',
      copyright: '2023 Franka Robotics GmbH, Apache-2.0',
    },
    // Normals of bytes need it.
    extensionsUsed: ['KHR_mesh_quantization'],
    extensionsRequired: ['KHR_mesh_quantization'],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [
      {
        primitives: [
          { attributes: { POSITION: 0, NORMAL: 1, COLOR_0: 2 }, indices: 3, material: 0 },
        ],
      },
    ],
    materials: [{ pbrMetallicRoughness: { metallicFactor: 0, roughnessFactor: 0.6 } }],
    accessors: [
      { ...vector, min: extent(Math.min), max: extent(Math.max) },
      { ...vector, bufferView: 1, componentType: BYTE, normalized: true },
      { bufferView: 2, componentType: UNSIGNED_BYTE, normalized: true, count, type: 'VEC4' },
      { bufferView: 3, componentType: UNSIGNED_INT, count: indices.length, type: 'SCALAR' },
    ],
    bufferViews,
    buffers: [{ byteLength }],
  };
  let text = JSON.stringify(json);
  text += ' '.repeat((4 - (Buffer.byteLength(text) % 4)) % 4);
  const head = (length, kind) => Buffer.from(new Uint32Array([length, kind]).buffer);
  const chunks = [
    head(Buffer.byteLength(text), JSON_CHUNK),
    Buffer.from(text),
    head(byteLength, BINARY_CHUNK),
    ...parts.map(({ data }) => Buffer.from(data.buffer)),
  ];
  const total = 12 + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return Buffer.concat([Buffer.from(new Uint32Array([GLB, 2, total]).buffer), ...chunks]);
}
