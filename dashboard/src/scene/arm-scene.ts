// The picture of an arm: measured and commanded, with what touches it, where it was, and where it goes.

import {
  Color,
  ConeGeometry,
  CylinderGeometry,
  DoubleSide,
  EqualDepth,
  Group,
  type Material,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  Vector3,
} from 'three';
import { gripperOf } from '../frames.ts';
import type { History } from '../history.ts';
import { flangePose, isHand, multiply } from '../kinematics.ts';
import type { BoxInfo, ChunkInfo } from '../protocol.ts';
import { color, onThemeChange } from '../theme.ts';
import { Figure, type Look } from './figure.ts';
import type { Model } from './meshes.ts';
import { Stage } from './stage.ts';
import { axes, Strokes } from './strokes.ts';

/** A side of the box that is farther away is drawn here [m]: no arm reaches it. */
const FARTHEST_M = 10;

/** What can be shown and hidden. */
export const PARTS = ['ghost', 'frames', 'box', 'force', 'path', 'chunk'] as const;
export type Part = (typeof PARTS)[number];

/** The path of the end effector goes back so far [s]. */
const PATH_S = 5;
/** A ghost that differs by less is not drawn: it would be inside the arm [rad]. */
const GHOST_FROM = 0.002;
/** An arrow is so long for a newton [m/N], at most so long [m], and drawn from so much force on [N]. */
const ARROW_SCALE = 0.015;
const ARROW_LONGEST = 0.45;
export const ARROW_FROM_N = 2;

function solid(name?: string): Look {
  const paint = name === undefined ? { vertexColors: true } : { color: color(name) };
  return [{ material: new MeshStandardMaterial({ roughness: 0.55, ...paint }), renderOrder: 0 }];
}

/** What shines through. Its depth is drawn first, so that only its outside is seen. */
function glass(name: string): Look {
  const depth = new MeshBasicMaterial({ colorWrite: false });
  const blend = new MeshStandardMaterial({
    color: color(name),
    transparent: true,
    opacity: 0.5,
    depthFunc: EqualDepth,
  });
  return [
    { material: depth, renderOrder: 1 },
    { material: blend, renderOrder: 2 },
  ];
}

export class ArmScene {
  readonly stage: Stage;
  readonly shown = new Set<Part>(PARTS);
  readonly #model: Model;
  readonly #onLoad: (error?: unknown) => void;
  readonly #arm: Figure;
  readonly #ghost: Figure;
  readonly #ghostLook: Look;
  #other: Figure | undefined;
  #otherLook: Look | undefined;
  readonly #endEffector: Strokes;
  readonly #base: Strokes;
  readonly #box = new Strokes(12, 1.5);
  readonly #path = new Strokes(400, 3);
  readonly #chunk = new Strokes(400, 3);
  readonly #arrow = new Group();
  readonly #arrowMaterial = new MeshBasicMaterial({ side: DoubleSide });
  readonly #shaft: Mesh;
  readonly #forget: () => void;
  #chunkPlaces: { timeS: number; place: Float64Array }[] = [];
  #hadHand = false;
  #drawnTimeS = NaN;

  constructor(container: HTMLElement, model: Model, onLoad: (error?: unknown) => void) {
    this.stage = new Stage(container);
    this.#model = model;
    this.#onLoad = onLoad;
    const loaded = (error?: unknown) => {
      this.stage.invalidate();
      onLoad(error);
    };
    this.#arm = new Figure(model, solid(), loaded);
    this.#ghostLook = glass('ghost');
    this.#ghost = new Figure(model, this.#ghostLook, loaded);
    this.#ghost.root.visible = false;
    const colors = ['x', 'y', 'z'].map((axis) => new Color(color(`axis-${axis}`)));
    this.#endEffector = axes(0.12, colors);
    this.#endEffector.object.matrixAutoUpdate = false;
    this.#base = axes(0.2, colors);
    this.#shaft = new Mesh(new CylinderGeometry(0.007, 0.007, 1, 12), this.#arrowMaterial);
    const tip = new Mesh(new ConeGeometry(0.02, 0.05, 16), this.#arrowMaterial);
    this.#arrow.add(this.#shaft, tip);
    this.#arrow.visible = false;
    const { scene } = this.stage;
    scene.add(this.#arm.root, this.#ghost.root, this.#arrow);
    for (const strokes of [this.#endEffector, this.#base, this.#box, this.#path, this.#chunk]) {
      scene.add(strokes.object);
    }
    this.#forget = onThemeChange(() => this.#paint());
    this.#paint();
  }

  /** Sets the box of the session. */
  setBox(box: BoxInfo | null): void {
    this.#box.clear();
    if (box !== null) {
      const line = new Color(color('box'));
      const corner = (bits: number) =>
        [0, 1, 2].map((axis) => {
          const place = (bits & (1 << axis) ? box.max[axis] : box.min[axis]) ?? NaN;
          return Math.max(-FARTHEST_M, Math.min(FARTHEST_M, place));
        });
      for (let from = 0; from < 8; from += 1) {
        for (const bit of [1, 2, 4]) {
          if ((from & bit) === 0) this.#box.add(corner(from), corner(from | bit), line);
        }
      }
    }
    this.#box.show();
    this.#box.object.visible &&= this.shown.has('box');
    this.stage.invalidate();
  }

  /** Sets what is to come: where the end effector is to be at the time of each action. */
  setChunk(
    chunk: ChunkInfo | undefined,
    flangeFromEndEffector: ArrayLike<number> | undefined,
  ): void {
    this.#chunkPlaces = [];
    if (chunk === undefined) return;
    const { actions, width, timeS, stepS } = chunk;
    for (let row = 0; (row + 1) * width <= actions.length; row += 1) {
      const action = actions.slice(row * width, (row + 1) * width);
      let place: Float64Array | undefined;
      if (width === 16) place = Float64Array.from(action.slice(12, 15));
      else if (width === 7 && flangeFromEndEffector !== undefined) {
        place = multiply(flangePose(action), flangeFromEndEffector).slice(12, 15);
      }
      if (place !== undefined) this.#chunkPlaces.push({ timeS: timeS + row * stepS, place });
    }
  }

  /** Shows what the newest frame says, and another arm's beside it. */
  show(history: History, other?: History): void {
    const frame = history.newest;
    if (frame === undefined) return;
    const { fields } = history;
    const q = fields.of(frame.values, 'q', 7);
    if (q === undefined) return;
    const commanded = fields.of(frame.values, 'q_d', 7) ?? q;
    const { width } = gripperOf(fields, frame.values);
    const offset = fields.of(frame.values, 'F_T_EE', 16);
    const pose = fields.of(frame.values, 'O_T_EE', 16);
    this.#hadHand ||= Number.isFinite(width);
    const hasHand = this.#hadHand || (offset !== undefined && isHand(offset));
    for (const [figure, joints] of [
      [this.#arm, q],
      [this.#ghost, commanded],
    ] as const) {
      figure.set(joints);
      figure.setHand(hasHand, width);
    }
    const differs = q.some((value, nth) => Math.abs(value - (commanded[nth] ?? NaN)) > GHOST_FROM);
    this.#ghost.root.visible = this.shown.has('ghost') && differs;
    this.#drawnTimeS = frame.timeS;
    const hasPose = pose !== undefined;
    this.#base.object.visible = this.shown.has('frames');
    this.#endEffector.object.visible = hasPose && this.shown.has('frames');
    if (hasPose) {
      this.#endEffector.object.matrix.copy(new Matrix4().fromArray(pose));
      this.#endEffector.object.matrixWorldNeedsUpdate = true;
      const [x = 0, y = 0, z = 0] = pose.subarray(12, 15);
      this.stage.follow(x, y, z);
      this.#showForce(new Vector3(x, y, z), fields.of(frame.values, 'O_F_ext_hat_K', 6));
    }
    this.#showPath(history);
    this.#showChunk(frame.timeS, pose?.subarray(12, 15));
    this.#showOther(other);
    this.#box.object.visible = this.shown.has('box');
    this.stage.invalidate();
  }

  /** Returns what is drawn, read back from the scene; joints in rad, the path's newest place in m. */
  drawn() {
    return {
      timeS: this.#drawnTimeS,
      joints: this.#arm.joints(),
      ghost: this.#ghost.joints(),
      isGhostVisible: this.#ghost.root.visible,
      isForceVisible: this.#arrow.visible,
      chunkPoints: this.#chunk.count,
      fingers: this.#arm.fingers(),
      flange: this.#arm.flange.getWorldPosition(new Vector3()).toArray(),
      other: this.#other?.joints(),
    };
  }

  dispose(): void {
    this.#forget();
    for (const strokes of [this.#endEffector, this.#base, this.#box, this.#path, this.#chunk]) {
      strokes.dispose();
    }
    this.stage.dispose();
  }

  #showForce(place: Vector3, wrench: Float32Array | undefined): void {
    // The state has what the arm applies; drawn is what is applied to it.
    const force = new Vector3(...(wrench?.subarray(0, 3) ?? [0, 0, 0])).negate();
    const newtons = force.length();
    this.#arrow.visible = this.shown.has('force') && newtons >= ARROW_FROM_N;
    if (!this.#arrow.visible) return;
    const length = Math.min(ARROW_LONGEST, ARROW_SCALE * newtons);
    force.normalize();
    this.#arrow.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), force);
    // The tip is where the force acts.
    this.#arrow.position.copy(place).addScaledVector(force, -0.025);
    this.#shaft.scale.y = length;
    this.#shaft.position.y = -0.025 - length / 2;
  }

  #showPath(history: History): void {
    this.#path.clear();
    const start = history.fields.start('O_T_EE', 16);
    if (start >= 0 && this.shown.has('path')) {
      const [x, y, z] = [12, 13, 14].map((nth) => history.column(start + nth));
      const times = history.timesS;
      const newest = times.at(-1) ?? 0;
      const at = (nth: number) => [x?.[nth] ?? NaN, y?.[nth] ?? NaN, z?.[nth] ?? NaN];
      const [near, far] = [new Color(color('path')), new Color(color('stage'))];
      const shade = (timeS: number) =>
        far.clone().lerp(near, 1 - (0.8 * (newest - timeS)) / PATH_S);
      for (let nth = times.length - 1; nth > 0; nth -= 1) {
        const [from = 0, to = 0] = times.subarray(nth - 1, nth + 1);
        if (newest - from > PATH_S) break;
        this.#path.add(at(nth - 1), at(nth), shade(from), shade(to));
      }
    }
    this.#path.show();
  }

  #showChunk(nowS: number, from: ArrayLike<number> | undefined): void {
    this.#chunk.clear();
    if (this.shown.has('chunk')) {
      const line = new Color(color('chunk'));
      let before = from;
      for (const { timeS, place } of this.#chunkPlaces) {
        if (timeS < nowS) continue;
        if (before !== undefined) this.#chunk.add(before, place, line);
        before = place;
      }
    }
    this.#chunk.show();
  }

  #showOther(other: History | undefined): void {
    const q = other?.newest && other.fields.of(other.newest.values, 'q', 7);
    if (this.#other === undefined && q !== undefined) {
      this.#otherLook = glass('other');
      this.#other = new Figure(this.#model, this.#otherLook, (error) => {
        this.stage.invalidate();
        this.#onLoad(error);
      });
      this.stage.scene.add(this.#other.root);
    }
    if (this.#other === undefined) return;
    this.#other.root.visible = q !== undefined;
    if (q === undefined || !other?.newest) return;
    this.#other.set(q);
    const { width } = gripperOf(other.fields, other.newest.values);
    const offset = other.fields.of(other.newest.values, 'F_T_EE', 16);
    this.#other.setHand(Number.isFinite(width) || (offset !== undefined && isHand(offset)), width);
  }

  #paint(): void {
    this.#arrowMaterial.color.set(color('force'));
    paint(this.#ghostLook, 'ghost');
    if (this.#otherLook !== undefined) paint(this.#otherLook, 'other');
    this.stage.invalidate();
  }
}

function paint(look: Look, name: string): void {
  for (const { material } of look) {
    const painted: Material & { color?: Color } = material;
    painted.color?.set(color(name));
  }
}
