// The meshes of an arm's links, loaded once a page.

import type { BufferGeometry, Mesh } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';

export const MODELS = ['fr3', 'fer'] as const;
export type Model = (typeof MODELS)[number];

export interface Meshes {
  /** The base, and the link after each joint, in its joint's frame. */
  links: BufferGeometry[];
  hand: BufferGeometry;
  finger: BufferGeometry;
}

const loaded = new Map<Model, Promise<Meshes>>();

/** Returns the model if there are meshes of it. */
export function knownModel(name: string | null): Model | undefined {
  return MODELS.find((model) => model === name);
}

/** Loads the meshes of a model. After a failure the next call tries again. */
export function loadMeshes(model: Model): Promise<Meshes> {
  const known = loaded.get(model);
  if (known !== undefined) return known;
  const loading = load(model);
  loaded.set(model, loading);
  loading.catch(() => loaded.delete(model));
  return loading;
}

async function load(model: Model): Promise<Meshes> {
  const loader = new GLTFLoader();
  const one = async (name: string) => {
    const { scene } = await loader.loadAsync(`meshes/${model}/${name}.glb`);
    let geometry: BufferGeometry | undefined;
    scene.traverse((node) => {
      if ('isMesh' in node) geometry = (node as Mesh).geometry;
    });
    if (geometry === undefined) throw new Error(`the mesh ${name} is empty`);
    return geometry;
  };
  const names = Array.from({ length: 8 }, (_, nth) => `link${nth}`);
  const [hand, finger, ...links] = await Promise.all(['hand', 'finger', ...names].map(one));
  if (hand === undefined || finger === undefined) throw new Error('meshes are missing');
  return { links, hand, finger };
}
